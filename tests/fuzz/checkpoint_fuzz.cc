// Signed notes, checkpoints, verifier keys and tree/checkpoint: what is accepted has one spelling.
#include <string>

#include "recorder/crypto/signed_note.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/tree_state.h"
#include "recorder/format/unchecked_checkpoint.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzCheckpoint(std::string_view input) {
  if (const absl::StatusOr<VerifierKey> key = VerifierKey::Parse(input); key.ok()) {
    Require(key->Text() == input, "a verifier key has one spelling");
  }
  if (const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Parse(input); checkpoint.ok()) {
    Require(checkpoint->Format() == input, "a checkpoint has one spelling");
  }
  if (const absl::StatusOr<StoredCheckpoint> stored = StoredCheckpoint::Parse(input); stored.ok()) {
    Require(stored->Format() == input, "a stored checkpoint has one spelling");
  }
  const absl::StatusOr<SignedNote> note = SignedNote::Parse(input);
  if (!note.ok()) {
    Require(!UncheckedCheckpoint::Parse(input).ok(), "a checkpoint is a signed note");
    return;
  }
  Require(note->Format() == input, "a signed note has one spelling");
  // Nobody can have signed it with a key that nobody has.
  const absl::StatusOr<VerifierKey> key =
      VerifierKey::Make(note->signatures.front().name, SignatureType::kEd25519, std::string(32, '\x42'));
  if (key.ok()) Require(!VerifyNote(*note, {*key}).ok(), "a signature needs the key");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzCheckpoint)
