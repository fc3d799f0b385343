// The time that limits count by.
#ifndef SALLYPORT_GATEWAY_RELAY_TIMERS_STEADY_TIME_H_
#define SALLYPORT_GATEWAY_RELAY_TIMERS_STEADY_TIME_H_

#include <chrono>

#include "absl/time/time.h"

namespace sallyport::gateway {

// Now, by a clock that never goes back or jumps: for differences only, it is no time of day.
inline absl::Time SteadyNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_TIMERS_STEADY_TIME_H_
