#include "recorder/write/notifier.h"

#include <algorithm>

namespace sallyport::recorder {
namespace {

// Fewer are not worth waking a second thread for.
constexpr size_t kMany = 4;

}  // namespace

void Notifier::Notify(std::vector<AppendWaiter*>& waiters, Appended outcome, bool idle) {
  if (waiters.empty()) return;
  if (idle && waiters.size() == 1) {
    AppendWaiter* const waiter = waiters.front();
    waiters.clear();
    return waiter->OnAppended(outcome);
  }
  const bool many = waiters.size() >= kMany;
  if (many) {
    std::stable_sort(waiters.begin(), waiters.end(),
                     [](const AppendWaiter* a, const AppendWaiter* b) { return a->Group() < b->Group(); });
  }
  // Dealt in turns, so that each group is shared by the threads.
  for (size_t i = 0; i < waiters.size(); ++i) dealt_[many ? i % lines_.size() : 0].push_back({waiters[i], outcome});
  waiters.clear();
  for (size_t i = 0; i < lines_.size(); ++i) {
    lines_[i].Add(dealt_[i]);
    dealt_[i].clear();
  }
}

Notifier::Line::Line() : thread_([this] { Loop(); }) {}

Notifier::Line::~Line() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Notifier::Line::Add(const std::vector<Notice>& notices) {
  if (notices.empty()) return;
  {
    std::lock_guard lock(mutex_);
    notices_.insert(notices_.end(), notices.begin(), notices.end());
  }
  wake_.notify_one();
}

void Notifier::Line::Loop() {
  std::vector<Notice> notices;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !notices_.empty(); });
      if (notices_.empty()) return;
      notices.swap(notices_);
    }
    for (const Notice& notice : notices) notice.waiter->OnAppended(notice.outcome);
    notices.clear();
  }
}

}  // namespace sallyport::recorder
