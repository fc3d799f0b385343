#include "recorder/evidence/cosignatures.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace sallyport::recorder {

Cosignatures::Cosignatures(const StoreLayout& layout, FileSystem& files, const VerifierKey& log_key)
    : path_(layout.Cosigned()), files_(files) {
  absl::StatusOr<std::string> kept = ReadWholeFile(path_, kMaxNoteSize);
  if (absl::IsNotFound(kept.status())) return;
  absl::StatusOr<SignedCheckpoint> checkpoint =
      kept.ok() ? OpenCheckpoint(*kept, {log_key}) : absl::StatusOr<SignedCheckpoint>(kept.status());
  if (!checkpoint.ok()) {
    spdlog::warn("{} is not used, and replaced when a witness answers: {}", path_, checkpoint.status().ToString());
    return;
  }
  Cosigned cosigned = {*SignedNote::Parse(*kept), {}};
  std::vector<NoteSignature> lines = std::exchange(cosigned.note.signatures, {});
  for (NoteSignature& line : lines) {
    if (line.name == log_key.name() && line.key_id == log_key.id()) {
      cosigned.note.signatures.push_back(std::move(line));
    } else {
      std::pair<std::string, uint32_t> witness = {line.name, line.key_id};
      cosigned.by_witness.insert_or_assign(std::move(witness), std::move(line));
    }
  }
  recent_.emplace(checkpoint->checkpoint.size, std::move(cosigned));
  kept_ = *std::move(kept);
}

absl::Status Cosignatures::Keep(const SignedCheckpoint& checkpoint, absl::Span<const NoteSignature> signatures) {
  absl::StatusOr<SignedNote> note = SignedNote::Parse(checkpoint.note);
  if (!note.ok()) return note.status();
  std::lock_guard lock(mutex_);
  const auto [place, added] = recent_.try_emplace(checkpoint.checkpoint.size);
  Cosigned& cosigned = place->second;
  if (added) cosigned.note = *std::move(note);
  for (const NoteSignature& signature : signatures) {
    cosigned.by_witness.insert_or_assign({signature.name, signature.key_id}, signature);
  }
  while (recent_.size() > kRecent) recent_.erase(recent_.begin());
  std::string bytes = Best()->second.Format();
  if (bytes == kept_) return absl::OkStatus();
  if (absl::Status status = ReplaceFile(files_, path_, bytes); !status.ok()) return status;
  kept_ = std::move(bytes);
  return absl::OkStatus();
}

std::string Cosignatures::Cosigned::Format() const {
  SignedNote whole = note;
  for (const auto& [witness, signature] : by_witness) whole.signatures.push_back(signature);
  return whole.Format();
}

std::map<uint64_t, Cosignatures::Cosigned>::const_iterator Cosignatures::Best() const {
  auto best = recent_.begin();
  for (auto each = recent_.begin(); each != recent_.end(); ++each) {
    if (each->second.by_witness.size() >= best->second.by_witness.size()) best = each;
  }
  return best;
}

}  // namespace sallyport::recorder
