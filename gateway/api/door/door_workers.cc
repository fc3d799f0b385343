#include "gateway/api/door/door_workers.h"

#include <utility>

namespace sallyport::gateway {

DoorWorkers::DoorWorkers(size_t threads) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

DoorWorkers::~DoorWorkers() {
  {
    const absl::MutexLock lock(&mutex_);
    ends_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void DoorWorkers::Run(absl::AnyInvocable<void()> work) {
  const absl::MutexLock lock(&mutex_);
  waiting_.push_back(std::move(work));
}

void DoorWorkers::Work() {
  while (true) {
    absl::AnyInvocable<void()> work;
    {
      const absl::MutexLock lock(&mutex_);
      const auto wanted = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return ends_ || !waiting_.empty(); };
      mutex_.Await(absl::Condition(&wanted));
      if (waiting_.empty()) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    work();
  }
}

}  // namespace sallyport::gateway
