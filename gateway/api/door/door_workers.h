// Threads of the door's own, for what takes processor time: JSON and compression.
#ifndef SALLYPORT_GATEWAY_API_DOOR_DOOR_WORKERS_H_
#define SALLYPORT_GATEWAY_API_DOOR_DOOR_WORKERS_H_

#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {

// Does work in the order in which it comes, so that gRPC's threads, which relayed calls need, do none of it. What waits
// is bounded by whoever gives it: the door has one piece for each open call. Thread-safe.
class DoorWorkers {
 public:
  explicit DoorWorkers(size_t threads);
  // Does all that it was given.
  ~DoorWorkers();
  DoorWorkers(const DoorWorkers&) = delete;
  DoorWorkers& operator=(const DoorWorkers&) = delete;

  void Run(absl::AnyInvocable<void()> work);

 private:
  void Work();

  absl::Mutex mutex_;
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<absl::AnyInvocable<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_DOOR_WORKERS_H_
