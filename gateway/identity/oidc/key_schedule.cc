#include "gateway/identity/oidc/key_schedule.h"

#include <algorithm>
#include <utility>

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kLeastInterval = absl::Seconds(30);
constexpr absl::Duration kFirstRetry = absl::Seconds(1);
constexpr int kMostDoublings = 5;  // to more than kLeastInterval

}  // namespace

absl::Duration KeySchedule::Since(absl::Time then, absl::Time now) {
  return now < then ? absl::InfiniteDuration() : now - then;
}

KeySchedule::Advice KeySchedule::ForToken(absl::Time now) const {
  if (keys_ != nullptr && now < usable_until_) return Advice::kUse;
  return fetching_ || Due(now) <= now ? Advice::kWait : Advice::kGiveUp;
}

KeySchedule::Advice KeySchedule::ForUnknownKey(absl::Time now) {
  if (fetching_) return Advice::kWait;
  if (Since(begun_, now) < kLeastInterval) return Advice::kGiveUp;
  next_ = std::min(next_, now);
  return Advice::kWait;
}

absl::Time KeySchedule::Due(absl::Time now) const {
  if (fetching_) return absl::InfiniteFuture();
  return now < begun_ ? now : next_;
}

void KeySchedule::Begin(absl::Time now) {
  begun_ = now;
  fetching_ = true;
}

void KeySchedule::Finish(absl::Time now, absl::StatusOr<std::shared_ptr<const KeySet>> fetched) {
  fetching_ = false;
  last_result_ = fetched.status();
  if (!fetched.ok()) {
    const bool usable = keys_ != nullptr && now < usable_until_;
    const absl::Duration retry = kFirstRetry * (1 << std::min(failures_, kMostDoublings));
    ++failures_;
    next_ = now + (usable ? kLeastInterval : std::min(retry, kLeastInterval));
    return;
  }
  failures_ = 0;
  if (keys_ == nullptr || keys_->digest() != (*fetched)->digest()) {
    keys_ = *std::move(fetched);
    ++epoch_;
  }
  usable_until_ = now + interval_ + stale_;
  next_ = now + interval_;
}

}  // namespace sallyport::gateway
