// Brings the index up to date with the log.
#ifndef SALLYPORT_RECORDER_INDEX_CATCH_UP_H_
#define SALLYPORT_RECORDER_INDEX_CATCH_UP_H_

#include <memory>

#include "absl/status/statusor.h"
#include "recorder/index/call_index.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/log_scan.h"

namespace sallyport::recorder {

// Opens the index, anew if it cannot be used as it is, and applies to it what the log has beyond it. Does not save it.
// The caller holds the index lock. `until` as for FeedIndex.
struct CaughtUpIndex {
  std::unique_ptr<CallIndex> index;
  LogEnd log_end;
};
absl::StatusOr<CaughtUpIndex> CatchUpIndex(const LogPlace& place, StoreKeys& keys, IndexEngine& engine,
                                           Position until = Position());

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_CATCH_UP_H_
