// Walks along the log.
#ifndef SALLYPORT_RECORDER_LOG_LOG_SCAN_H_
#define SALLYPORT_RECORDER_LOG_LOG_SCAN_H_

#include <cstdint>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/log/block.h"
#include "recorder/log/log_format.h"
#include "recorder/store_layout.h"

namespace sallyport::recorder {

// What a walk found.
struct LogEnd {
  // Behind the last valid block: where the next one goes, or, behind a footer, the next segment begins.
  Position end;
  // Of the entry that follows the last one seen; nothing if no block and no segment header was seen.
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

// Hands every block of entries from `from` on to `block`, in order, until there are no more or `block` returns an
// error, which is then returned. `from` must be unset (the log's beginning) or a place where a block begins or could
// begin.
absl::StatusOr<LogEnd> ScanLog(const StoreLayout& layout, Position from, OnDamage on_damage,
                               absl::FunctionRef<absl::Status(const Block&)> block);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_LOG_SCAN_H_
