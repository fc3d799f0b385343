#include "gateway/settings_watch.h"

#include <utility>

namespace sallyport::gateway {

SettingsWatch::SettingsWatch(std::function<void()> check) : check_(std::move(check)), thread_([this] { Run(); }) {}

SettingsWatch::~SettingsWatch() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void SettingsWatch::Changed() {
  absl::MutexLock lock(&mutex_);
  changed_ = true;
}

void SettingsWatch::Run() {
  const auto due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return changed_ || stopping_; };
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&due));
      if (stopping_) return;
      changed_ = false;
    }
    check_();
  }
}

}  // namespace sallyport::gateway
