// Compares a log with the checkpoints that were signed of it.
#ifndef SALLYPORT_RECORDER_VERIFY_CHECKPOINT_CHECK_H_
#define SALLYPORT_RECORDER_VERIFY_CHECKPOINT_CHECK_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "recorder/crypto/signed_note.h"
#include "recorder/format/log_format.h"
#include "recorder/format/unchecked_checkpoint.h"
#include "recorder/verify/log_join.h"
#include "recorder/verify/segment_check.h"
#include "recorder/verify/verifier.h"

namespace sallyport::recorder {

// What has been said of a log, by whom it is signed. A value.
struct SignedClaims {
  std::optional<VerifierKey> key;                 // that signatures must be by
  std::optional<UncheckedCheckpoint> checkpoint;  // tree/checkpoint
  Position checkpoint_end;                        // where, as tree/checkpoint says, the log ended at that size
  std::optional<UncheckedCheckpoint> against;     // one that was seen earlier
  uint64_t leaves_file_size = 0;                  // of tree/leaves, in bytes
};

// Adds to `findings` what does not fit between `claims` and the log, and says in `report`, which knows the store's id,
// what the checkpoints are.
void CheckCheckpoints(const SignedClaims& claims, const SegmentCheckPlan& plan,
                      const std::vector<CheckedSegmentLog>& segments, const LogJoin& log, VerifyReport& report,
                      std::vector<Finding>& findings);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_CHECKPOINT_CHECK_H_
