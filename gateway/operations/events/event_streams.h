// Tells receivers what happens: calls that have ended, refusals, decisions.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_STREAMS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_STREAMS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/operations/events/event_mapping.h"
#include "gateway/operations/events/event_stream.h"
#include "gateway/operations/events/events_options.h"
#include "recorder/keys/key_source.h"

namespace sallyport::gateway {

// A stream for each receiver, with a thread and a cursor of its own. Reads the store that a recorder of this process
// writes, and outlives nothing of it. Thread-safe.
class EventStreams {
 public:
  // `keys` is where those of the store come from. `source` is who tells.
  EventStreams(std::string directory, std::optional<recorder::KeySource> keys, EventSource source)
      : directory_(std::move(directory)), key_source_(std::move(keys)), source_(std::move(source)) {}
  ~EventStreams() { Stop(absl::InfinitePast()); }

  // Has exactly these receivers: those that are new begin, with what the log has from now on unless they say otherwise;
  // those that are not among them end; those that changed go on where they were. After an error all is as it was.
  absl::Status Apply(const std::vector<EventReceiverOptions>& receivers);

  // Sends on what the log has, to receivers that take it, until `deadline`, and ends.
  void Stop(absl::Time deadline);

  std::vector<EventStreamNumbers> Numbers() const;

 private:
  using Streams = std::vector<std::unique_ptr<EventStream>>;

  absl::StatusOr<std::unique_ptr<EventStream>> Begin(const EventReceiverOptions& options,
                                                     std::unique_ptr<EventReceiver> receiver)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status OpenKeys() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string directory_;
  const std::optional<recorder::KeySource> key_source_;
  const EventSource source_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<recorder::StoreKeys> keys_ ABSL_GUARDED_BY(mutex_);  // null until there is a receiver
  Streams streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_STREAMS_H_
