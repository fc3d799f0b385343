// Whether there is a store to be read.
#ifndef SALLYPORT_RECORDER_FORMAT_STORE_CHECK_H_
#define SALLYPORT_RECORDER_FORMAT_STORE_CHECK_H_

#include "absl/status/status.h"
#include "recorder/format/store_layout.h"

namespace sallyport::recorder {

// OK if the directory holds a log that this process may list. NOT_FOUND, saying what is not there, if it holds none;
// PERMISSION_DENIED, naming the directory that may not be entered and its owner, if that cannot be known or used. What
// is denied is never taken for what is not there. FAILED_PRECONDITION if a newer program wrote it (store_version.h).
// Blocks on the disk.
absl::Status CheckStore(const StoreLayout& layout);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_STORE_CHECK_H_
