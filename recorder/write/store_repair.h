// Makes whole, at a start, what of a store can be made from the rest of it, and refuses where that cannot be.
#ifndef SALLYPORT_RECORDER_WRITE_STORE_REPAIR_H_
#define SALLYPORT_RECORDER_WRITE_STORE_REPAIR_H_

#include "absl/status/status.h"
#include "recorder/index/call_index.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/segment_store.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// For a store whose keys are there, before anything else of a start. Sees to it that:
// * there is a log, if there ever was one, and a checkpoint, if the log holds anything that needs one:
//   FAILED_PRECONDITION otherwise;
// * tree/tombstone, where segments are missing, says what the last tombstone in the log does, if there is one;
// * tree/checkpoint says where in the log it stands, if somebody put a published checkpoint in its place;
// * tree/leaves has as many hashes as were signed for.
// The last two are made from the log, which must lead to the very root that was signed: DATA_LOSS otherwise, and
// nothing is changed. Each file is replaced as a whole, so it can be cut off anywhere and run again. Reads the log only
// where something is missing.
absl::Status RepairStore(const LogPlace& place, StoreKeys& keys, IndexEngine& engine, FileSystem& files);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_STORE_REPAIR_H_
