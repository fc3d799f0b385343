#include "recorder/evidence/checkpoint_publisher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sallyport::recorder {

CheckpointPublisher::CheckpointPublisher(std::shared_ptr<CheckpointSink> sink, CheckpointSource& source,
                                         const Pauses& pauses)
    : sink_(std::move(sink)), source_(source), pauses_(pauses), thread_([this] { Loop(); }) {}

CheckpointPublisher::~CheckpointPublisher() {
  Stop();
  {
    std::unique_lock lock(mutex_);
    const bool over =
        changed_.wait_until(lock, deadline_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopped_; });
    if (!over) sink_->Cancel();
  }
  thread_.join();
}

void CheckpointPublisher::Stop() {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  stopping_ = true;
  deadline_ = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(pauses_.farewell);
  changed_.notify_all();
}

void CheckpointPublisher::Offer(std::shared_ptr<const SignedCheckpoint> checkpoint) {
  std::lock_guard lock(mutex_);
  offered_size_ = checkpoint->checkpoint.size;
  waiting_ = std::move(checkpoint);
  changed_.notify_all();
}

absl::Status CheckpointPublisher::Wait() {
  std::unique_lock lock(mutex_);
  const uint64_t before = attempts_;
  const bool under_way = working_;
  // An attempt that was under way may be at an older checkpoint.
  changed_.wait(lock, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || (waiting_ == nullptr && !working_) || attempts_ > before + (under_way ? 1 : 0);
  });
  return last_;
}

CheckpointPublisher::Stats CheckpointPublisher::stats() const {
  std::lock_guard lock(mutex_);
  return {sink_->name(), published_size_, offered_size_ - published_size_, last_, published_at_};
}

std::shared_ptr<const SignedCheckpoint> CheckpointPublisher::Next(std::unique_lock<std::mutex>& lock) {
  if (!last_.ok()) {
    changed_.wait_for(lock, absl::ToChronoNanoseconds(pause_),
                      [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; });
    if (stopping_) return nullptr;
  }
  changed_.wait(lock, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || waiting_ != nullptr; });
  return std::exchange(waiting_, nullptr);
}

void CheckpointPublisher::Loop() {
  std::unique_lock lock(mutex_);
  while (std::shared_ptr<const SignedCheckpoint> checkpoint = Next(lock)) {
    working_ = true;
    lock.unlock();
    absl::Status status = sink_->Publish(*checkpoint, source_);
    lock.lock();
    working_ = false;
    ++attempts_;
    if (status.ok()) {
      published_size_ = checkpoint->checkpoint.size;
      published_at_ = std::chrono::steady_clock::now();
      pause_ = absl::ZeroDuration();
    } else {
      pause_ = std::clamp(2 * pause_, pauses_.first, pauses_.most);
      if (waiting_ == nullptr) waiting_ = std::move(checkpoint);
    }
    Report(last_, status);
    last_ = std::move(status);
    changed_.notify_all();
  }
  stopped_ = true;
  changed_.notify_all();
}

void CheckpointPublisher::Report(const absl::Status& before, const absl::Status& after) const {
  if (before == after) return;
  if (after.ok()) {
    spdlog::info("checkpoints arrive at {} again", sink_->name());
  } else if (absl::IsDataLoss(after)) {
    spdlog::error("{} contradicts this store's checkpoints: {}", sink_->name(), after.ToString());
  } else if (before.ok()) {
    spdlog::warn("a checkpoint did not arrive at {}; it is tried again: {}", sink_->name(), after.ToString());
  }
}

}  // namespace sallyport::recorder
