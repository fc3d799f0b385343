#include "recorder/format/unchecked_checkpoint.h"

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

}  // namespace sallyport::recorder
