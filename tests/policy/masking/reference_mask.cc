#include "tests/policy/masking/reference_mask.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/field_comparator.h>
#include <google/protobuf/util/message_differencer.h>

#include <cstddef>
#include <limits>
#include <memory>
#include <optional>

#include "absl/strings/str_split.h"
#include "policy/glob.h"
#include "policy/masking/field_options.h"
#include "policy/masking/mask_table.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
using Parts = std::vector<std::string>;

constexpr char kAny[] = "google.protobuf.Any";

// A name of a glob, and what is in brackets behind it.
struct Part {
  std::string name;
  std::string selector;
};

std::vector<Part> PartsOf(const std::string& glob) {
  std::vector<Part> parts(1);
  bool within = false;
  for (const char c : glob) {
    if (c == '.' && !within) {
      parts.emplace_back();
    } else if (c == '[' || c == ']') {
      within = c == '[';
    } else {
      (within ? parts.back().selector : parts.back().name) += c;
    }
  }
  if (!parts.back().selector.empty()) parts.push_back({"value", ""});
  return parts;
}

// The value of a key, as patterns have it; nothing of a field that can be none.
std::optional<std::string> KeyText(const pb::Message& message, const pb::FieldDescriptor& field) {
  const pb::Reflection& r = *message.GetReflection();
  if (field.is_repeated()) return std::nullopt;
  switch (field.cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return r.GetString(message, &field);
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      return r.GetBool(message, &field) ? "true" : "false";
    case pb::FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(r.GetInt32(message, &field));
    case pb::FieldDescriptor::CPPTYPE_INT64:
      return std::to_string(r.GetInt64(message, &field));
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(r.GetUInt32(message, &field));
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(r.GetUInt64(message, &field));
    default:
      return std::nullopt;
  }
}

// Of small numbers.
bool MayBe(const pb::FieldDescriptor& field, const std::string& pattern) {
  if (pattern.find_first_of("*?") != std::string::npos || field.cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
    return true;
  }
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL) return pattern == "true" || pattern == "false";
  return pattern.find_first_not_of("0123456789") == std::string::npos;
}

// `any`: whatever the key is.
bool KeyHolds(const pb::Message& message, const std::string& selector, bool any) {
  const size_t equals = selector.find('=');
  const std::string name = equals == std::string::npos ? "key" : selector.substr(0, equals);
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || message.GetDescriptor()->full_name() == kAny) return false;
  const std::optional<std::string> text = KeyText(message, *field);
  const std::string patterns = equals == std::string::npos ? selector : selector.substr(equals + 1);
  for (const std::string& pattern : Parts(absl::StrSplit(patterns, '|'))) {
    if (!text.has_value()) return false;
    if (any ? MayBe(*field, pattern) : GlobMatches(pattern, *text)) return true;
  }
  return false;
}

// `holds(p, selector)`: of the message that is reached with the path's name `p`.
template <typename Holds>
bool PartsMatch(const std::vector<Part>& glob, size_t g, const Parts& path, size_t p, const Holds& holds) {
  if (g == glob.size()) return p == path.size();
  if (glob[g].name == "**") {
    const size_t least = g + 1 == glob.size() ? 1 : 0;
    for (size_t next = p + least; next <= path.size(); ++next) {
      if (PartsMatch(glob, g + 1, path, next, holds)) return true;
    }
    return false;
  }
  return p < path.size() && GlobMatches(glob[g].name, path[p]) &&
         (glob[g].selector.empty() || holds(p, glob[g].selector)) && PartsMatch(glob, g + 1, path, p + 1, holds);
}

// Protobuf's own DiscardUnknownFields leaves those in maps of dynamic messages.
void RemoveUnknown(pb::Message* message) {
  const pb::Reflection& reflection = *message->GetReflection();
  reflection.MutableUnknownFields(message)->Clear();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(*message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) RemoveUnknown(reflection.MutableMessage(message, field));
    for (int i = 0; field->is_repeated() && i < reflection.FieldSize(*message, field); ++i) {
      RemoveUnknown(reflection.MutableRepeatedMessage(message, field, i));
    }
  }
}

class Reference {
 public:
  Reference(const std::vector<ReferenceRule>& rules, const MaskKey& key, ReferenceKeys keys = ReferenceKeys::kAsTheyAre)
      : rules_(rules), key_(key), keys_(keys) {
    table_.key = key;
    for (const ReferenceRule& rule : rules) {
      if (rule.detects && table_.detectors == nullptr) {
        table_.detectors = &Cards();
        table_.detected = {static_cast<int32_t>(table_.actions.size())};
      }
      table_.actions.push_back(rule.action);
    }
  }

  void Walk(pb::Message* message) {
    if (message->GetDescriptor()->full_name() == kAny) return WalkAny(message);
    const std::unique_ptr<pb::Message> original(message->New());
    original->CopyFrom(*message);
    const pb::Reflection& reflection = *message->GetReflection();
    std::vector<const pb::FieldDescriptor*> fields;
    reflection.ListFields(*message, &fields);
    // Entries of maps are written whole, with what is empty or 0.
    if (message->GetDescriptor()->options().map_entry()) {
      fields = {message->GetDescriptor()->field(0), message->GetDescriptor()->field(1)};
    }
    for (const pb::FieldDescriptor* field : fields) {
      path_.push_back({message->GetDescriptor()->full_name(), field->name(), original.get()});
      const bool is_message = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
      const std::optional<Held> held = HeldBy(*field);
      const ReferenceRule* rule = RuleFor(is_message || (held.has_value() && held->type != nullptr));
      if (rule != nullptr) {
        Mask(rule->action, *field, message);
      } else if (held.has_value()) {
        ForEachText(*field, message, [&](const std::string& value) -> std::optional<std::string> {
          if (held->type == nullptr) return std::nullopt;
          const std::unique_ptr<pb::Message> inner(held->factory->GetPrototype(held->type)->New());
          if (!inner->ParseFromString(value)) return value;
          Walk(inner.get());
          RemoveUnknown(inner.get());
          return Canonical(*inner);
        });
      } else if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
        ForEachText(*field, message, [&](const std::string& value) -> std::optional<std::string> {
          std::string masked;
          return MaskFinds(table_, "", value, &budget_, &masked) ? masked : value;
        });
      } else if (is_message && field->is_repeated()) {
        for (int i = 0; i < reflection.FieldSize(*message, field); ++i) {
          Walk(reflection.MutableRepeatedMessage(message, field, i));
        }
      } else if (is_message) {
        Walk(reflection.MutableMessage(message, field));
      }
      path_.pop_back();
    }
  }

  void FindUnknown(const pb::Message& message, std::string* where) {
    const pb::Reflection& reflection = *message.GetReflection();
    if (!reflection.GetUnknownFields(message).empty() && IsMasked(message)) {
      *where += message.GetDescriptor()->full_name() + " ";
    }
    if (message.GetDescriptor()->full_name() == kAny) return FindUnknownInAny(message, where);
    std::vector<const pb::FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const pb::FieldDescriptor* field : fields) {
      path_.push_back({message.GetDescriptor()->full_name(), field->name(), &message});
      if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE && field->is_repeated()) {
        for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
          FindUnknown(reflection.GetRepeatedMessage(message, field, i), where);
        }
      } else if (field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
        FindUnknown(reflection.GetMessage(message, field), where);
      } else if (const std::optional<Held> held = HeldBy(*field); held.has_value() && held->type == nullptr) {
        if (RuleFor(false) == nullptr) *where += field->full_name() + " ";
      } else if (held.has_value()) {
        for (int i = 0; i < (field->is_repeated() ? reflection.FieldSize(message, field) : 1); ++i) {
          const std::unique_ptr<pb::Message> inner(held->factory->GetPrototype(held->type)->New());
          const bool parsed =
              inner->ParseFromString(field->is_repeated() ? reflection.GetRepeatedString(message, field, i)
                                                          : reflection.GetString(message, field));
          if (parsed && RuleFor(true) == nullptr) FindUnknown(*inner, where);
        }
      }
      path_.pop_back();
    }
  }

  struct Held {
    const pb::Descriptor* type;  // null if it is not known
    std::shared_ptr<pb::DynamicMessageFactory> factory;
  };
  static std::optional<Held> HeldBy(const pb::FieldDescriptor& field) {
    if (field.type() != pb::FieldDescriptor::TYPE_BYTES) return std::nullopt;
    const std::string holds = ReadFieldOptions(field).holds;
    if (holds.empty()) return std::nullopt;
    return Held{field.file()->pool()->FindMessageTypeByName(holds), std::make_shared<pb::DynamicMessageFactory>()};
  }

  static std::string Canonical(const pb::Message& message) {
    std::string bytes;
    {
      pb::io::StringOutputStream stream(&bytes);
      pb::io::CodedOutputStream coded(&stream);
      coded.SetSerializationDeterministic(true);
      message.SerializeToCodedStream(&coded);
    }
    return bytes;
  }

  // Puts what `become` returns in the place of each value; nothing: the field is removed.
  template <typename Become>
  static void ForEachText(const pb::FieldDescriptor& field, pb::Message* message, Become become) {
    const pb::Reflection& r = *message->GetReflection();
    for (int i = 0; field.is_repeated() && i < r.FieldSize(*message, &field); ++i) {
      const std::optional<std::string> value = become(r.GetRepeatedString(*message, &field, i));
      if (!value.has_value()) return r.ClearField(message, &field);
      r.SetRepeatedString(message, &field, i, *value);
    }
    if (field.is_repeated()) return;
    const std::optional<std::string> value = become(r.GetString(*message, &field));
    if (!value.has_value()) return r.ClearField(message, &field);
    r.SetString(message, &field, *value);
  }

 private:
  static const Detectors& Cards() {
    static const auto& detectors = *new std::shared_ptr<const Detectors>(*Detectors::Create({"payment_card"}, {}));
    return *detectors;
  }

  // Its content is at the place of the Any itself. Of a type that is not known, nothing is left.
  void WalkAny(pb::Message* any) {
    const pb::Reflection& r = *any->GetReflection();
    const pb::FieldDescriptor* url = any->GetDescriptor()->FindFieldByNumber(1);
    const pb::FieldDescriptor* value = any->GetDescriptor()->FindFieldByNumber(2);
    const pb::Descriptor* const type = ContentType(*any);
    if (const ReferenceRule* rule = RuleInAny("value"); rule != nullptr) {
      if (r.HasField(*any, value)) Mask(rule->action, *value, any);
    } else if (type == nullptr) {
      r.ClearField(any, value);
    } else {
      WalkContent(*type, *value, any);
    }
    if (const ReferenceRule* rule = RuleInAny("type_url"); rule != nullptr) {
      if (r.HasField(*any, url)) Mask(rule->action, *url, any);
    } else if (std::string masked; MaskFinds(table_, "", r.GetString(*any, url), &budget_, &masked)) {
      r.SetString(any, url, masked);
    }
  }

  void WalkContent(const pb::Descriptor& type, const pb::FieldDescriptor& value, pb::Message* any) {
    const pb::Reflection& r = *any->GetReflection();
    pb::DynamicMessageFactory factory;
    const std::unique_ptr<pb::Message> content(factory.GetPrototype(&type)->New());
    if (!content->ParseFromString(r.GetString(*any, &value))) return;
    Walk(content.get());
    RemoveUnknown(content.get());
    r.SetString(any, &value, Canonical(*content));
  }

  void FindUnknownInAny(const pb::Message& any, std::string* where) {
    const std::string value = any.GetReflection()->GetString(any, any.GetDescriptor()->FindFieldByNumber(2));
    if (RuleInAny("value") != nullptr || value.empty()) return;
    const pb::Descriptor* const type = ContentType(any);
    if (type == nullptr) {
      *where += std::string(kAny) + " ";
      return;
    }
    pb::DynamicMessageFactory factory;
    const std::unique_ptr<pb::Message> content(factory.GetPrototype(type)->New());
    if (content->ParseFromString(value)) FindUnknown(*content, where);
  }

  static const pb::Descriptor* ContentType(const pb::Message& any) {
    const std::string name = any.GetReflection()->GetString(any, any.GetDescriptor()->FindFieldByNumber(1));
    return any.GetDescriptor()->file()->pool()->FindMessageTypeByName(name.substr(name.rfind('/') + 1));
  }

  const ReferenceRule* RuleInAny(const char* field) {
    path_.push_back({kAny, field, nullptr});
    const ReferenceRule* const rule = RuleFor(false);
    path_.pop_back();
    return rule;
  }

  // Whether a rule is about fields of such a message here, those included that it does not have.
  bool IsMasked(const pb::Message& message) {
    if (table_.detectors != nullptr) return true;
    const pb::Descriptor& type = *message.GetDescriptor();
    std::vector<std::string> names = {"no_such_field"};
    for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
    for (const std::string& name : names) {
      path_.push_back({type.full_name(), name, &message});
      const bool masked = RuleFor(false) != nullptr;
      path_.pop_back();
      if (masked) return true;
    }
    return false;
  }

  const ReferenceRule* RuleFor(bool is_message) const {
    for (const ReferenceRule& rule : rules_) {
      for (const std::string& glob : rule.globs) {
        for (size_t i = path_.size(); i-- > 0;) {
          bool whole = false;
          if (ReferenceMeans(glob, path_, i, keys_, &whole) && (whole || !is_message)) return &rule;
        }
      }
    }
    return nullptr;
  }

  void Mask(const MaskAction& action, const pb::FieldDescriptor& field, pb::Message* message) const {
    const pb::Reflection& reflection = *message->GetReflection();
    if (action.kind == v1::Mask::drop && !field.is_required()) return reflection.ClearField(message, &field);
    const int count = field.is_repeated() ? reflection.FieldSize(*message, &field) : 1;
    for (int i = 0; i < count; ++i) MaskOne(action, field, i, message);
  }

  template <typename Number>
  Number Signed(const MaskAction& action, Number value) const {
    using Limits = std::numeric_limits<Number>;
    return static_cast<Number>(MaskedSigned(action, key_, value, Limits::min(), Limits::max()));
  }

  void MaskOne(const MaskAction& action, const pb::FieldDescriptor& field, int i, pb::Message* message) const {
    const pb::Reflection& r = *message->GetReflection();
    const bool many = field.is_repeated();
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_STRING: {
        const std::string value = many ? r.GetRepeatedString(*message, &field, i) : r.GetString(*message, &field);
        std::string masked;
        AppendMaskedValue(table_, "", action, value, &budget_, &masked);
        return many ? r.SetRepeatedString(message, &field, i, masked) : r.SetString(message, &field, masked);
      }
      case pb::FieldDescriptor::CPPTYPE_MESSAGE:
        (many ? r.MutableRepeatedMessage(message, &field, i) : r.MutableMessage(message, &field))->Clear();
        return;
      case pb::FieldDescriptor::CPPTYPE_ENUM: {
        const int first = field.enum_type()->value(0)->number();
        return many ? r.SetRepeatedEnumValue(message, &field, i, first) : r.SetEnumValue(message, &field, first);
      }
      case pb::FieldDescriptor::CPPTYPE_INT32: {
        const int32_t value = many ? r.GetRepeatedInt32(*message, &field, i) : r.GetInt32(*message, &field);
        return many ? r.SetRepeatedInt32(message, &field, i, Signed(action, value))
                    : r.SetInt32(message, &field, Signed(action, value));
      }
      case pb::FieldDescriptor::CPPTYPE_INT64: {
        const int64_t value = many ? r.GetRepeatedInt64(*message, &field, i) : r.GetInt64(*message, &field);
        return many ? r.SetRepeatedInt64(message, &field, i, Signed(action, value))
                    : r.SetInt64(message, &field, Signed(action, value));
      }
      case pb::FieldDescriptor::CPPTYPE_UINT32: {
        const uint32_t value = many ? r.GetRepeatedUInt32(*message, &field, i) : r.GetUInt32(*message, &field);
        const auto masked = static_cast<uint32_t>(MaskedUnsigned(action, key_, value, UINT32_MAX));
        return many ? r.SetRepeatedUInt32(message, &field, i, masked) : r.SetUInt32(message, &field, masked);
      }
      case pb::FieldDescriptor::CPPTYPE_UINT64: {
        const uint64_t value = many ? r.GetRepeatedUInt64(*message, &field, i) : r.GetUInt64(*message, &field);
        const uint64_t masked = MaskedUnsigned(action, key_, value, UINT64_MAX);
        return many ? r.SetRepeatedUInt64(message, &field, i, masked) : r.SetUInt64(message, &field, masked);
      }
      case pb::FieldDescriptor::CPPTYPE_BOOL: {
        const bool value = many ? r.GetRepeatedBool(*message, &field, i) : r.GetBool(*message, &field);
        const bool masked = MaskedUnsigned(action, key_, value ? 1 : 0, 1) != 0;
        return many ? r.SetRepeatedBool(message, &field, i, masked) : r.SetBool(message, &field, masked);
      }
      case pb::FieldDescriptor::CPPTYPE_FLOAT: {
        const float value = many ? r.GetRepeatedFloat(*message, &field, i) : r.GetFloat(*message, &field);
        const auto masked = static_cast<float>(MaskedFloating(action, key_, value));
        return many ? r.SetRepeatedFloat(message, &field, i, masked) : r.SetFloat(message, &field, masked);
      }
      case pb::FieldDescriptor::CPPTYPE_DOUBLE: {
        const double value = many ? r.GetRepeatedDouble(*message, &field, i) : r.GetDouble(*message, &field);
        const double masked = MaskedFloating(action, key_, value);
        return many ? r.SetRepeatedDouble(message, &field, i, masked) : r.SetDouble(message, &field, masked);
      }
    }
  }

  const std::vector<ReferenceRule>& rules_;
  const MaskKey& key_;
  const ReferenceKeys keys_;
  MaskTable table_;
  mutable WorkBudget budget_;
  std::vector<ReferenceStep> path_;
};

}  // namespace

bool ReferenceMeans(const std::string& glob, const std::vector<ReferenceStep>& path, size_t from, ReferenceKeys keys,
                    bool* whole) {
  std::vector<Part> parts = PartsOf(glob);
  *whole = parts.back().name != "**";
  Parts names = absl::StrSplit(path[from].type, '.');
  const auto in_type = static_cast<ptrdiff_t>(names.size());
  for (size_t i = from; i < path.size(); ++i) names.push_back(path[i].field);
  // A type is reached with the last of its names, and the message in a field with the field's.
  ptrdiff_t first_message = in_type - 1;
  const auto holds = [&](size_t name, const std::string& selector) {
    const ptrdiff_t step = static_cast<ptrdiff_t>(name + from) - first_message;
    if (step < static_cast<ptrdiff_t>(from) || step >= static_cast<ptrdiff_t>(path.size())) return false;
    const pb::Message* const message = path[static_cast<size_t>(step)].message;
    const bool at_end = static_cast<size_t>(step) + 1 == path.size();
    return message != nullptr && KeyHolds(*message, selector, at_end && keys == ReferenceKeys::kAnyAtTheEnd);
  };
  if (parts.front().name == "*") {
    const std::string selector = parts.front().selector;
    if (!selector.empty() && !holds(static_cast<size_t>(first_message), selector)) return false;
    parts.erase(parts.begin());
    names.erase(names.begin(), names.begin() + in_type);
    first_message = -1;
  }
  return PartsMatch(parts, 0, names, 0, holds);
}

bool ReferenceMatches(const std::string& glob, const std::string& type, const std::vector<std::string>& fields,
                      bool* whole) {
  std::vector<ReferenceStep> path;
  path.reserve(fields.size());
  for (const std::string& field : fields) path.push_back({type, field, nullptr});
  return ReferenceMeans(glob, path, 0, ReferenceKeys::kAsTheyAre, whole);
}

void ApplyReference(const std::vector<ReferenceRule>& rules, const MaskKey& key, google::protobuf::Message* message) {
  Reference(rules, key).Walk(message);
}

std::string MisplacedUnknown(const std::vector<ReferenceRule>& rules, const pb::Message& message) {
  std::string where;
  Reference(rules, {}, ReferenceKeys::kAnyAtTheEnd).FindUnknown(message, &where);
  return where;
}

void Normalize(pb::Message* message) {
  RemoveUnknown(message);
  // Without rules everything stays as it is, but in canonical order.
  ApplyReference({}, {}, message);
}

std::string DifferenceOf(const pb::Message& expected, const pb::Message& found) {
  std::string difference;
  pb::util::DefaultFieldComparator comparator;
  comparator.set_treat_nan_as_equal(true);
  pb::util::MessageDifferencer differencer;
  differencer.set_field_comparator(&comparator);
  differencer.ReportDifferencesToString(&difference);
  return differencer.Compare(expected, found) ? "" : difference + "not equal";
}

}  // namespace sallyport::policy
