// The gateway's own log, as those read it who tell others what happens.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_LOG_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_LOG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/operations/events/event_cursor.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/log_cursor.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::gateway {

// Entries that cannot be told.
struct LogGap {
  enum class Why {
    kDeleted,   // by retention, before they were read
    kShredded,  // their key is destroyed
    kDamaged,   // they are there and cannot be read
    // The log is not the one that the cursor is of, or has lost its end: it was put back from a copy, say.
    kSetBack,
  };
  Why why = Why::kDeleted;
  uint64_t first_sequence = 0;
  uint64_t entries = 0;  // 0 where it cannot be known, and with kSetBack
};

// Takes in what the log has, in its order. Each returns whether it takes more at once.
class EventLogReader {
 public:
  virtual ~EventLogReader() = default;
  virtual bool OnEntry(const v1::Entry& entry) = 0;
  virtual bool OnGap(const LogGap& gap) = 0;
};

// Follows the log from a cursor on, while a gateway writes it, holds one block of it in memory at a time, and passes
// over what is not there any more. Not thread-safe.
class EventLog {
 public:
  // Where the log ends now, or begins. `keys` must outlive what is made with them.
  static absl::StatusOr<EventCursor> Newest(const recorder::LogPlace& place, recorder::StoreKeys& keys);
  static EventCursor Oldest() { return {}; }

  EventLog(const recorder::LogPlace& place, recorder::StoreKeys& keys, const EventCursor& from);

  // Hands on what there is, until `reader` takes no more or nothing is left; returns whether nothing is left. Errors
  // are those of the system and of keys: it may be tried again.
  absl::StatusOr<bool> Read(EventLogReader& reader);

  // Behind what was handed on.
  EventCursor cursor() const;

  // Goes back, or on, to a cursor.
  void MoveTo(const EventCursor& cursor);

  // About how many bytes of the log are still to be read. Space that the log holds ready counts.
  absl::StatusOr<uint64_t> BytesAhead() const;

 private:
  // The next block, past what is damaged or not there.
  absl::StatusOr<std::optional<recorder::Block>> NextBlock();
  // Has the cursor stand behind a place that cannot be read.
  absl::Status PassDamage();
  // Whether the segment that is to be read is not there and others behind it are; then goes on with those.
  absl::StatusOr<bool> PassMissing();
  // Tells what lies between what was read and this block; whether the reader takes more.
  bool TellGap(const recorder::Block& block, EventLogReader& reader);
  // The same where nothing follows yet, and a segment was begun behind those that are not there: else nobody heard of
  // what is lost until somebody calls.
  bool TellGapBeforeEnd(EventLogReader& reader);
  absl::StatusOr<bool> ReadBlock(EventLogReader& reader);

  recorder::LogPlace place_;
  recorder::StoreKeys& keys_;
  std::optional<recorder::LogCursor> log_;  // always there; to be put elsewhere, made anew
  uint64_t next_sequence_;
  bool knows_sequence_;                          // false at the log's beginning
  uint64_t mid_sequence_ = 0;                    // where the block at the cursor is to be read on, 0 for its beginning
  LogGap::Why missing_ = LogGap::Why::kDeleted;  // why entries before the next block are missing, if some are
  uint64_t begins_at_ = 0;                       // the first number behind missing segments, until a block is read
  std::optional<recorder::Block> block_;
  uint64_t taken_ = 0;  // entries of that block
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENT_LOG_H_
