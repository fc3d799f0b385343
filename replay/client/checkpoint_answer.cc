#include "replay/client/checkpoint_answer.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/signed_note.h"

namespace sallyport::replay {

absl::StatusOr<CheckedCheckpoint> CheckCheckpoints(const v1::GetCheckpointsResponse& answer, const std::string& key) {
  const absl::StatusOr<recorder::VerifierKey> signer = recorder::VerifierKey::Parse(key.empty() ? answer.key() : key);
  if (!signer.ok()) {
    if (!key.empty()) return signer.status();
    return absl::DataLossError(absl::StrCat("the key that the server names: ", signer.status().message()));
  }
  std::optional<recorder::Checkpoint> later;
  CheckedCheckpoint checked;
  checked.key = signer->Text();
  checked.key_was_given = !key.empty();
  for (const std::string& note : answer.checkpoints()) {
    absl::StatusOr<recorder::SignedCheckpoint> opened = recorder::OpenCheckpoint(note, {&*signer, 1});
    if (!opened.ok()) return absl::DataLossError(absl::StrCat("a checkpoint: ", opened.status().message()));
    recorder::Checkpoint& checkpoint = opened->checkpoint;
    if (later.has_value() &&
        (checkpoint.size > later->size || (checkpoint.size == later->size && checkpoint.root != later->root))) {
      return absl::DataLossError(absl::StrCat("checkpoints of ", later->size, " and ", checkpoint.size,
                                              " leaves contradict each other: the log was changed"));
    }
    if (checked.checkpoints++ == 0) checked.newest = checkpoint;
    later = std::move(checkpoint);
  }
  if (checked.checkpoints == 0) return absl::NotFoundError("there is no checkpoint");
  return checked;
}

}  // namespace sallyport::replay
