// Files in an edition (https://protobuf.dev/editions), as this protobuf can build them.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_EDITIONS_H_
#define SALLYPORT_POLICY_DESCRIPTORS_EDITIONS_H_

#include <google/protobuf/descriptor.pb.h>

namespace sallyport::policy {

// Writes a file of edition 2023 or 2024 as one that says the same of messages on the wire. As proto3 where that can say
// it: where fields have no presence or are marked `optional`, and enums are open. Otherwise as proto2: required and
// delimited fields, closed enums and defaults are there then, and what proto2 does not have (fields without presence,
// open enums) is left as marks that policy/messages/edition_marks.h reads. Who is shown such a file by reflection does
// not know the marks: to them, those fields have presence and those enums are closed. Features of languages are
// dropped. False, with nothing changed, if it is in another edition, or says something of features that is not known;
// true as well for files that are in no edition.
bool TranslateEdition(google::protobuf::FileDescriptorProto* file);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_EDITIONS_H_
