// What the descriptors of files in an edition say beside what proto2 can: policy/descriptors/editions.h writes them as
// proto2 where proto3 does not do, and leaves marks among the options.
#ifndef SALLYPORT_POLICY_MESSAGES_EDITION_MARKS_H_
#define SALLYPORT_POLICY_MESSAGES_EDITION_MARKS_H_

#include <google/protobuf/descriptor.h>

namespace sallyport::policy {

// A varint of 1 by this number in the options of a file says that it was in an edition, of a field that it has no
// presence, of an enum that it is open. Others take it for an option that they do not know.
inline constexpr int kEditionMark = 51967;

// Of a file's, a field's or an enum's options.
bool HasEditionMark(const google::protobuf::Message& options);

// Whether a default value that was written is another thing than nothing.
bool TellsAbsence(const google::protobuf::FieldDescriptor& field);

// Whether values that its enum does not name are no values of the field.
bool IsClosedEnum(const google::protobuf::FieldDescriptor& field);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_EDITION_MARKS_H_
