#include "policy/masking/field_check.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "policy/masking/field_glob.h"
#include "policy/masking/field_options.h"
#include "policy/masking/type_table.h"
#include "protos/suggestion.h"

namespace sallyport::policy {
namespace {

// Whether a glob means a field of the types of a table. Follows only what the glob leads to.
class FieldSearch {
 public:
  FieldSearch(const TypeTable& table, const FieldGlob& glob) : table_(table), glob_(glob) {}

  // Also if that is too much to look at: it then means too much rather than nothing.
  bool Finds(const TypeTable::Type& type) {
    open_.emplace_back(&type, glob_.AtType(type.full_name));
    while (!open_.empty()) {
      const auto [at, places] = std::move(open_.back());
      open_.pop_back();
      if (places.empty() || !seen_.insert({at, places}).second) continue;
      if (seen_.size() > kMostSteps) return true;
      for (const TypeTable::Field& field : table_.FieldsOf(*at)) {
        if (Follow(field, places)) return true;
      }
    }
    return false;
  }

 private:
  static constexpr size_t kMostSteps = 1'000'000;

  bool Follow(const TypeTable::Field& field, const FieldGlob::Places& places) {
    FieldGlob::Places next = glob_.After(places, field.name);
    bool by_wildcard = false;
    if (next.empty()) return false;
    if (glob_.Accepts(next, &by_wildcard)) return true;
    if (field.message != TypeTable::kNone) open_.emplace_back(&table_.type(field.message), std::move(next));
    return false;
  }

  const TypeTable& table_;
  const FieldGlob& glob_;
  std::vector<std::pair<const TypeTable::Type*, FieldGlob::Places>> open_;
  std::set<std::pair<const TypeTable::Type*, FieldGlob::Places>> seen_;
};

class Checker {
 public:
  explicit Checker(absl::Span<const std::shared_ptr<const Descriptors>> sets) : sets_(sets) {}

  void Check(const std::string& name, int line, const FieldSelection& fields) {
    for (const FieldGlob& glob : fields.globs) {
      if (!Means(glob)) Warn(name, line, absl::StrCat("no field is meant by \"", glob.text(), "\"", Instead(glob)));
    }
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

  const TypeTable& Types() {
    if (!table_.has_value()) table_.emplace(sets_);
    return *table_;
  }

  bool Means(const FieldGlob& glob) {
    FieldSearch search(Types(), glob);
    return std::any_of(Types().types().begin(), Types().types().end(),
                       [&](const TypeTable::Type& type) { return search.Finds(type); });
  }

  // The same glob with a last name that there is, if one is near.
  std::string Instead(const FieldGlob& glob) {
    const std::string& text = glob.text();
    const size_t dot = text.rfind('.');
    if (dot == std::string::npos || text.find_first_of("*?", dot) != std::string::npos) return "";
    std::set<std::string> names;
    if (const absl::StatusOr<FieldGlob> any = FieldGlob::Parse(text.substr(0, dot) + ".*"); any.ok()) {
      for (const TypeTable::Type& type : Types().types()) {
        const FieldGlob::Places at = any->AtType(type.full_name);
        if (at.empty()) continue;
        for (const TypeTable::Field& field : Types().FieldsOf(type)) {
          bool by_wildcard = false;
          if (any->Accepts(any->After(at, field.name), &by_wildcard)) names.emplace(field.name);
        }
      }
    }
    const std::optional<std::string> nearest =
        Nearest(text.substr(dot + 1), std::vector<std::string>(names.begin(), names.end()));
    return nearest.has_value() ? absl::StrCat(" (did you mean \"", text.substr(0, dot), ".", *nearest, "\"?)") : "";
  }

  const std::set<std::string>& Classes() {
    if (classes_.has_value()) return *classes_;
    classes_.emplace();
    for (const TypeTable::Type& type : Types().types()) {
      for (const TypeTable::Field& field : Types().FieldsOf(type)) {
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
  std::optional<TypeTable> table_;                // once somebody asks
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
