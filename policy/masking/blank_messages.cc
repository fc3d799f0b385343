#include "policy/masking/blank_messages.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/masking/wire_field.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

absl::StatusOr<std::string> BlankMessages::Make(const pb::Descriptor& type, int depth) {
  constexpr size_t kMostBytes = 4096;
  const auto [place, is_new] = made_.try_emplace(&type);
  if (!is_new) return place->second;
  std::vector<const pb::FieldDescriptor*> fields;
  for (int i = 0; i < type.field_count(); ++i) fields.push_back(type.field(i));
  std::sort(fields.begin(), fields.end(), [](const auto* a, const auto* b) { return a->number() < b->number(); });
  std::string content;
  for (const pb::FieldDescriptor* field : fields) {
    // Of a map's value that requires nothing, nothing is written.
    if (!field->is_required() && field != type.map_value()) continue;
    if (absl::Status status = Append(*field, depth, &content); !status.ok()) return status;
    if (content.size() > kMostBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("the smallest message of type ", type.full_name(),
                                                       " with its required fields has more than ", kMostBytes,
                                                       " bytes"));
    }
  }
  return made_[&type] = std::move(content);
}

absl::Status BlankMessages::Append(const pb::FieldDescriptor& field, int depth, std::string* out) {
  const auto number = static_cast<uint32_t>(field.number());
  const WireType wire = WireTypeOf(field.type());
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) {
    if (depth >= kMostDepth) {
      return absl::ResourceExhaustedError(
          absl::StrCat("required messages are nested more than ", kMostDepth, " deep at ", field.full_name()));
    }
    absl::StatusOr<std::string> content = Make(*field.message_type(), depth + 1);
    if (!content.ok()) return content.status();
    if (content->empty() && !field.is_required()) return absl::OkStatus();
    AppendVarint(TagOf(number, wire), out);
    if (wire == WireType::kLength) AppendVarint(content->size(), out);
    out->append(*content);
    if (wire == WireType::kStartGroup) AppendVarint(TagOf(number, WireType::kEndGroup), out);
    return absl::OkStatus();
  }
  if (!field.is_required()) return absl::OkStatus();
  AppendVarint(TagOf(number, wire), out);
  if (field.type() == pb::FieldDescriptor::TYPE_ENUM) {
    AppendVarint(static_cast<uint64_t>(int64_t{field.enum_type()->value(0)->number()}), out);
  } else if (wire == WireType::kFixed32 || wire == WireType::kFixed64) {
    out->append(wire == WireType::kFixed32 ? 4 : 8, '\0');
  } else {
    out->push_back('\0');  // 0, or the length of nothing
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> BlankMessages::MustStay(const pb::FieldDescriptor& field) {
  if (field.is_required()) return true;
  const bool map_value = &field == field.containing_type()->map_value();
  if (!map_value || field.cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) return false;
  absl::StatusOr<std::string> content = Of(*field.message_type());
  if (!content.ok()) return content.status();
  return !content->empty();
}

}  // namespace sallyport::policy
