// The files of a descriptor set before they are built: cleaned, without doubles, in order.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_DESCRIPTOR_FILES_H_
#define SALLYPORT_POLICY_DESCRIPTORS_DESCRIPTOR_FILES_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace sallyport::policy {

// A file to build, and which of the merged sets it came from (0 for a single set).
struct SourceFile {
  google::protobuf::FileDescriptorProto file;
  int set = 0;
};
using FilesByName = std::map<std::string, SourceFile>;

// A file as it takes part in comparisons and builds: comments and what tools add around it are gone.
google::protobuf::FileDescriptorProto Stripped(const google::protobuf::FileDescriptorProto& file);

// The files of `set` without comments and what tools add around them. INVALID_ARGUMENT, naming `source` and the file,
// for too many files, a file without a name, and a file that is there twice with different contents.
absl::StatusOr<FilesByName> ReadFiles(const google::protobuf::FileDescriptorSet& set, std::string_view source);

// This protobuf's own file of that name, one of google/protobuf/any.proto and its like; null if there is none.
const google::protobuf::FileDescriptor* FindStandardFile(const std::string& name);

// Adds the standard files (google/protobuf/any.proto, ...) that are imported but absent, as this protobuf knows them.
void SupplyStandardFiles(FilesByName* files);

// Files in dependency order; among those that are free to go next, by set, then by name. Files on or behind an import
// cycle are left out. Imports that are not in `files` are ignored.
std::vector<const SourceFile*> InDependencyOrder(const FilesByName& files);

// Text from outside as messages show it: short, without bytes that a terminal would act on.
std::string Shown(std::string_view text);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_DESCRIPTOR_FILES_H_
