#include "recorder/evidence/directory_sink.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace sallyport::recorder {

DirectorySink::DirectorySink(std::string directory, FileSystem& files)
    : directory_(std::move(directory)), name_("directory " + directory_), files_(files) {}

absl::Status DirectorySink::Publish(const SignedCheckpoint& checkpoint, CheckpointSource& /*source*/) {
  if (absl::Status status = files_.EnsureDirectory(directory_); !status.ok()) return status;
  const std::string stem =
      absl::StrCat(directory_, "/", absl::StrReplaceAll(checkpoint.checkpoint.origin, {{"/", "_"}}));
  const std::string own = absl::StrFormat("%s-%020d.checkpoint", stem, checkpoint.checkpoint.size);
  const std::string latest = stem + "-latest.checkpoint";
  for (const std::string& path : {latest, own}) {
    if (absl::Status status = Compare(path, checkpoint.checkpoint); !status.ok()) return status;
  }
  if (absl::Status status = ReplaceFile(files_, own, checkpoint.note); !status.ok()) return status;
  return ReplaceFile(files_, latest, checkpoint.note);
}

absl::Status DirectorySink::Compare(const std::string& path, const Checkpoint& checkpoint) const {
  absl::StatusOr<std::string> bytes = ReadWholeFile(path, kMaxNoteSize);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<SignedNote> note = SignedNote::Parse(*bytes);
  absl::StatusOr<Checkpoint> there =
      note.ok() ? Checkpoint::Parse(note->text) : absl::StatusOr<Checkpoint>(note.status());
  if (!there.ok()) {
    return absl::DataLossError(absl::StrCat(path, " is in the way: ", there.status().message()));
  }
  if (there->size > checkpoint.size) {
    return absl::DataLossError(absl::StrCat(path, " is over ", there->size, " leaves, more than the ", checkpoint.size,
                                            " of this store, which must have been rolled back"));
  }
  if (there->size == checkpoint.size && there->root != checkpoint.root) {
    return absl::DataLossError(absl::StrCat(path, " is of another tree of ", checkpoint.size, " leaves"));
  }
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
