// The calls that are open, for those who have to end them all.
#ifndef SALLYPORT_GATEWAY_RELAY_OPEN_CALLS_H_
#define SALLYPORT_GATEWAY_RELAY_OPEN_CALLS_H_

#include <array>
#include <atomic>
#include <cstddef>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

class RelayedCall;

// Lists of open calls, linked through the calls themselves, so that keeping them costs each call two short locks and no
// memory. Thread-safe; outlives all sessions.
class OpenCalls {
 public:
  OpenCalls() = default;
  OpenCalls(const OpenCalls&) = delete;
  OpenCalls& operator=(const OpenCalls&) = delete;

  // A place in a list, kept by the session.
  struct Link {
    RelayedCall* session = nullptr;
    Link* previous = nullptr;
    Link* next = nullptr;
  };

  // False once the gateway is stopping: the session is in the list, and has to end by itself.
  bool Add(Link* link, RelayedCall* session);
  // For a session that is being destroyed.
  void Remove(Link* link);

  // The gateway stops: tells every session OnGatewayStopping, on this thread. Calls that come later are told by Add.
  // Returns how many were told.
  size_t EndAll();
  // Returns when there are no sessions any more, or at `limit`. The library may be done with a call before its session
  // is, which uses what it was given until then.
  // True if there are none.
  bool AwaitNone(absl::Time limit);

  // A message of a stream is handed to the transport, for a caller or an upstream; or that is over, in whatever way.
  // Where some are under way again and again for long, somebody does not read.
  void OnWrite() { writes_.fetch_add(1, std::memory_order_relaxed); }
  void OnWriteOver() { writes_.fetch_sub(1, std::memory_order_relaxed); }
  int writes() const { return writes_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kShards = 16;

  // Each in cache lines of its own.
  struct alignas(128) Shard {
    absl::Mutex mutex;
    Link* first ABSL_GUARDED_BY(mutex) = nullptr;
    bool stopping ABSL_GUARDED_BY(mutex) = false;
  };
  Shard& ShardOf(const Link* link);

  std::array<Shard, kShards> shards_;
  alignas(128) std::atomic<int> writes_{0};
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_OPEN_CALLS_H_
