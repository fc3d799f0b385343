// Files that say how far a receiver of events has come: what is read is in bounds, and written the same way.
#include <string>

#include "gateway/operations/events/event_cursor.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzEventCursor(std::string_view input) {
  const absl::StatusOr<gateway::EventCursor> cursor = gateway::ParseEventCursor(input);
  if (!cursor.ok()) {
    Require(absl::IsDataLoss(cursor.status()), "what is no cursor is damage");
    return;
  }
  Require(gateway::FormatEventCursor(*cursor) == input, "a cursor has one form");
  Require(cursor->block.segment() <= kMaxSegmentNumber && cursor->block.offset() < kMaxSegmentSize,
          "a cursor is at a place that a log can have");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzEventCursor)
