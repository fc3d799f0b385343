// How receivers of events are, for monitoring.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_NUMBERS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_NUMBERS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace sallyport::gateway {

// Counts are since the start of the stream.
struct EventStreamNumbers {
  std::string receiver;
  uint64_t sent = 0;       // events handed over; one that is sent again counts again
  uint64_t failures = 0;   // times that it did not take events
  absl::Duration lag;      // age of the oldest event that is not known to be taken; 0 if all are
  uint64_t lag_bytes = 0;  // about so many bytes of the log are behind it
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_NUMBERS_H_
