#include "recorder/evidence/stored_checkpoint.h"

#include <utility>

namespace sallyport::recorder {

absl::StatusOr<StoredCheckpoint> StoredCheckpoint::Parse(std::string_view text) {
  absl::StatusOr<CheckpointNote> note = CheckpointNote::Parse(text);
  if (!note.ok()) return note.status();
  return StoredCheckpoint{*std::move(note), std::nullopt};
}

}  // namespace sallyport::recorder
