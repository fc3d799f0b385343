// A rate with a burst.
#ifndef SALLYPORT_POLICY_TOKEN_BUCKET_H_
#define SALLYPORT_POLICY_TOKEN_BUCKET_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace sallyport::policy {

// What was taken and has not come back yet, as the time it takes to come back: taking costs time, and time passing pays
// it off. So one bucket fits every rate, whoever asks says what the cost is and how much may be owed. Times are by a
// clock that never goes back. A value; not thread-safe.
class TokenBucket {
 public:
  // Takes `cost` if no more than `most` is owed afterwards, and returns 0; otherwise takes nothing and returns how long
  // it is until it could.
  absl::Duration Take(absl::Duration cost, absl::Duration most, absl::Time now) {
    Advance(now);
    const int64_t owed = owed_ns_ + absl::ToInt64Nanoseconds(cost);
    if (const int64_t over = owed - absl::ToInt64Nanoseconds(most); over > 0) return absl::Nanoseconds(over);
    owed_ns_ = owed;
    return absl::ZeroDuration();
  }

  // Takes `cost` whatever is owed, up to `limit` in all; returns how long it is until no more than `free` is owed.
  absl::Duration Charge(absl::Duration cost, absl::Duration free, absl::Duration limit, absl::Time now) {
    Advance(now);
    owed_ns_ = std::min(owed_ns_ + absl::ToInt64Nanoseconds(cost), absl::ToInt64Nanoseconds(limit));
    return Excess(free);
  }

  // Until no more than `free` is owed.
  absl::Duration Wait(absl::Duration free, absl::Time now) {
    Advance(now);
    return Excess(free);
  }

  // Gives back what was taken and not used.
  void Refund(absl::Duration cost) { owed_ns_ = std::max<int64_t>(0, owed_ns_ - absl::ToInt64Nanoseconds(cost)); }

  // Nothing is owed: it is as good as new.
  bool IsFull(absl::Time now) {
    Advance(now);
    return owed_ns_ == 0;
  }

 private:
  absl::Duration Excess(absl::Duration free) const {
    return std::max(absl::Nanoseconds(owed_ns_) - free, absl::ZeroDuration());
  }

  // Threads bring their times out of order: one that is earlier than another's pays nothing off, and takes nothing
  // back.
  void Advance(absl::Time now) {
    const int64_t now_ns = absl::ToUnixNanos(now);
    if (now_ns > last_ns_) {
      owed_ns_ = owed_ns_ > now_ns - last_ns_ ? owed_ns_ - (now_ns - last_ns_) : 0;
      last_ns_ = now_ns;
    }
  }

  int64_t owed_ns_ = 0;
  int64_t last_ns_ = 0;  // since the clock's epoch
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_TOKEN_BUCKET_H_
