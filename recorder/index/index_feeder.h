// Between the log and its index.
#ifndef SALLYPORT_RECORDER_INDEX_INDEX_FEEDER_H_
#define SALLYPORT_RECORDER_INDEX_INDEX_FEEDER_H_

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/store_layout.h"
#include "recorder/index/call_index.h"
#include "recorder/log/log_scan.h"

namespace sallyport::recorder {

// Applies to the index what stands in the log behind its position, shredded blocks and deleted segments included. What
// is damaged is passed over, and the index knows that it was. `after_block` is called with each block that was applied.
// Does not save it, unless `after_block` does. With `until`, the end of a block, nothing behind that is looked at: of a
// log that is being written only what is known to be written can be told from damage.
absl::StatusOr<LogEnd> FeedIndex(const LogPlace& place, StoreKeys& keys, CallIndex& index,
                                 absl::FunctionRef<absl::Status(const Block&)> after_block,
                                 Position until = Position());

// Segments whose data keys are destroyed, while the index still knows their calls.
absl::StatusOr<std::vector<uint64_t>> UnscrubbedSegments(const LogPlace& place, CallIndex& index);

// Takes out of the index what it knows of the calls of a shredded segment. Saves it at the end. May be done again.
absl::Status ScrubSegment(const LogPlace& place, StoreKeys& keys, CallIndex& index, uint64_t segment);

// Takes out of the index the calls of segments that are about to be deleted; they must still be there. `is_deleted`
// knows all segments deleted so far and those about to be. Saves it at the end. May be done again.
absl::Status ForgetSegments(const LogPlace& place, StoreKeys& keys, CallIndex& index,
                            const std::vector<uint64_t>& segments,
                            absl::FunctionRef<bool(uint64_t segment)> is_deleted);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_INDEX_FEEDER_H_
