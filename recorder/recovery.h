// Makes a data directory ready to be written.
#ifndef SALLYPORT_RECORDER_RECOVERY_H_
#define SALLYPORT_RECORDER_RECOVERY_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/index.h"
#include "recorder/log/log_scan.h"
#include "recorder/log_recorder.h"
#include "recorder/recorder.h"
#include "recorder/store_layout.h"

namespace sallyport::recorder {

// Takes the directory's lock, cuts a torn tail off the log and sets it aside, brings the index up to date, begins a new
// segment and ends in it the calls that were left open. Reads only what the index does not know yet, and the open
// calls. Errors as Recorder::Open.
absl::StatusOr<RecoveredStore> RecoverStore(const RecorderOptions& options, FileSystem& files);

// Opens the index, anew if it cannot be used as it is, and applies to it what the log has beyond it. Does not commit.
// The caller holds the index lock.
struct CaughtUpIndex {
  std::unique_ptr<Index> index;
  LogEnd log_end;
};
absl::StatusOr<CaughtUpIndex> CatchUpIndex(const StoreLayout& layout, StoreKeys& keys);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_RECOVERY_H_
