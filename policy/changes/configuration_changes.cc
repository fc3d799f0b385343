#include "policy/changes/configuration_changes.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace sallyport::policy {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::array<std::string_view, 4> kWait = {"data", "checkpoints", "token_signing", "api"};
constexpr std::array<std::string_view, 6> kShown = {"listen", "limits", "sessions", "admin", "policy", "drain"};

template <size_t kCount>
bool IsOneOf(std::string_view part, const std::array<std::string_view, kCount>& parts) {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

// Of one part of the configuration.
class Comparison {
 public:
  Comparison(std::string_view part, std::vector<v1::ConfigurationChange>* changes)
      : shown_(IsOneOf(part, kShown)), waits_(IsOneOf(part, kWait)), changes_(changes) {}

  void Field(const std::string& key, const Message& before, const Message& after, const FieldDescriptor* field) {
    if (field->is_map()) return Map(key, before, after, field);
    if (field->is_repeated()) return List(key, before, after, field);
    const Reflection& reflection = *before.GetReflection();
    if (field->message_type() != nullptr) {
      const size_t changed = changes_->size();
      Fields(key, reflection.GetMessage(before, field), reflection.GetMessage(after, field));
      // Some say something by being there: "identity_metadata: {}".
      const bool came_or_went = reflection.HasField(before, field) != reflection.HasField(after, field);
      if (came_or_went && changes_->size() == changed) Add(key, "", "");
      return;
    }
    const std::string one = Value(before, field), other = Value(after, field);
    if (one != other) Add(key, one, other);
  }

 private:
  void Add(const std::string& key, const std::string& before, const std::string& after) {
    v1::ConfigurationChange& change = changes_->emplace_back();
    change.set_key(key);
    change.set_waits(waits_);
    if (!shown_) return;
    change.set_before(before);
    change.set_after(after);
  }

  void Fields(const std::string& key, const Message& before, const Message& after) {
    for (int i = 0; i < before.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor* field = before.GetDescriptor()->field(i);
      Field(absl::StrCat(key, ".", field->name()), before, after, field);
    }
  }

  void List(const std::string& key, const Message& before, const Message& after, const FieldDescriptor* field) {
    const Reflection& reflection = *before.GetReflection();
    const int count = reflection.FieldSize(before, field);
    if (field->message_type() != nullptr && count == reflection.FieldSize(after, field)) {
      for (int i = 0; i < count; ++i) {
        Fields(absl::StrCat(key, "[", i, "]"), reflection.GetRepeatedMessage(before, field, i),
               reflection.GetRepeatedMessage(after, field, i));
      }
      return;
    }
    const std::string one = Values(before, field), other = Values(after, field);
    if (field->message_type() != nullptr || one != other) Add(key, one, other);
  }

  void Map(const std::string& key, const Message& before, const Message& after, const FieldDescriptor* field) {
    const auto one = Entries(before, field), other = Entries(after, field);
    const FieldDescriptor* value = field->message_type()->map_value();
    for (const auto& [name, entry] : one) {
      const std::string path = absl::StrCat(key, ".", name);
      const auto found = other.find(name);
      if (found == other.end()) {
        Add(path, "", "");
      } else {
        Field(path, *entry, *found->second, value);
      }
    }
    for (const auto& [name, entry] : other) {
      if (!one.contains(name)) Add(absl::StrCat(key, ".", name), "", "");
    }
  }

  static std::map<std::string, const Message*> Entries(const Message& message, const FieldDescriptor* field) {
    const Reflection& reflection = *message.GetReflection();
    std::map<std::string, const Message*> entries;
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      const Message& entry = reflection.GetRepeatedMessage(message, field, i);
      entries.emplace(entry.GetReflection()->GetString(entry, field->message_type()->map_key()), &entry);
    }
    return entries;
  }

  static std::string Value(const Message& message, const FieldDescriptor* field) {
    const Reflection& reflection = *message.GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection.GetString(message, field);
      case FieldDescriptor::CPPTYPE_BOOL:
        return reflection.GetBool(message, field) ? "true" : "false";
      case FieldDescriptor::CPPTYPE_INT32:
        return absl::StrCat(reflection.GetInt32(message, field));
      case FieldDescriptor::CPPTYPE_INT64:
        return absl::StrCat(reflection.GetInt64(message, field));
      case FieldDescriptor::CPPTYPE_UINT32:
        return absl::StrCat(reflection.GetUInt32(message, field));
      case FieldDescriptor::CPPTYPE_UINT64:
        return absl::StrCat(reflection.GetUInt64(message, field));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return absl::StrCat(reflection.GetFloat(message, field));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return absl::StrCat(reflection.GetDouble(message, field));
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection.GetEnum(message, field)->name();
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return reflection.GetMessage(message, field).SerializeAsString();
    }
    return "";
  }

  static std::string Values(const Message& message, const FieldDescriptor* field) {
    const Reflection& reflection = *message.GetReflection();
    std::string values;
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      absl::StrAppend(&values, i == 0 ? "" : ", ");
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        absl::StrAppend(&values, reflection.GetRepeatedString(message, field, i));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
        absl::StrAppend(&values, reflection.GetRepeatedEnum(message, field, i)->name());
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
        absl::StrAppend(&values, reflection.GetRepeatedUInt32(message, field, i));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
        absl::StrAppend(&values, reflection.GetRepeatedInt32(message, field, i));
      }
    }
    return values;
  }

  const bool shown_;
  const bool waits_;
  std::vector<v1::ConfigurationChange>* const changes_;
};

}  // namespace

std::vector<v1::ConfigurationChange> ConfigurationChanges(const v1::Config& before, const v1::Config& after) {
  std::vector<v1::ConfigurationChange> changes;
  for (int i = 0; i < before.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = before.GetDescriptor()->field(i);
    Comparison(field->name(), &changes).Field(field->name(), before, after, field);
  }
  return changes;
}

std::string ChangeText(const v1::ConfigurationChange& change) {
  std::string text = change.key();
  if (!change.before().empty() || !change.after().empty()) {
    const auto shown = [](const std::string& value) { return value.empty() ? std::string("(default)") : value; };
    absl::StrAppend(&text, ": ", shown(change.before()), " -> ", shown(change.after()));
  }
  if (change.waits()) absl::StrAppend(&text, " (waits for the next start)");
  return text;
}

}  // namespace sallyport::policy
