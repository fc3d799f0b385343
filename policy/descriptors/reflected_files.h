// What an upstream says of itself, made fit to stand on the operator's files.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_REFLECTED_FILES_H_
#define SALLYPORT_POLICY_DESCRIPTORS_REFLECTED_FILES_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "policy/descriptors/descriptor_files.h"

namespace sallyport::policy {

// Builds the files of one upstream into a pool whose underlay is the operator's. Nothing in them is trusted, and names
// of types decide, not names of files:
// * What the operator's files or the standard ones (google/protobuf/...) define, they define: a definition under the
//   same name is dropped, and who refers to the name means theirs.
// * A message with a field of a type that nobody knows is not known, nor is what needs it; one without that field would
//   hide from masks what is in it. Whatever else its file defines stays. So do files with imports that are not there,
//   or in a circle, as far as they can do without.
// * Files import what they use and what they named and is there. One whose name is taken gets another.
// Used once; not thread-safe.
class ReflectedFiles {
 public:
  // `source` names the upstream in lines of `told`, which gets a bounded number of them.
  ReflectedFiles(google::protobuf::DescriptorPool* pool, std::string_view source, std::vector<std::string>* told)
      : pool_(pool), source_(source), told_(told) {}

  // The files that are in the pool afterwards, besides the operator's, in the canonical form. RESOURCE_EXHAUSTED if
  // names are so long and so nested that they would take too much memory.
  absl::StatusOr<FilesByName> Build(const google::protobuf::FileDescriptorSet& files);

 private:
  using Messages = google::protobuf::RepeatedPtrField<google::protobuf::DescriptorProto>;
  using Enums = google::protobuf::RepeatedPtrField<google::protobuf::EnumDescriptorProto>;
  using Extensions = google::protobuf::RepeatedPtrField<google::protobuf::FieldDescriptorProto>;
  static constexpr int kNone = -1;
  // A message or an enum.
  struct Type {
    size_t file = 0;
    bool lost = false;
    std::vector<int> needed_by;
  };
  struct File {
    google::protobuf::FileDescriptorProto proto;
    std::string given_name;
    std::vector<int> types;
    bool built = false;
  };
  // What a reference means: one of this upstream's types, or one that is in a file of the pool's.
  struct Meaning {
    int type = kNone;
    const google::protobuf::FileDescriptor* file = nullptr;
    bool known() const { return type != kNone || file != nullptr; }
  };

  // First step: takes the files in, and notes which types there are.
  void Take(const google::protobuf::FileDescriptorProto& given);
  bool Fits(const google::protobuf::FileDescriptorProto& file, std::string* why) const;
  void DropWhatIsDefined(File* file);
  // Whether the operator's or the standard files define it.
  bool IsDefined(const std::string& name) const;
  void AddTypes(size_t file, const google::protobuf::DescriptorProto& message, const std::string& name, int parent);
  int AddType(size_t file, const std::string& name, int parent);

  // Second step: finds out which type needs which. References become absolute; types that need what nobody knows are
  // lost.
  void Connect(File* file);
  void ConnectMessage(const File& file, google::protobuf::DescriptorProto* message, const std::string& name);
  void ConnectExtension(const File& file, google::protobuf::FieldDescriptorProto* extension, const std::string& scope);
  Meaning Resolve(std::string* reference, const std::string& scope);
  Meaning Find(const std::string& name);
  // Adds a standard file if it is needed. True if it is there, added now or before.
  bool SupplyStandard(const std::string& file_name);
  void Lose(int type);
  void SpreadLoss();

  // Third step: takes what is lost out of the files.
  void Prune(File* file);
  void PruneTypes(Messages* messages, Enums* enums, const std::string& scope);
  void PruneExtensions(Extensions* extensions);
  bool Stands(const std::string& reference) const;

  std::vector<size_t> InOrder() const;
  std::set<size_t> NeededBy(size_t file, bool by_names) const;
  void LoseUnbuilt(const google::protobuf::DescriptorProto& message, const std::string& name);
  // Whether what is referred to is built, or in the file that is being built.
  bool IsBuilt(const std::string& reference) const;
  void BuildOne(File* file);
  std::vector<std::string> ImportsOf(const File& file);
  std::string FreeName(const File& file) const;

  void NoteFault(const File& file, std::string_view what);
  void TellMissing(const File& file, const std::string& what, const std::string& needed);

  google::protobuf::DescriptorPool* const pool_;
  const std::string source_;
  std::vector<std::string>* const told_;
  size_t told_lines_ = 0;
  size_t untold_ = 0;
  size_t name_bytes_ = 0;
  std::deque<File> files_;
  absl::flat_hash_map<std::string, size_t> by_given_name_;
  absl::flat_hash_set<std::string> defined_;  // by this upstream, at the top of files
  std::vector<Type> types_;
  absl::flat_hash_map<std::string, int> types_by_name_;
  std::vector<int> losing_;
  absl::flat_hash_set<std::string> standard_tried_;
  const File* building_ = nullptr;
  FilesByName done_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_REFLECTED_FILES_H_
