#include "replay/view/tail_queue.h"

#include <utility>

namespace sallyport::replay {
namespace {

TailQueue::Said Following(bool written) {
  auto said = std::make_shared<v1::TailCallsResponse>();
  said->mutable_following()->set_written(written);
  return said;
}

TailQueue::Said CaughtUp() {
  auto said = std::make_shared<v1::TailCallsResponse>();
  said->mutable_caught_up();
  return said;
}

TailQueue::Said Skipped(uint64_t events) {
  auto said = std::make_shared<v1::TailCallsResponse>();
  said->set_skipped(events);
  return said;
}

}  // namespace

void TailQueue::Push(const Said& event, size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_.ok()) return;
    told_event_ = true;
    // What is larger than the bound by itself can still be told, alone.
    const bool fits = skipped_ == 0 && (waiting_.empty() || bytes_ + bytes <= most_bytes_);
    if (!fits) {
      ++skipped_;
    } else {
      waiting_.push_back({event, bytes});
      bytes_ += bytes;
    }
  }
  Wake();
}

void TailQueue::SayFollowing(bool written) {
  {
    const std::lock_guard lock(mutex_);
    written_ = written;
  }
  Wake();
}

void TailQueue::SayCaughtUp() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(told_event_, false)) return;
    caught_up_ = true;
  }
  Wake();
}

void TailQueue::End(const absl::Status& why) {
  {
    const std::lock_guard lock(mutex_);
    ended_.Update(why);
  }
  Wake();
}

void TailQueue::Silence() {
  const std::lock_guard lock(ready_mutex_);
  ready_ = nullptr;
}

void TailQueue::Wake() {
  const std::lock_guard ready_lock(ready_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(found_empty_, false)) return;
  }
  if (ready_) ready_();
}

TailQueue::Said TailQueue::Next() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(begun_, true) && written_.has_value()) {
    return Following(*std::exchange(written_, std::nullopt));
  }
  if (!waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= next.bytes;
    return std::move(next.said);
  }
  if (skipped_ != 0) return Skipped(std::exchange(skipped_, 0));
  if (const std::optional<bool> written = std::exchange(written_, std::nullopt)) return Following(*written);
  if (std::exchange(caught_up_, false)) return CaughtUp();
  found_empty_ = true;
  return nullptr;
}

absl::Status TailQueue::status() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

}  // namespace sallyport::replay
