#include "recorder/notifier.h"

namespace sallyport::recorder {

Notifier::Notifier() : thread_([this] { Run(); }) {}

Notifier::~Notifier() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Notifier::Tell(std::vector<AppendWaiter*>& waiters, const absl::Status& status) {
  if (waiters.empty()) return;
  {
    std::lock_guard lock(mutex_);
    for (AppendWaiter* waiter : waiters) notices_.push_back({waiter, status});
  }
  waiters.clear();
  wake_.notify_one();
}

void Notifier::Run() {
  std::vector<Notice> notices;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !notices_.empty(); });
      if (notices_.empty()) return;
      notices.swap(notices_);
    }
    for (const Notice& notice : notices) notice.waiter->OnAppended(notice.status);
    notices.clear();
  }
}

}  // namespace sallyport::recorder
