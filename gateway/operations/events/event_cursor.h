// How far a receiver of events has come in the log.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_CURSOR_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_CURSOR_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/log_format.h"

namespace sallyport::gateway {

// A value: everything before it has been taken.
struct EventCursor {
  recorder::Position block;    // that is read next, or on
  uint64_t next_sequence = 0;  // of the next entry, counted over the whole log

  bool operator==(const EventCursor&) const = default;
};

// The text of a cursor's file, four lines:
//
//   sallyport-event-cursor 1
//   segment <number>
//   offset <number>
//   sequence <number>
std::string FormatEventCursor(const EventCursor& cursor);

// DATA_LOSS, saying what is wrong, for anything that FormatEventCursor would not write.
absl::StatusOr<EventCursor> ParseEventCursor(std::string_view text);

// NOT_FOUND if there is no file, DATA_LOSS if it holds no cursor.
absl::StatusOr<EventCursor> LoadEventCursor(const std::string& path);

// After a crash there is the old one or the new one, whole. The directory has to be there.
absl::Status SaveEventCursor(const std::string& path, const EventCursor& cursor);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_CURSOR_H_
