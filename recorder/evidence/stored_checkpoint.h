// What tree/checkpoint holds, as the verifier reads it.
#ifndef SALLYPORT_RECORDER_EVIDENCE_STORED_CHECKPOINT_H_
#define SALLYPORT_RECORDER_EVIDENCE_STORED_CHECKPOINT_H_

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "recorder/evidence/checkpoint.h"
#include "recorder/evidence/signed_note.h"
#include "recorder/log/log_format.h"

namespace sallyport::recorder {

// A checkpoint whose signatures nobody has looked at yet.
struct UncheckedCheckpoint {
  SignedNote note;
  Checkpoint checkpoint;

  // INVALID_ARGUMENT, saying what is wrong.
  static absl::StatusOr<UncheckedCheckpoint> Parse(std::string_view note);
  // OK if the key has signed it. INVALID_ARGUMENT otherwise.
  absl::Status CheckSignature(const VerifierKey& key) const;
};

struct StoredCheckpoint {
  UncheckedCheckpoint note;
  // Where the block after its last leaf begins.
  std::optional<Position> position;

  // INVALID_ARGUMENT, saying what is wrong.
  static absl::StatusOr<StoredCheckpoint> Parse(std::string_view text);
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_STORED_CHECKPOINT_H_
