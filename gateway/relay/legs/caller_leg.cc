#include "gateway/relay/legs/caller_leg.h"

namespace sallyport::gateway {

absl::Duration CallerRequest::TimeLeft() const {
  const gpr_timespec until = deadline();
  if (gpr_time_cmp(until, gpr_inf_future(until.clock_type)) == 0) return absl::InfiniteDuration();
  const gpr_timespec left = gpr_time_sub(until, gpr_now(until.clock_type));
  return absl::Seconds(left.tv_sec) + absl::Nanoseconds(left.tv_nsec);
}

}  // namespace sallyport::gateway
