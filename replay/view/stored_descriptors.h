// The descriptor sets that are kept with a record.
#ifndef SALLYPORT_REPLAY_VIEW_STORED_DESCRIPTORS_H_
#define SALLYPORT_REPLAY_VIEW_STORED_DESCRIPTORS_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "policy/descriptors/descriptors.h"

namespace sallyport::replay {

// Fetches each set once and keeps those that were asked for last. Thread-safe.
class StoredDescriptors {
 public:
  // Gets a serialised FileDescriptorSet by its version. Called by one thread at a time.
  using Fetch = std::function<absl::StatusOr<std::string>(const std::string& version)>;
  explicit StoredDescriptors(Fetch fetch) : fetch_(std::move(fetch)) {}

  // The set that a record names by `version`; the empty set for an empty version.
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> Find(const std::string& version);

 private:
  // A record that names more makes nothing but work.
  static constexpr size_t kMostSets = 64;

  const Fetch fetch_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const policy::Descriptors>> sets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_STORED_DESCRIPTORS_H_
