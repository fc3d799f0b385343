#include "gateway/api/door/open_api_schema.h"

#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace sallyport::gateway {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using Json = OpenApiSchemas::Json;

// The lines of a comment as one text: each paragraph a line.
std::string Flowing(const std::string& comment) {
  std::string text;
  for (const absl::string_view line : absl::StrSplit(comment, '\n')) {
    const absl::string_view words = absl::StripAsciiWhitespace(line);
    if (words.empty()) continue;
    absl::StrAppend(&text, text.empty() ? "" : " ", words);
  }
  return text;
}

// Types that JSON has a form of its own for; null for all others.
Json WellKnown(const std::string& name) {
  static const auto* const kForms = new std::map<std::string, Json>{
      {"google.protobuf.Timestamp", {{"type", "string"}, {"format", "date-time"}}},
      {"google.protobuf.Duration", {{"type", "string"}, {"pattern", "^-?[0-9]+(\\.[0-9]{1,9})?s$"}}},
      {"google.protobuf.FieldMask", {{"type", "string"}}},
      {"google.protobuf.Struct", {{"type", "object"}, {"additionalProperties", true}}},
      {"google.protobuf.ListValue", {{"type", "array"}}},
      {"google.protobuf.Value", {{"description", "Anything."}}},
      {"google.protobuf.Empty", {{"type", "object"}}},
      {"google.protobuf.Any",
       {{"type", "object"}, {"properties", {{"@type", {{"type", "string"}}}}}, {"additionalProperties", true}}},
  };
  const auto found = kForms->find(name);
  return found == kForms->end() ? Json(nullptr) : found->second;
}

Json ScalarSchema(FieldDescriptor::Type type) {
  switch (type) {
    case FieldDescriptor::TYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::TYPE_INT32:
    case FieldDescriptor::TYPE_SINT32:
    case FieldDescriptor::TYPE_SFIXED32:
      return {{"type", "integer"}, {"format", "int32"}};
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_FIXED32:
      return {{"type", "integer"}, {"minimum", 0}, {"maximum", 4294967295}};
    // JavaScript's numbers cannot hold them.
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_SINT64:
    case FieldDescriptor::TYPE_SFIXED64:
      return {{"type", "string"}, {"format", "int64"}, {"pattern", "^-?[0-9]+$"}};
    case FieldDescriptor::TYPE_UINT64:
    case FieldDescriptor::TYPE_FIXED64:
      return {{"type", "string"}, {"format", "uint64"}, {"pattern", "^[0-9]+$"}};
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_DOUBLE:
      return {{"type", {"number", "string"}}};
    case FieldDescriptor::TYPE_BYTES:
      return {{"type", "string"}, {"contentEncoding", "base64"}};
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_ENUM:
    case FieldDescriptor::TYPE_MESSAGE:
    case FieldDescriptor::TYPE_GROUP:
      return {{"type", "string"}};
  }
  return {{"type", "string"}};
}

}  // namespace

template <typename Type>
std::string CommentOf(const Type& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return "";
  const std::string before = Flowing(location.leading_comments);
  const std::string behind = Flowing(location.trailing_comments);
  return absl::StrCat(before, before.empty() || behind.empty() ? "" : " ", behind);
}
template std::string CommentOf(const Descriptor&);
template std::string CommentOf(const EnumDescriptor&);
template std::string CommentOf(const google::protobuf::EnumValueDescriptor&);
template std::string CommentOf(const FieldDescriptor&);
template std::string CommentOf(const google::protobuf::MethodDescriptor&);
template std::string CommentOf(const google::protobuf::ServiceDescriptor&);

Json OpenApiSchemas::Reference(const std::string& name) {
  return {{"$ref", absl::StrCat("#/components/schemas/", name)}};
}

Json OpenApiSchemas::Use(const Descriptor& type) {
  Json form = WellKnown(type.full_name());
  if (!form.is_null()) return form;
  if (known_.insert(type.full_name()).second) messages_.push_back(&type);
  return Reference(type.full_name());
}

Json OpenApiSchemas::Use(const EnumDescriptor& type) {
  if (known_.insert(type.full_name()).second) enums_.push_back(&type);
  return Reference(type.full_name());
}

Json OpenApiSchemas::Take() {
  Json all = Json::object();
  while (!messages_.empty() || !enums_.empty()) {
    if (!messages_.empty()) {
      const Descriptor* const type = messages_.back();
      messages_.pop_back();
      all[type->full_name()] = MessageSchema(*type);
    } else {
      const EnumDescriptor* const type = enums_.back();
      enums_.pop_back();
      all[type->full_name()] = EnumSchema(*type);
    }
  }
  return all;
}

Json OpenApiSchemas::MessageSchema(const Descriptor& type) {
  Json schema = {{"type", "object"}};
  if (std::string comment = CommentOf(type); !comment.empty()) schema["description"] = std::move(comment);
  Json properties = Json::object();
  for (int i = 0; i < type.field_count(); ++i) properties[type.field(i)->json_name()] = FieldSchema(*type.field(i));
  if (!properties.empty()) schema["properties"] = std::move(properties);
  schema["additionalProperties"] = false;
  return schema;
}

Json OpenApiSchemas::EnumSchema(const EnumDescriptor& type) {
  Json names = Json::array();
  std::vector<std::string> said = {CommentOf(type)};
  if (said.front().empty()) said.clear();
  for (int i = 0; i < type.value_count(); ++i) {
    names.push_back(type.value(i)->name());
    const std::string comment = CommentOf(*type.value(i));
    if (!comment.empty()) said.push_back(absl::StrCat(type.value(i)->name(), ": ", comment));
  }
  Json schema = {{"type", "string"}, {"enum", std::move(names)}};
  if (!said.empty()) schema["description"] = absl::StrJoin(said, "\n");
  return schema;
}

Json OpenApiSchemas::FieldSchema(const FieldDescriptor& field) {
  Json schema;
  if (field.is_map()) {
    schema = {{"type", "object"}, {"additionalProperties", ValueSchema(*field.message_type()->map_value())}};
  } else if (field.is_repeated()) {
    schema = {{"type", "array"}, {"items", ValueSchema(field)}};
  } else {
    schema = ValueSchema(field);
  }
  std::string comment = CommentOf(field);
  if (const auto* oneof = field.real_containing_oneof(); oneof != nullptr) {
    absl::StrAppend(&comment, comment.empty() ? "" : " ", "One of \"", oneof->name(), "\".");
  }
  if (!comment.empty()) schema["description"] = std::move(comment);
  return schema;
}

Json OpenApiSchemas::ValueSchema(const FieldDescriptor& field) {
  if (field.message_type() != nullptr) return Use(*field.message_type());
  if (field.enum_type() != nullptr) return Use(*field.enum_type());
  return ScalarSchema(field.type());
}

}  // namespace sallyport::gateway
