// Deleting what need not be kept any longer.
#ifndef SALLYPORT_RECORDER_WRITE_RETENTION_H_
#define SALLYPORT_RECORDER_WRITE_RETENTION_H_

#include <cstdint>
#include <set>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/segment_store.h"
#include "recorder/recorder.h"
#include "recorder/system/file.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

struct DueSegments {
  std::vector<uint64_t> segments;
  // How much larger than Retention::bytes the log stays without them.
  uint64_t exceeded_bytes = 0;
};
// Segments that `retention` lets go, oldest first: complete, before `current`, not in `held`, not damaged (what is
// damaged stays until somebody has looked at it), and closed so long ago, or the oldest of a log that is too large and
// not younger than Retention::min_age. Needs no key.
absl::StatusOr<DueSegments> FindDueSegments(const LogPlace& place, StoreKeys& keys, const Retention& retention,
                                            uint64_t current, const std::set<uint64_t>& held, absl::Time now);

// The tombstone for `last`'s segments and these, which must exist and be complete.
absl::StatusOr<v1::Tombstone> MakeTombstone(const LogPlace& place, StoreKeys& keys, const v1::Tombstone& last,
                                            const std::vector<uint64_t>& segments, absl::Time now);

// Takes the calls of the segments that are handed over out of the index; `is_deleted` as for ForgetSegments.
using ForgetDeleted = absl::FunctionRef<absl::Status(const std::vector<uint64_t>& segments,
                                                     absl::FunctionRef<bool(uint64_t segment)> is_deleted)>;

// Removes what is left of the segments that the tombstone names: with `forget` from the index, then the data keys, then
// the segments. Once this was done, doing it again does nothing.
absl::Status FinishDeletion(const LogPlace& place, FileSystem& files, const v1::Tombstone& tombstone,
                            ForgetDeleted forget);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_RETENTION_H_
