// A checkpoint before anybody has looked at its signatures.
#ifndef SALLYPORT_RECORDER_FORMAT_UNCHECKED_CHECKPOINT_H_
#define SALLYPORT_RECORDER_FORMAT_UNCHECKED_CHECKPOINT_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/crypto/signed_note.h"
#include "recorder/format/checkpoint.h"

namespace sallyport::recorder {

// A value.
struct UncheckedCheckpoint {
  SignedNote note;
  Checkpoint checkpoint;

  // INVALID_ARGUMENT, saying what is wrong.
  static absl::StatusOr<UncheckedCheckpoint> Parse(std::string_view note);
  // OK if the key has signed it. INVALID_ARGUMENT otherwise.
  absl::Status CheckSignature(const VerifierKey& key) const;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_UNCHECKED_CHECKPOINT_H_
