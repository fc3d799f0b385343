// Threads that wait for files, commands and token endpoints, so that calls need not.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_FETCH_THREADS_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_FETCH_THREADS_H_

#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gateway/upstream/credentials/refreshed_secret.h"

namespace sallyport::gateway {

// Runs tasks in their order, at most `threads` at a time; threads are started with the first task. Each source of
// credentials has its own, so that none waits for another that is slow. Thread-safe. Its destructor returns once all
// that was taken has been run.
class FetchThreads final : public FetchRunner {
 public:
  explicit FetchThreads(size_t threads, size_t most_queued = 1000) : count_(threads), most_queued_(most_queued) {}
  ~FetchThreads() override;
  FetchThreads(const FetchThreads&) = delete;
  FetchThreads& operator=(const FetchThreads&) = delete;

  bool Run(absl::AnyInvocable<void() &&> task) override;

 private:
  void Work();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }

  const size_t count_;
  const size_t most_queued_;
  absl::Mutex mutex_;
  std::deque<absl::AnyInvocable<void() &&>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_FETCH_THREADS_H_
