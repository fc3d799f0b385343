#include "tests/policy/masking/reference_mask.h"

#include <google/protobuf/descriptor.pb.h>

#include <limits>
#include <optional>

#include "absl/strings/str_split.h"
#include "policy/glob.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
using Parts = std::vector<std::string>;

bool PartsMatch(const Parts& glob, size_t g, const Parts& path, size_t p) {
  if (g == glob.size()) return p == path.size();
  if (glob[g] == "**") {
    const size_t least = g + 1 == glob.size() ? 1 : 0;
    for (size_t next = p + least; next <= path.size(); ++next) {
      if (PartsMatch(glob, g + 1, path, next)) return true;
    }
    return false;
  }
  return p < path.size() && GlobMatches(glob[g], path[p]) && PartsMatch(glob, g + 1, path, p + 1);
}

// A place in a message: types and the fields that lead on from them.
struct Step {
  std::string type;
  std::string field;
};

class Reference {
 public:
  Reference(const std::vector<ReferenceRule>& rules, const MaskKey& key) : rules_(rules), key_(key) {}

  void Walk(pb::Message* message) {
    const pb::Reflection& reflection = *message->GetReflection();
    std::vector<const pb::FieldDescriptor*> fields;
    reflection.ListFields(*message, &fields);
    // Entries of maps are written whole, with what is empty or 0.
    if (message->GetDescriptor()->options().map_entry()) {
      fields = {message->GetDescriptor()->field(0), message->GetDescriptor()->field(1)};
    }
    for (const pb::FieldDescriptor* field : fields) {
      path_.push_back({message->GetDescriptor()->full_name(), field->name()});
      const bool is_message = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE;
      const ReferenceRule* rule = RuleFor(is_message);
      if (rule != nullptr) {
        Mask(rule->action, *field, message);
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

 private:
  const ReferenceRule* RuleFor(bool is_message) const {
    for (const ReferenceRule& rule : rules_) {
      for (const std::string& glob : rule.globs) {
        Parts fields;
        for (size_t i = path_.size(); i-- > 0;) {
          fields.insert(fields.begin(), path_[i].field);
          bool whole = false;
          if (ReferenceMatches(glob, path_[i].type, fields, &whole) && (whole || !is_message)) return &rule;
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
        AppendMaskedText(action, key_, value, &masked);
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
  std::vector<Step> path_;
};

}  // namespace

bool ReferenceMatches(const std::string& glob, const std::string& type, const std::vector<std::string>& fields,
                      bool* whole) {
  Parts parts = absl::StrSplit(glob, '.');
  *whole = parts.back() != "**";
  if (parts.front() == "*") {
    parts.erase(parts.begin());
    return PartsMatch(parts, 0, fields, 0);
  }
  Parts path = absl::StrSplit(type, '.');
  path.insert(path.end(), fields.begin(), fields.end());
  if (!PartsMatch(parts, 0, path, 0)) return false;
  // The type's own name is no field.
  return true;
}

void ApplyReference(const std::vector<ReferenceRule>& rules, const MaskKey& key, google::protobuf::Message* message) {
  Reference(rules, key).Walk(message);
}

}  // namespace sallyport::policy
