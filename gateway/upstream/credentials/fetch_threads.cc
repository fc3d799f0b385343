#include "gateway/upstream/credentials/fetch_threads.h"

#include <utility>

namespace sallyport::gateway {

FetchThreads::~FetchThreads() {
  std::vector<std::thread> threads;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

bool FetchThreads::Run(absl::AnyInvocable<void() &&> task) {
  absl::MutexLock lock(&mutex_);
  if (stopping_ || queue_.size() >= most_queued_) return false;
  queue_.push_back(std::move(task));
  while (threads_.size() < count_) threads_.emplace_back([this] { Work(); });
  return true;
}

void FetchThreads::Work() {
  while (true) {
    absl::AnyInvocable<void() &&> task;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &FetchThreads::HasWork));
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    std::move(task)();
  }
}

}  // namespace sallyport::gateway
