// Whether this program may use a store, or was made before what wrote it.
#ifndef SALLYPORT_RECORDER_FORMAT_STORE_VERSION_H_
#define SALLYPORT_RECORDER_FORMAT_STORE_VERSION_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/store_layout.h"

namespace sallyport::recorder {

// The format that the newest segment says it has, also one that this program does not know; nothing where there is no
// segment, or where its header is damaged (which is for others to tell). Needs no key, writes nothing.
absl::StatusOr<std::optional<uint16_t>> NewestSegmentFormat(const StoreLayout& layout);

// OK if no part of the store but the index says that it was written by a newer program; also where there is no store
// yet. FAILED_PRECONDITION, with both numbers and what to do, if its newest segment or its file `format` has a higher
// number than kFormatVersion. Whoever opens a store asks this before anything else, so that nothing of it is touched.
// Blocks on the disk.
absl::Status CheckStoreVersion(const StoreLayout& layout);

// What is said of an index that a newer program has made: FAILED_PRECONDITION, so that nobody takes it for damage,
// which is removed.
absl::Status NewerIndex(int64_t version);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_STORE_VERSION_H_
