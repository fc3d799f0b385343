// The part of LogRecorder that sees to it that what is taken in has its disk space.
#include <spdlog/spdlog.h>

#include <utility>

#include "recorder/write/log_recorder.h"

namespace sallyport::recorder {

bool LogRecorder::PromiseAtOnce(const SpacePromises::Batch& batch, const AppendWaiter* waiter) {
  if (waiter == nullptr) return promises_.TryPromise(batch, SpacePromises::Slack::kUse);
  // Those that wait are not overtaken.
  if (promises_.anyone_waits() && !promises_.IsKeptFor(batch)) return false;
  return promises_.TryPromise(batch, SpacePromises::Slack::kLeave);
}

absl::Status LogRecorder::PromiseSpace(std::vector<Item>& items) {
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (!health_.ok()) return health_;
      const bool all = PromiseEach(items);
      if (all && !promises_.is_short()) return absl::OkStatus();
    }
    // Anew if meanwhile others were promised what was taken for these.
    if (absl::Status status = TakeSpace(); !status.ok()) return status;
    std::lock_guard lock(mutex_);
    if (PromiseEach(items)) return absl::OkStatus();
    if (!disk_full_) continue;
    TakeOutUnpromised(items);
    break;
  }
  notifier_.Notify(told_, Appended::kNoSpace);
  return absl::OkStatus();
}

bool LogRecorder::PromiseEach(std::vector<Item>& items) {
  for (Item& item : items) {
    if (item.promised) continue;
    promises_.StopWaiting(item.space);
    item.promised = promises_.TryPromise(item.space, SpacePromises::Slack::kLeave);
    if (!item.promised) {
      promises_.Wait(item.space);
      return false;
    }
    if (AppendWaiter* waiter = std::exchange(item.space_waiter, nullptr)) room_waiters_.push_back(waiter);
  }
  return true;
}

void LogRecorder::TakeOutUnpromised(std::vector<Item>& items) {
  size_t kept = 0;
  for (Item& item : items) {
    if (item.promised) {
      if (&items[kept] != &item) items[kept] = std::move(item);
      ++kept;
      continue;
    }
    promises_.StopWaiting(item.space);
    waiting_bytes_ -= item.bytes.size();
    active_calls_ -= item.space.starts - item.space.ends;
    stats_.calls_refused += item.space.starts > 0 ? 1 : 0;
    told_.push_back(item.durable_waiter != nullptr ? item.durable_waiter : item.space_waiter);
  }
  items.erase(items.begin() + static_cast<ptrdiff_t>(kept), items.end());
}

absl::Status LogRecorder::TakeSpace() {
  uint64_t wanted = 0;
  uint64_t slack = 0;
  {
    std::lock_guard lock(mutex_);
    wanted = promises_.wanted();
    slack = promises_.slack();
  }
  // Twice of it, so that calls that begin until the next time find theirs.
  const absl::Status reserved = log_->Reserve(2 * wanted + SpaceAhead(options_) / 4);
  if (!reserved.ok()) {
    // Then so that what waits now does.
    const absl::Status least = absl::IsResourceExhausted(reserved) ? log_->Reserve(wanted + slack) : reserved;
    if (!least.ok() && !absl::IsResourceExhausted(least)) return least;
  }
  bool changed = false;
  {
    std::lock_guard lock(mutex_);
    promises_.SetLeft(log_->space_left());
    changed = disk_full_ == reserved.ok();
    disk_full_ = !reserved.ok();
  }
  if (changed && !reserved.ok()) {
    spdlog::error(
        "the disk is full: until there is space new calls are refused, and what calls that are open go on to carry may "
        "be; then the gateway ends them, and that is recorded: {}",
        reserved.ToString());
  } else if (changed) {
    spdlog::info("there is disk space again: new calls are taken");
  }
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
