// What there is to be known of a FileDescriptorProto before it is built.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_FILE_PROTOS_H_
#define SALLYPORT_POLICY_DESCRIPTORS_FILE_PROTOS_H_

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"

namespace sallyport::policy {

// The full name of `name` in a package or a type.
std::string In(const std::string& scope, const std::string& name);

// The name that an absolute reference (".package.Type") means.
inline std::string NameIn(const std::string& reference) { return reference.substr(1); }

// Of types in fields, extensions and methods, as they are written.
void VisitReferences(const google::protobuf::FileDescriptorProto& file,
                     absl::FunctionRef<void(const std::string& reference)> visit);

// Protobuf compares the ranges of a type with each other, and with every field.
inline constexpr int kMostRanges = 1'000;
bool HasTooManyRanges(const google::protobuf::FileDescriptorProto& file);

// The length of all full names that building the file makes.
size_t NameBytes(const google::protobuf::FileDescriptorProto& file);

template <typename Elements, typename Drop>
void DropIf(Elements* elements, Drop drop) {
  elements->erase(std::remove_if(elements->begin(), elements->end(), drop), elements->end());
}

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_FILE_PROTOS_H_
