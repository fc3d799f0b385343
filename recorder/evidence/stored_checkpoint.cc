#include "recorder/evidence/stored_checkpoint.h"

#include <utility>

namespace sallyport::recorder {

absl::StatusOr<UncheckedCheckpoint> UncheckedCheckpoint::Parse(std::string_view note) {
  absl::StatusOr<SignedNote> parsed = SignedNote::Parse(note);
  if (!parsed.ok()) return parsed.status();
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Parse(parsed->text);
  if (!checkpoint.ok()) return checkpoint.status();
  return UncheckedCheckpoint{*std::move(parsed), *std::move(checkpoint)};
}

absl::Status UncheckedCheckpoint::CheckSignature(const VerifierKey& key) const {
  return VerifyNote(note, {key}).status();
}

absl::StatusOr<StoredCheckpoint> StoredCheckpoint::Parse(std::string_view text) {
  absl::StatusOr<UncheckedCheckpoint> note = UncheckedCheckpoint::Parse(text);
  if (!note.ok()) return note.status();
  return StoredCheckpoint{*std::move(note), std::nullopt};
}

}  // namespace sallyport::recorder
