// Which segments retention has deleted.
#ifndef SALLYPORT_RECORDER_LOG_DELETED_SEGMENTS_H_
#define SALLYPORT_RECORDER_LOG_DELETED_SEGMENTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/crypto/merkle.h"
#include "recorder/format/store_layout.h"
#include "recorder/system/file.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// What the last tombstone in the log says, from the copy kept beside the tree; empty if nothing was ever deleted. The
// copy only saves looking for it: who has to be sure asks the log. DATA_LOSS if it is damaged.
absl::StatusOr<v1::Tombstone> LoadTombstone(const StoreLayout& layout);
absl::Status KeepTombstone(const StoreLayout& layout, FileSystem& files, const v1::Tombstone& tombstone);

bool IsDeleted(const v1::Tombstone& tombstone, uint64_t segment);

// The leaves of a range of a tombstone. DATA_LOSS if its nodes are not theirs.
absl::StatusOr<CompactRange> LeavesOf(const v1::Tombstone::Range& range);

// OK if the ranges are in order, do not touch and are sized as they say.
absl::Status CheckTombstone(const v1::Tombstone& tombstone);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_DELETED_SEGMENTS_H_
