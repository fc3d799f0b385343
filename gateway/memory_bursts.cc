#include "gateway/memory_bursts.h"

#include <algorithm>

namespace sallyport::gateway {
namespace {

// What stays becomes usual, by two thirds in so many looks, which are five minutes.
constexpr uint64_t kLooksToBecomeUsual = 6000;
// The end of many calls is work too, for a moment.
constexpr int kLooksToBeBusy = 10;

// A burst is over a little below where it began.
bool IsBurst(uint64_t resident, uint64_t usual, uint64_t burst, bool was) {
  return resident > usual + (was ? burst / 4 * 3 : burst);
}

}  // namespace

bool MemoryBursts::Look(uint64_t resident, absl::Duration used, bool waits) {
  if (resident <= usual_) {
    usual_ = resident;
  } else {
    usual_ += (resident - usual_) / kLooksToBecomeUsual;
  }
  burst_ = IsBurst(resident, usual_, kBurst, burst_);
  large_burst_ = IsBurst(resident, usual_, kLargeBurst, large_burst_);
  waiting_looks_ = waits ? waiting_looks_ + 1 : 0;
  looks_since_held_ = waiting_looks_ >= kLooksToBeHeld ? 0 : std::min(looks_since_held_ + 1, kLooksToLetGo);
  busy_looks_ = used - used_ > kBusy * kLookEvery ? busy_looks_ + 1 : 0;
  used_ = used;
  const bool held = looks_since_held_ < kLooksToLetGo;
  return (large_burst_ || (burst_ && held)) && busy_looks_ < kLooksToBeBusy;
}

}  // namespace sallyport::gateway
