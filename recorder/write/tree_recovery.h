// Finds out, at start, what the tree over the log has come to.
#ifndef SALLYPORT_RECORDER_WRITE_TREE_RECOVERY_H_
#define SALLYPORT_RECORDER_WRITE_TREE_RECOVERY_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "recorder/crypto/merkle.h"
#include "recorder/evidence/checkpointer.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/log_scan.h"
#include "recorder/log/segment_store.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// The tree behind the last signed checkpoint, or from the beginning if there is none.
struct RecoveredTree {
  TreeState state;
  // Where `leaves` begin: at the checkpoint, or behind segments deleted since.
  CompactRange base;
  std::vector<Hash> leaves;
  // What stands in the log from the checkpoint on.
  LogEnd log_end;
  // The last one there, if there is any.
  std::optional<v1::Tombstone> last_tombstone;
};

// Reads the log from where `persisted` stands. The tree never gets fewer leaves than were signed: where records are
// missing that a checkpoint covers, what was signed stays, and the next record takes the number behind; where records
// are missing that none covers, a leaf that stands for none takes their place. Either way the verifier tells.
// DATA_LOSS if the log names numbers that its size cannot account for.
absl::StatusOr<RecoveredTree> RecoverTree(const LogPlace& place, StoreKeys& keys,
                                          const std::optional<TreeState>& persisted);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_TREE_RECOVERY_H_
