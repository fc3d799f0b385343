// Makes a data directory ready to be written.
#ifndef SALLYPORT_RECORDER_WRITE_RECOVERY_H_
#define SALLYPORT_RECORDER_WRITE_RECOVERY_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/store_layout.h"
#include "recorder/recorder.h"
#include "recorder/write/log_recorder.h"

namespace sallyport::recorder {

// Takes the directory's lock, cuts a torn tail off the log and sets it aside, brings the index up to date, begins a new
// segment and ends in it the calls that were left open. Reads only what the index does not know yet, and the open
// calls. Errors as Recorder::Open.
absl::StatusOr<RecoveredStore> RecoverStore(const RecorderOptions& options, FileSystem& files);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_RECOVERY_H_
