#include "policy/messages/edition_marks.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/unknown_field_set.h>

namespace sallyport::policy {

namespace pb = google::protobuf;

bool HasEditionMark(const pb::Message& options) {
  const pb::UnknownFieldSet& unknown = options.GetReflection()->GetUnknownFields(options);
  for (int i = 0; i < unknown.field_count(); ++i) {
    if (unknown.field(i).number() == kEditionMark) return true;
  }
  return false;
}

bool TellsAbsence(const pb::FieldDescriptor& field) {
  // Of extensions that a proto3 file declares, has_presence is wrong.
  if (field.is_extension()) return true;
  return field.has_presence() && !HasEditionMark(field.options());
}

bool IsClosedEnum(const pb::FieldDescriptor& field) {
  if (field.type() != pb::FieldDescriptor::TYPE_ENUM) return false;
  if (field.file()->syntax() != pb::FileDescriptor::SYNTAX_PROTO2) return false;
  // In proto2 all enums are closed, wherever they are from; in an edition it is the enum that is.
  if (!HasEditionMark(field.file()->options())) return true;
  const pb::EnumDescriptor& type = *field.enum_type();
  return type.file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO2 && !HasEditionMark(type.options());
}

}  // namespace sallyport::policy
