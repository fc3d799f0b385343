// Where events go.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_RECEIVER_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_RECEIVER_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/operations/events/event_mapping.h"
#include "gateway/operations/events/events_options.h"

namespace sallyport::gateway {

// Takes batches of events. Used by one thread, but for Cancel. An interface, so that following the log knows no ways to
// send, and tests take events themselves.
class EventReceiver {
 public:
  virtual ~EventReceiver() = default;

  // Hands over a batch, in order, and blocks until it is taken, or for a time that is bounded. After an error any part
  // of it may have been taken, and it is sent again. RESOURCE_EXHAUSTED: the batch is too large, and fewer at a time
  // may do.
  virtual absl::Status Send(const std::vector<Event>& events) = 0;

  // What was sent counts as taken once so much time has passed and Confirm says OK: of ways to send that acknowledge
  // nothing.
  virtual absl::Duration settles() const { return absl::ZeroDuration(); }
  virtual absl::Status Confirm() { return absl::OkStatus(); }

  // Ends what is under way, and all that comes later, soon. From any thread.
  virtual void Cancel() = 0;
};

// The one that the options describe. What cannot be had at the start, such as a file, is tried again with each batch.
absl::StatusOr<std::unique_ptr<EventReceiver>> MakeEventReceiver(const EventReceiverOptions& options,
                                                                 const EventSource& source);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_RECEIVER_H_
