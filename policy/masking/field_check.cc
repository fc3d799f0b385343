#include "policy/masking/field_check.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "policy/masking/field_glob.h"
#include "policy/masking/field_options.h"
#include "policy/masking/key_selector.h"
#include "policy/masking/type_table.h"
#include "protos/suggestion.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

// What a field is, for people.
std::string KindOf(const pb::FieldDescriptor& field) {
  if (field.is_map()) return "a map";
  if (field.is_repeated()) return "repeated";
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) return "a message";
  return absl::StrCat("of type ", field.type_name());
}

// What of a glob's selectors means nothing. Fed with every type that one of them is about.
class KeyFaults {
 public:
  // False if no message of that type has such a key.
  bool Look(const pb::Descriptor& type, const KeySelector& selector) {
    if (type.full_name() == "google.protobuf.Any") return false;
    const pb::FieldDescriptor* const named = type.FindFieldByName(selector.field);
    if (named == nullptr) {
      Note(absl::StrCat(type.full_name(), " has no field \"", selector.field, "\"", Instead(type, selector.field)));
      return false;
    }
    if (!CanBeKey(*named)) {
      Note(absl::StrCat(named->full_name(), " is ", KindOf(*named),
                        ", and keys are strings, bytes, integers or booleans, and single ones"));
      return false;
    }
    bool any = false;
    for (const KeyPattern& pattern : selector.patterns) {
      const bool may = MayHold(*named, pattern);
      any = any || may;
      OfKey& found = keys_[{selector.text, pattern.text}];
      found.means = found.means || may;
      if (!may && found.fault.empty()) {
        found.fault = absl::StrCat("no ", named->full_name(), " is \"", pattern.text, "\": it is of type ",
                                   named->type_name(), Written(*named, pattern.text));
      }
    }
    holds_ = holds_ || any;
    return any;
  }

  // The first that keeps everything from being meant; empty if it is not for keys.
  std::string first() const {
    if (holds_ || !first_.empty()) return holds_ ? "" : first_;
    const std::vector<std::string> keys = OfKeys();
    return keys.empty() ? "" : keys.front();
  }
  // One for each key that no message has.
  std::vector<std::string> OfKeys() const {
    std::vector<std::string> texts;
    for (const auto& [key, found] : keys_) {
      if (!found.means) texts.push_back(found.fault);
    }
    return texts;
  }

 private:
  struct OfKey {
    bool means = false;
    std::string fault;
  };

  void Note(std::string text) {
    if (first_.empty()) first_ = std::move(text);
  }

  static std::string Instead(const pb::Descriptor& type, const std::string& name) {
    std::vector<std::string> names;
    for (int i = 0; i < type.field_count(); ++i) {
      if (CanBeKey(*type.field(i))) names.push_back(type.field(i)->name());
    }
    const std::optional<std::string> nearest = Nearest(name, names);
    return nearest.has_value() ? absl::StrCat(" (did you mean \"", *nearest, "\"?)") : "";
  }

  // How what was probably meant is written.
  static std::string Written(const pb::FieldDescriptor& field, const std::string& text) {
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL) {
      bool value = false;
      return absl::SimpleAtob(text, &value) ? absl::StrCat(" (did you mean \"", value ? "true" : "false", "\"?)") : "";
    }
    int64_t value = 0;
    if (!absl::SimpleAtoi(text, &value) || !MayHold(field, {absl::StrCat(value), false})) return "";
    return absl::StrCat(" (did you mean \"", value, "\"?)");
  }

  bool holds_ = false;  // of some type
  std::string first_;
  std::map<std::pair<std::string, std::string>, OfKey> keys_;  // by selector and pattern
};

// Whether a glob means a field of the types of one set. Follows only what the glob leads to.
class FieldSearch {
 public:
  // What is found out about selectors goes to `faults`, and then the search goes on where it could stop. The names of
  // fields that are meant go to `names`. Both may be null.
  FieldSearch(const FieldGlob& glob, KeyFaults* faults, std::set<std::string>* names)
      : glob_(glob), faults_(glob.has_selectors() ? faults : nullptr), names_(names) {}

  // Also if that is too much to look at: it then means too much rather than nothing.
  bool Finds(const pb::Descriptor& type) {
    open_.emplace_back(&type, glob_.AtType(type.full_name()));
    bool found = false;
    while (!open_.empty()) {
      const auto [at, waiting] = std::move(open_.back());
      open_.pop_back();
      const FieldGlob::Places places = Decided(*at, waiting);
      if (places.empty() || !seen_.insert({at, places}).second) continue;
      if (seen_.size() > kMostSteps) return true;
      for (int i = 0; i < at->field_count(); ++i) {
        found = Follow(*at->field(i), places) || found;
        if (found && faults_ == nullptr && names_ == nullptr) return true;
      }
    }
    return found;
  }

 private:
  static constexpr size_t kMostSteps = 1'000'000;

  FieldGlob::Places Decided(const pb::Descriptor& type, const FieldGlob::Places& places) const {
    return glob_.Decided(places, [&](uint16_t, const KeySelector& selector) {
      if (faults_ != nullptr) return faults_->Look(type, selector);
      return KeyFieldOf(type, selector) != nullptr;
    });
  }

  bool Follow(const pb::FieldDescriptor& field, const FieldGlob::Places& places) {
    FieldGlob::Places next = glob_.After(places, field.name());
    bool by_wildcard = false;
    if (next.empty()) return false;
    const bool meant = glob_.Accepts(next, &by_wildcard);
    if (meant && names_ != nullptr) names_->insert(field.name());
    if (meant && faults_ == nullptr) return true;
    if (field.message_type() != nullptr) open_.emplace_back(field.message_type(), std::move(next));
    return meant;
  }

  const FieldGlob& glob_;
  KeyFaults* const faults_;
  std::set<std::string>* const names_;
  std::vector<std::pair<const pb::Descriptor*, FieldGlob::Places>> open_;
  std::set<std::pair<const pb::Descriptor*, FieldGlob::Places>> seen_;
};

// The same for globs without selectors, for which names are enough: nothing is built for it.
class NameSearch {
 public:
  NameSearch(const TypeTable& table, const FieldGlob& glob, std::set<std::string>* names)
      : table_(table), glob_(glob), names_(names) {}

  // Also if that is too much to look at.
  bool Finds(const TypeTable::Type& type) {
    bool found = false;
    open_.emplace_back(&type, glob_.AtType(type.full_name));
    while (!open_.empty()) {
      const auto [at, places] = std::move(open_.back());
      open_.pop_back();
      if (places.empty() || !seen_.insert({at, places}).second) continue;
      if (seen_.size() > kMostSteps) return true;
      for (const TypeTable::Field& field : table_.FieldsOf(*at)) {
        found = Follow(field, places) || found;
        if (found && names_ == nullptr) return true;
      }
    }
    return found;
  }

 private:
  static constexpr size_t kMostSteps = 1'000'000;

  bool Follow(const TypeTable::Field& field, const FieldGlob::Places& places) {
    FieldGlob::Places next = glob_.After(places, field.name);
    bool by_wildcard = false;
    if (next.empty()) return false;
    const bool accepted = glob_.Accepts(next, &by_wildcard);
    if (accepted && names_ != nullptr) names_->emplace(field.name);
    if (field.message != TypeTable::kNone) open_.emplace_back(&table_.type(field.message), std::move(next));
    return accepted;
  }

  const TypeTable& table_;
  const FieldGlob& glob_;
  std::set<std::string>* const names_;  // of fields that are meant; may be null
  std::vector<std::pair<const TypeTable::Type*, FieldGlob::Places>> open_;
  std::set<std::pair<const TypeTable::Type*, FieldGlob::Places>> seen_;
};

class Checker {
 public:
  explicit Checker(absl::Span<const std::shared_ptr<const Descriptors>> sets) : sets_(sets) {}

  void Check(const std::string& name, int line, const FieldSelection& fields) {
    for (const FieldGlob& glob : fields.globs) CheckGlob(name, line, glob);
    for (const std::string& glob : fields.classes) {
      const auto like = [&](const std::string& known) { return GlobMatches(glob, known); };
      if (std::none_of(Classes().begin(), Classes().end(), like)) {
        Warn(name, line, absl::StrCat("no field has a class like \"", glob, "\""));
      }
    }
    for (const std::string& option : fields.options) {
      if (!HasOption(option)) Warn(name, line, absl::StrCat("no field has the option \"", option, "\""));
    }
  }

  std::vector<PolicyWarning> Finish() && { return std::move(warnings_); }

 private:
  void Warn(const std::string& name, int line, const std::string& text) {
    warnings_.push_back({line, name, absl::StrCat(text, " in the descriptors known")});
  }

  const TypeTable& Table() {
    if (!table_.has_value()) table_.emplace(sets_);
    return *table_;
  }

  // All types, built: selectors are about what fields are.
  const std::vector<const pb::Descriptor*>& Types() {
    if (std::exchange(built_, true)) return types_;
    std::set<const pb::Descriptor*> known;
    for (const auto& set : sets_) {
      for (const std::string& name : set->message_types()) {
        const pb::Descriptor* type = set->pool().FindMessageTypeByName(name);
        if (type != nullptr && known.insert(type).second) types_.push_back(type);
      }
    }
    return types_;
  }

  void CheckGlob(const std::string& name, int line, const FieldGlob& glob) {
    if (!glob.has_selectors()) {
      NameSearch by_name(Table(), glob, nullptr);
      const auto& types = Table().types();
      const bool means =
          std::any_of(types.begin(), types.end(), [&](const TypeTable::Type& type) { return by_name.Finds(type); });
      if (!means) Warn(name, line, absl::StrCat("no field is meant by \"", glob.text(), "\"", Instead(glob)));
      return;
    }
    KeyFaults faults;
    FieldSearch search(glob, &faults, nullptr);
    bool means = false;
    for (const pb::Descriptor* type : Types()) means = search.Finds(*type) || means;
    if (!means) {
      const std::string why = faults.first();
      return Warn(name, line,
                  absl::StrCat("no field is meant by \"", glob.text(), "\"",
                               why.empty() ? Instead(glob) : absl::StrCat(", for ", why)));
    }
    for (const std::string& fault : faults.OfKeys()) {
      Warn(name, line, absl::StrCat("\"", glob.text(), "\" has a key that means nothing: ", fault));
    }
  }

  // The same glob with a last name that there is, if one is near.
  std::string Instead(const FieldGlob& glob) {
    const std::string last(glob.last_name());
    if (last.find_first_of("*?") != std::string::npos) return "";
    std::set<std::string> names;
    if (const absl::StatusOr<FieldGlob> any = FieldGlob::Parse(glob.EndingIn("*")); any.ok()) {
      if (any->has_selectors()) {
        for (const pb::Descriptor* type : Types()) FieldSearch(*any, nullptr, &names).Finds(*type);
      } else {
        for (const TypeTable::Type& type : Table().types()) NameSearch(Table(), *any, &names).Finds(type);
      }
    }
    const std::optional<std::string> nearest = Nearest(last, std::vector<std::string>(names.begin(), names.end()));
    return nearest.has_value() ? absl::StrCat(" (did you mean \"", glob.EndingIn(*nearest), "\"?)") : "";
  }

  const std::set<std::string>& Classes() {
    if (classes_.has_value()) return *classes_;
    classes_.emplace();
    for (const TypeTable::Type& type : Table().types()) {
      for (const TypeTable::Field& field : Table().FieldsOf(type)) {
        if (field.options.empty()) continue;
        const FieldOptions options = ReadFieldOptions(field.options);
        if (!options.sensitive_class.empty()) classes_->insert(options.sensitive_class);
        options_.insert(options.set.begin(), options.set.end());
      }
    }
    return *classes_;
  }

  bool HasOption(const std::string& name) {
    Classes();
    return std::any_of(sets_.begin(), sets_.end(), [&](const std::shared_ptr<const Descriptors>& set) {
      const uint32_t number = OptionNumber(set->pool(), name);
      return number != 0 && options_.contains(number);
    });
  }

  const absl::Span<const std::shared_ptr<const Descriptors>> sets_;
  std::optional<TypeTable> table_;  // once somebody asks, as are
  std::vector<const pb::Descriptor*> types_;
  bool built_ = false;
  std::optional<std::set<std::string>> classes_;  // once somebody asks, as is
  std::set<uint32_t> options_;                    // numbers of those that some field has
  std::vector<PolicyWarning> warnings_;
};

}  // namespace

std::vector<PolicyWarning> CheckFields(const Policy& policy,
                                       absl::Span<const std::shared_ptr<const Descriptors>> descriptors) {
  Checker checker(descriptors);
  for (const MaskRule& mask : policy.masks()) checker.Check(mask.name, mask.line, mask.fields);
  for (const ContentRule& rule : policy.content_rules()) {
    for (const FieldConditionRule& condition : rule.conditions) checker.Check(rule.name, rule.line, condition.field);
  }
  return std::move(checker).Finish();
}

}  // namespace sallyport::policy
