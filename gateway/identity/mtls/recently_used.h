// A bounded memory of what was worked out before.
#ifndef SALLYPORT_GATEWAY_IDENTITY_MTLS_RECENTLY_USED_H_
#define SALLYPORT_GATEWAY_IDENTITY_MTLS_RECENTLY_USED_H_

#include <cstddef>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "protos/seeded_hash.h"
#include "recorder/crypto/crypto.h"

namespace sallyport::gateway {

// Values, cheap to copy, by the hash of what they are about. Holds at most `most`: once half as many were put or found
// again since the last time, the others are dropped. Thread-safe.
template <typename Value>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(size_t most) : half_(most / 2) {}

  std::optional<Value> Find(const recorder::Hash& key) {
    {
      const std::shared_lock lock(mutex_);
      const auto found = recent_.find(key);
      if (found != recent_.end()) return found->second;
    }
    const std::lock_guard lock(mutex_);
    const auto found = older_.find(key);
    if (found == older_.end()) return std::nullopt;
    Value value = std::move(found->second);
    older_.erase(found);
    Insert(key, value);
    return value;
  }

  void Put(const recorder::Hash& key, Value value) {
    const std::lock_guard lock(mutex_);
    older_.erase(key);
    Insert(key, std::move(value));
  }

  size_t size() const {
    const std::shared_lock lock(mutex_);
    return recent_.size() + older_.size();
  }

 private:
  void Insert(const recorder::Hash& key, Value value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (recent_.size() >= half_) {
      older_ = std::move(recent_);
      recent_.clear();
    }
    recent_.insert_or_assign(key, std::move(value));
  }

  const size_t half_;
  mutable std::shared_mutex mutex_;
  absl::flat_hash_map<recorder::Hash, Value, SeededHash> recent_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<recorder::Hash, Value, SeededHash> older_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_MTLS_RECENTLY_USED_H_
