// The way of events to one receiver.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_STREAM_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/operations/events/event_log.h"
#include "gateway/operations/events/event_numbers.h"
#include "gateway/operations/events/event_receiver.h"
#include "gateway/operations/events/told_calls.h"
#include "recorder/record_reader.h"

namespace sallyport::gateway {

// Follows the log on a thread of its own and hands events to one receiver, in order and at least once: the cursor is
// kept in a file, and only moves past what has been taken. What a receiver does not take is sent again, less and less
// often. Holds one block of the log, one batch and what is known of open calls, each of them bounded; nobody waits for
// it. Lives from its making to Stop.
class EventStream {
 public:
  struct Limits {
    size_t events = 500;  // of a batch
    size_t bytes = 512 << 10;
    size_t facts_bytes = 32 << 20;                  // of open calls
    absl::Duration look = absl::Milliseconds(200);  // how often the log is looked at while nothing comes
    absl::Duration first_pause = absl::Milliseconds(250);
    absl::Duration longest_pause = absl::Seconds(30);
  };
  struct Place {
    std::string directory;  // of the data
    std::shared_ptr<recorder::StoreKeys> keys;
    std::string cursor_file;
  };

  // Begins at the cursor in its file. `from` is where a receiver begins that has none, or whose cursor is damaged,
  // which is logged; it is saved before this returns.
  static absl::StatusOr<std::unique_ptr<EventStream>> Start(const EventReceiverOptions& options, const Place& place,
                                                            const EventCursor& from, const EventSource& source,
                                                            std::unique_ptr<EventReceiver> receiver,
                                                            const Limits& limits);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // Sends what the log has, until `deadline` or the first failure, and ends. May be called again, and from any thread.
  void Stop(absl::Time deadline);
  // Asks for Stop without waiting for the end.
  void BeginStop();

  // Thread-safe.
  EventStreamNumbers Numbers() const;
  const EventReceiverOptions& options() const { return options_; }

 private:
  // Collects a batch.
  class Collector;
  struct Sent {
    EventCursor cursor;  // behind it
    absl::Time at;
    absl::Time oldest;  // event in it
  };

  EventStream(const EventReceiverOptions& options, const Place& place, const EventCursor& from,
              const EventSource& source, std::unique_ptr<EventReceiver> receiver, const Limits& limits);

  void Loop();
  // One batch, or a look; false when it is to end.
  bool Step();
  absl::Status LookUp(uint64_t call_id, ToldCall& facts);
  // Moves the cursor past what has settled. After an error the log is read again from the cursor on.
  absl::Status Settle(absl::Time now);
  absl::Status Save(const EventCursor& cursor);
  void GoBack();
  void OnFailure(const absl::Status& status);
  // Sends what was collected; whether to go on.
  bool SendBatch(absl::Time now);
  // Nothing is to be sent: what is left to do; whether to go on.
  bool BeIdle(absl::Time now, bool last_look);
  // Waits, but not when it is to stop; whether to go on.
  bool Pause(absl::Duration pause);
  bool stopping() const;
  void NoteProgress(bool caught_up, std::optional<absl::Time> oldest);

  const EventReceiverOptions options_;
  const Place place_;
  const EventSource source_;
  const Limits limits_;
  const recorder::LogPlace log_place_;
  const std::unique_ptr<EventReceiver> receiver_;

  // Of the thread.
  EventLog log_;
  ToldCalls memory_;
  std::unique_ptr<recorder::RecordReader> reader_;
  EventCursor saved_;
  absl::Time saved_at_ = absl::InfinitePast();
  std::vector<Event> batch_;  // that is being sent
  std::deque<Sent> unsettled_;
  size_t most_events_;
  absl::Duration pause_;
  absl::Status last_;  // of sending

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  EventStreamNumbers numbers_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Time> oldest_ ABSL_GUARDED_BY(mutex_);  // event that is not known to be taken
  EventCursor behind_ ABSL_GUARDED_BY(mutex_);                // where that is
  absl::Mutex join_mutex_;
  std::thread thread_;  // last, so that it starts with everything else in place
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_STREAM_H_
