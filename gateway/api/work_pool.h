// The threads on which the record is read for who asks.
#ifndef SALLYPORT_GATEWAY_API_WORK_POOL_H_
#define SALLYPORT_GATEWAY_API_WORK_POOL_H_

#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {

// A few threads and a bounded queue. Work may block on the disk. Thread-safe; what was taken is done before the
// destructor returns.
class WorkPool {
 public:
  WorkPool(size_t threads, size_t most_waiting);
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // False, and nothing taken, if too much waits.
  bool Post(absl::AnyInvocable<void()> work);

 private:
  void Run();

  const size_t most_waiting_;
  absl::Mutex mutex_;
  std::deque<absl::AnyInvocable<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_WORK_POOL_H_
