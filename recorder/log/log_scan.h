// Walks along the log.
#ifndef SALLYPORT_RECORDER_LOG_LOG_SCAN_H_
#define SALLYPORT_RECORDER_LOG_LOG_SCAN_H_

#include <cstdint>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/log_format.h"
#include "recorder/log/block.h"
#include "recorder/log/segment_reader.h"
#include "recorder/log/segment_store.h"

namespace sallyport::recorder {

// What a walk found.
struct LogEnd {
  // Behind the last valid block: where the next one goes, or, behind a footer, the next segment begins.
  Position end;
  // The number of the next entry; nothing if neither a block nor a segment header was seen.
  std::optional<uint64_t> next_sequence;
  // What is wrong with the bytes at `end`, if there are any: a block that is being written, or was when the machine
  // stopped. Nothing valid follows it.
  absl::Status torn;
  // The first damage that valid blocks or segments follow: DATA_LOSS naming segment and offset.
  absl::Status damage;
};

enum class OnDamage {
  kStop,  // the walk ends there
  kSkip,  // it goes on with the next valid block
};

// Takes in what a walk meets, in log order. What it returns as an error ends the walk.
class LogVisitor {
 public:
  virtual ~LogVisitor() = default;
  // Before the first block of each segment that is walked from its beginning.
  virtual absl::Status OnSegment(const SegmentReader& segment) { return absl::OkStatus(); }
  // A block of any type.
  virtual absl::Status OnBlock(const Block& block) = 0;
};

// Walks from `from` on, which must be unset (the log's beginning) or a place where a block begins or could begin, up to
// `until`, or to the end if that is unset.
absl::StatusOr<LogEnd> ScanLog(const LogPlace& place, StoreKeys& keys, Position from, OnDamage on_damage,
                               LogVisitor& visitor, Position until = Position());

// The same for blocks of entries alone.
absl::StatusOr<LogEnd> ScanEntries(const LogPlace& place, StoreKeys& keys, Position from, OnDamage on_damage,
                                   absl::FunctionRef<absl::Status(const Block&)> block);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_LOG_SCAN_H_
