// Which file of a set defines what, so that only files are built that somebody asks for.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_FILE_INDEX_H_
#define SALLYPORT_POLICY_DESCRIPTORS_FILE_INDEX_H_

#include <google/protobuf/descriptor_database.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "policy/descriptors/descriptor_files.h"
#include "protos/seeded_hash.h"

namespace sallyport::policy {

// Made from the bytes of the files. Constant, but for what only a descriptor pool asks for, under its own lock.
class FileIndex final : public google::protobuf::DescriptorDatabase {
 public:
  // `files` come after what they import; of what two define, the first one's counts.
  explicit FileIndex(std::vector<SetFile> files);

  const std::vector<SetFile>& files() const { return files_; }
  const SetFile* Find(std::string_view name) const;
  // Files that have no more than a bounded number of others between them and the next such file that they import, so
  // that a pool in which these are built in this order builds any other one without deep recursion.
  std::vector<std::string> Steps() const;

  // For the pool.
  bool FindFileByName(const std::string& name, google::protobuf::FileDescriptorProto* output) override;
  bool FindFileContainingSymbol(const std::string& symbol, google::protobuf::FileDescriptorProto* output) override;
  bool FindFileContainingExtension(const std::string& extended, int number,
                                   google::protobuf::FileDescriptorProto* output) override;
  bool FindAllExtensionNumbers(const std::string& extended, std::vector<int>* output) override;

 private:
  template <typename Value>
  using ByName = absl::flat_hash_map<std::string, Value, SeededHash, std::equal_to<>>;

  using Extensions = std::vector<std::pair<int32_t, uint32_t>>;  // numbers and files

  void AddExtensions(uint32_t file);
  // Null if there is none.
  const SetFile* FindInPackage(std::string_view package, std::string_view symbol) const;
  const Extensions* ExtensionsOf(const std::string& extended);
  static bool Read(const SetFile& file, google::protobuf::FileDescriptorProto* output);

  std::vector<SetFile> files_;
  absl::flat_hash_map<std::string_view, uint32_t, SeededHash, std::equal_to<>> by_name_;
  absl::flat_hash_map<std::string_view, std::vector<uint32_t>, SeededHash, std::equal_to<>> by_package_;
  bool extensions_known_ = false;  // once somebody asks
  ByName<Extensions> extensions_;  // by what is extended
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_FILE_INDEX_H_
