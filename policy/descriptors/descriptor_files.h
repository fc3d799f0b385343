// The files of a descriptor set before they are built: cleaned, without doubles, in order.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_DESCRIPTOR_FILES_H_
#define SALLYPORT_POLICY_DESCRIPTORS_DESCRIPTOR_FILES_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "policy/descriptors/file_scan.h"

namespace sallyport::policy {

// A file of a set in the canonical form: as protobuf serialises it, without comments and what tools add around it. A
// value; copies share the bytes.
struct SetFile {
  std::shared_ptr<const std::string> owner;  // of the bytes, with others perhaps
  std::string_view bytes;
  FileHead head;  // of views into them
  int set = 0;    // which of the merged sets it came from; 0 for a single one
};
using FilesByName = std::map<std::string, SetFile>;

// A file as it takes part in comparisons and builds: comments and what tools add around it are gone.
void Strip(google::protobuf::FileDescriptorProto* file);
// Strips it.
SetFile Canonical(google::protobuf::FileDescriptorProto* file);
// Of bytes that are in the canonical form already, in `owner`.
SetFile KeptFile(std::shared_ptr<const std::string> owner, std::string_view bytes);

// The files of a set, one after the other, without doubles. INVALID_ARGUMENT, naming `source` and the file, for too
// many files, a file without a name, and a file that is there twice with different contents.
class FileReader {
 public:
  static constexpr size_t kMostFiles = 20'000;
  explicit FileReader(std::string_view source) : source_(source) {}
  // Strips the file.
  absl::Status Add(google::protobuf::FileDescriptorProto* file);
  // One that is in the canonical form.
  absl::Status Add(SetFile file);
  FilesByName Take() && { return std::move(files_); }

 private:
  const std::string source_;
  FilesByName files_;
  size_t count_ = 0;
};

// This protobuf's own file of that name, one of google/protobuf/any.proto and its like; null if there is none.
const google::protobuf::FileDescriptor* FindStandardFile(const std::string& name);

// Adds the standard files (google/protobuf/any.proto, ...) that are imported but absent, as this protobuf knows them.
void SupplyStandardFiles(FilesByName* files);

// Files in dependency order; among those that are free to go next, by set, then by name. Files on or behind an import
// cycle are left out. Imports that are not in `files` are ignored.
std::vector<const SetFile*> InDependencyOrder(const FilesByName& files);

// Text from outside as messages show it: short, without bytes that a terminal would act on.
std::string Shown(std::string_view text);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_DESCRIPTOR_FILES_H_
