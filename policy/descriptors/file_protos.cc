#include "policy/descriptors/file_protos.h"

#include "absl/strings/str_cat.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
using Visit = absl::FunctionRef<void(const std::string& reference)>;

bool HasTooManyRanges(const pb::EnumDescriptorProto& type) { return type.reserved_range_size() > kMostRanges; }

bool HasTooManyRanges(const pb::DescriptorProto& type) {
  return type.extension_range_size() + type.reserved_range_size() > kMostRanges ||
         std::any_of(type.nested_type().begin(), type.nested_type().end(),
                     [](const pb::DescriptorProto& nested) { return HasTooManyRanges(nested); }) ||
         std::any_of(type.enum_type().begin(), type.enum_type().end(),
                     [](const pb::EnumDescriptorProto& nested) { return HasTooManyRanges(nested); });
}

size_t NameBytes(const pb::EnumDescriptorProto& type, size_t scope) {
  size_t bytes = scope + type.name().size();
  for (const pb::EnumValueDescriptorProto& value : type.value()) bytes += scope + value.name().size();
  return bytes;
}

size_t NameBytes(const pb::DescriptorProto& type, size_t scope) {
  const size_t inner = scope + type.name().size() + 1;
  size_t bytes = inner;
  for (const pb::FieldDescriptorProto& field : type.field()) bytes += inner + field.name().size();
  for (const pb::FieldDescriptorProto& field : type.extension()) bytes += inner + field.name().size();
  for (const pb::OneofDescriptorProto& oneof : type.oneof_decl()) bytes += inner + oneof.name().size();
  for (const pb::EnumDescriptorProto& nested : type.enum_type()) bytes += NameBytes(nested, inner);
  for (const pb::DescriptorProto& nested : type.nested_type()) bytes += NameBytes(nested, inner);
  return bytes;
}

void VisitReferences(const pb::FieldDescriptorProto& field, Visit visit) {
  if (!field.type_name().empty()) visit(field.type_name());
  if (!field.extendee().empty()) visit(field.extendee());
}

void VisitReferences(const pb::DescriptorProto& type, Visit visit) {
  for (const pb::FieldDescriptorProto& field : type.field()) VisitReferences(field, visit);
  for (const pb::FieldDescriptorProto& extension : type.extension()) VisitReferences(extension, visit);
  for (const pb::DescriptorProto& nested : type.nested_type()) VisitReferences(nested, visit);
}

}  // namespace

std::string In(const std::string& scope, const std::string& name) {
  return scope.empty() ? name : absl::StrCat(scope, ".", name);
}

bool HasTooManyRanges(const pb::FileDescriptorProto& file) {
  return std::any_of(file.message_type().begin(), file.message_type().end(),
                     [](const pb::DescriptorProto& type) { return HasTooManyRanges(type); }) ||
         std::any_of(file.enum_type().begin(), file.enum_type().end(),
                     [](const pb::EnumDescriptorProto& type) { return HasTooManyRanges(type); });
}

size_t NameBytes(const pb::FileDescriptorProto& file) {
  const size_t scope = file.package().size() + 1;
  size_t bytes = 0;
  for (const pb::DescriptorProto& type : file.message_type()) bytes += NameBytes(type, scope);
  for (const pb::EnumDescriptorProto& type : file.enum_type()) bytes += NameBytes(type, scope);
  for (const pb::FieldDescriptorProto& field : file.extension()) bytes += scope + field.name().size();
  for (const pb::ServiceDescriptorProto& service : file.service()) {
    bytes += scope + service.name().size();
    for (const pb::MethodDescriptorProto& method : service.method()) {
      bytes += scope + service.name().size() + 1 + method.name().size();
    }
  }
  return bytes;
}

void VisitReferences(const pb::FileDescriptorProto& file, absl::FunctionRef<void(const std::string& reference)> visit) {
  for (const pb::DescriptorProto& type : file.message_type()) VisitReferences(type, visit);
  for (const pb::FieldDescriptorProto& extension : file.extension()) VisitReferences(extension, visit);
  for (const pb::ServiceDescriptorProto& service : file.service()) {
    for (const pb::MethodDescriptorProto& method : service.method()) {
      visit(method.input_type());
      visit(method.output_type());
    }
  }
}

}  // namespace sallyport::policy
