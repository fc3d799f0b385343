// What a server's checkpoints prove.
#ifndef SALLYPORT_REPLAY_CLIENT_CHECKPOINT_ANSWER_H_
#define SALLYPORT_REPLAY_CLIENT_CHECKPOINT_ANSWER_H_

#include <string>

#include "absl/status/statusor.h"
#include "recorder/format/checkpoint.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

struct CheckedCheckpoint {
  recorder::Checkpoint newest;
  std::string key;      // the verifier key whose signatures were checked
  bool key_was_given;   // rather than the one that the server names
  int checkpoints = 0;  // how many were checked
};

// Checks the signature of every checkpoint, and that they are of one log which only grew. `key`: the verifier key that
// must have signed; empty: the one that the answer names. NOT_FOUND if there is no checkpoint, INVALID_ARGUMENT if
// `key` cannot be read, DATA_LOSS if something does not hold.
absl::StatusOr<CheckedCheckpoint> CheckCheckpoints(const v1::GetCheckpointsResponse& answer, const std::string& key);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLIENT_CHECKPOINT_ANSWER_H_
