// The one kind of Descriptors that there is.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_BUILT_DESCRIPTORS_H_
#define SALLYPORT_POLICY_DESCRIPTORS_BUILT_DESCRIPTORS_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/call_once.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "policy/descriptors/descriptors.h"
#include "policy/descriptors/file_index.h"
#include "protos/seeded_hash.h"

namespace sallyport::policy {

// What is wrong with files, as a pool finds it when it builds them. Thread-safe.
class UseFaults final : public google::protobuf::DescriptorPool::ErrorCollector {
 public:
#if GOOGLE_PROTOBUF_VERSION >= 4022000
  void RecordError(absl::string_view file, absl::string_view element, const google::protobuf::Message*, ErrorLocation,
                   absl::string_view message) override {
    Keep(std::string(file), std::string(element), std::string(message));
  }
#else
  void AddError(const std::string& file, const std::string& element, const google::protobuf::Message*, ErrorLocation,
                const std::string& message) override {
    Keep(file, element, message);
  }
#endif
  std::vector<std::string> lines() const;

 private:
  void Keep(const std::string& file, const std::string& element, const std::string& message);

  mutable absl::Mutex mutex_;
  // The first of each file, as far as they are kept.
  std::vector<std::pair<std::string, std::string>> faults_ ABSL_GUARDED_BY(mutex_);
};

// A set that is whole: its files as bytes, an index of them, and a pool that builds from it what is asked for. One that
// stands on another has its own files built, for they were found fit by that. Everything is constant once it is made,
// but for what the pool keeps under its own lock.
class BuiltDescriptors final : public Descriptors {
 public:
  // Of files that come after what they import, and are in order as far as is known. The version is found if it is not
  // given.
  static std::shared_ptr<const BuiltDescriptors> Make(std::string_view source, std::vector<SetFile> files,
                                                      std::string_view version = "");
  // See Descriptors::Over.
  static absl::StatusOr<std::shared_ptr<const BuiltDescriptors>> MakeOver(
      std::shared_ptr<const BuiltDescriptors> base, const google::protobuf::FileDescriptorSet& files,
      std::string_view source, std::vector<std::string>* told);

  const MethodShape* FindMethod(std::string_view path) const override;
  const google::protobuf::Descriptor* FindMessage(std::string_view path, MessageSide side) const override;
  const google::protobuf::DescriptorPool& pool() const override { return *pool_; }
  const MessageTypes& types() const override { return *types_; }
  std::vector<std::string> message_types() const override;
  absl::StatusOr<std::string> ToJson(std::string_view path, MessageSide side, std::string_view message,
                                     JsonStyle style) const override;
  const std::string& source() const override { return source_; }
  const std::string& version() const override { return version_; }
  std::string serialized() const override;
  std::vector<std::string> services() const override;
  std::vector<KnownService> KnownServices() const override;
  std::vector<std::string> files() const override;
  std::string_view FileBytes(std::string_view name) const override;
  std::string_view fingerprint(std::string_view file) const override;
  std::vector<std::string> faults() const override;

  // All files, those of the base first.
  std::vector<SetFile> AllFiles() const;

 private:
  using Methods = absl::flat_hash_map<std::string, MethodShape, SeededHash, std::equal_to<>>;

  BuiltDescriptors(std::string_view source, std::shared_ptr<const BuiltDescriptors> base)
      : base_(std::move(base)), source_(source) {}
  const Methods& methods() const;
  void AddMethods() const;
  void AddFingerprints() const;
  std::string VersionOfFiles() const;

  const std::shared_ptr<const BuiltDescriptors> base_;  // stands on nothing itself
  const std::string source_;
  UseFaults faults_;
  // What the set knows itself, without its base.
  std::unique_ptr<FileIndex> index_;
  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  std::unique_ptr<const PoolTypes> types_;
  mutable absl::once_flag methods_made_;
  mutable Methods methods_;
  std::string version_;  // of both
  mutable absl::once_flag fingerprints_made_;
  mutable absl::flat_hash_map<std::string_view, std::string> fingerprints_;  // by file, once somebody asks
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_BUILT_DESCRIPTORS_H_
