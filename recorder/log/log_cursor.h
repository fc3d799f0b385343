// Follows the log while it grows.
#ifndef SALLYPORT_RECORDER_LOG_LOG_CURSOR_H_
#define SALLYPORT_RECORDER_LOG_LOG_CURSOR_H_

#include <optional>

#include "absl/status/statusor.h"
#include "recorder/format/log_format.h"
#include "recorder/log/block.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::recorder {

// Hands out one block after another, also of a log that is being written. Not thread-safe.
class LogCursor {
 public:
  // Begins at `from`, where a block begins or will; at the log's beginning if it is unset.
  // `keys` must outlive it.
  LogCursor(const LogPlace& place, StoreKeys& keys, Position from) : place_(place), keys_(&keys), at_(from) {}

  // The next block of entries, which may be shredded; nothing if there is none yet, or it is not complete. DATA_LOSS if
  // it is damaged: which is known once the log has gone on behind it.
  absl::StatusOr<std::optional<Block>> Next();

  // Where the next block begins.
  Position position() const { return at_; }

 private:
  // Whether a segment after the present one exists, so that the present one will not grow any more.
  bool HasNextSegment() const;

  LogPlace place_;
  StoreKeys* keys_;
  Position at_;
  std::optional<SegmentReader> segment_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_LOG_CURSOR_H_
