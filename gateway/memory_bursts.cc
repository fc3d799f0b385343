#include "gateway/memory_bursts.h"

namespace sallyport::gateway {
namespace {

// What stays becomes usual, by two thirds in so many looks, which are five minutes.
constexpr uint64_t kLooksToBecomeUsual = 6000;
// The end of many calls is work too, for a moment.
constexpr int kLooksToBeBusy = 10;
// A burst is over a little below where it began.
constexpr uint64_t kOver = MemoryBursts::kBurst / 4 * 3;

}  // namespace

bool MemoryBursts::Look(uint64_t resident, absl::Duration used) {
  if (resident <= usual_) {
    usual_ = resident;
  } else {
    usual_ += (resident - usual_) / kLooksToBecomeUsual;
  }
  burst_ = resident > usual_ + (burst_ ? kOver : kBurst);
  busy_looks_ = used - used_ > kBusy * kLookEvery ? busy_looks_ + 1 : 0;
  used_ = used;
  return burst_ && busy_looks_ < kLooksToBeBusy;
}

}  // namespace sallyport::gateway
