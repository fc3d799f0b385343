// Which calls belong together.
#ifndef SALLYPORT_GATEWAY_SESSIONS_H_
#define SALLYPORT_GATEWAY_SESSIONS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

// Gives each call the session of its identity that it belongs to: the one its `sallyport-session` value names or,
// without, the one of its connection. A session that had no open call for `idle` is over, and the next call begins a
// new one. Thread-safe.
class Sessions {
 public:
  // What is remembered of sessions takes at most `most_bytes`; beyond that, those longest without a call are forgotten
  // first. Sessions with open calls are not forgotten: what they take is bounded by what open calls take.
  explicit Sessions(absl::Duration idle, size_t most_bytes = kMostBytes) : most_bytes_(most_bytes), idle_(idle) {}
  static constexpr size_t kMostBytes = 32 << 20;

  // A call's membership. While one is alive, its session is in use. Returned to by End.
  struct State;
  class Member {
   public:
    Member() = default;
    uint64_t id() const { return id_; }

   private:
    friend class Sessions;
    std::shared_ptr<State> state_;
    uint64_t id_ = 0;
  };

  // `call_id` becomes the session's id if the call begins one.
  Member Join(absl::string_view identity, absl::string_view peer, absl::string_view name, uint64_t call_id,
              absl::Time now);
  void Leave(Member& member, absl::Time now);

  // From now on, for sessions that there are, too.
  void SetIdle(absl::Duration idle) {
    absl::MutexLock lock(&mutex_);
    idle_ = idle;
  }

  // How many are remembered, and what that takes.
  size_t size() const {
    absl::MutexLock lock(&mutex_);
    return sessions_.size();
  }
  size_t bytes() const {
    absl::MutexLock lock(&mutex_);
    return bytes_;
  }

 private:
  // What one takes beside its key, with what the table and the allocator add.
  static constexpr size_t kOverhead = 192;

  static size_t BytesOf(const std::string& key) { return key.capacity() + kOverhead; }
  void ForgetIdle(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t most_bytes_;
  mutable absl::Mutex mutex_;
  absl::Duration idle_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::shared_ptr<State>> sessions_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_SESSIONS_H_
