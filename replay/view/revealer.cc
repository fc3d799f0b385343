#include "replay/view/revealer.h"

#include <utility>

namespace sallyport::replay {

absl::StatusOr<std::unique_ptr<Revealer>> Revealer::Create(const std::string& file) {
  absl::StatusOr<recorder::RevealPrivateKey> key = recorder::RevealPrivateKey::Read(file);
  if (!key.ok()) return key.status();
  return std::unique_ptr<Revealer>(new Revealer(*std::move(key)));
}

absl::Status Revealer::Reveal(v1::Entry* entry) const {
  if (!entry->frame().has_sealed()) return absl::OkStatus();
  v1::Frame& frame = *entry->mutable_frame();
  const v1::SealedView& view = frame.sealed();
  absl::StatusOr<std::string> payload =
      key_.Open({view.encapsulated_key(), view.ciphertext(), view.key_id(), view.compressed()},
                {entry->call_id(), frame.direction(), frame.index(), view.compressed()});
  // Sealed to another key.
  if (absl::IsFailedPrecondition(payload.status())) return absl::OkStatus();
  if (!payload.ok()) return payload.status();
  frame.set_payload(*std::move(payload));
  frame.set_compressed(view.compressed());
  frame.mutable_sealed()->clear_ciphertext();
  frame.mutable_sealed()->clear_encapsulated_key();
  return absl::OkStatus();
}

bool IsRevealed(const v1::Frame& frame) { return frame.has_sealed() && frame.sealed().ciphertext().empty(); }

}  // namespace sallyport::replay
