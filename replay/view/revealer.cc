#include "replay/view/revealer.h"

#include <utility>

namespace sallyport::replay {

absl::StatusOr<Revealer> Revealer::Create(const std::string& file) {
  if (file.empty()) return Revealer(nullptr);
  absl::StatusOr<recorder::RevealPrivateKey> key = recorder::RevealPrivateKey::Read(file);
  if (!key.ok()) return key.status();
  return Revealer(std::make_unique<recorder::RevealPrivateKey>(*std::move(key)));
}

absl::Status Revealer::ReadCall(recorder::RecordReader* reader, uint64_t id,
                                absl::FunctionRef<absl::Status(const v1::Entry&)> entry) const {
  return reader->ReadCall(id, [&](const v1::Entry& recorded) {
    if (key_ == nullptr || !recorded.frame().has_sealed()) return entry(recorded);
    const v1::Frame& frame = recorded.frame();
    const v1::SealedView& view = frame.sealed();
    absl::StatusOr<std::string> payload =
        key_->Open({view.encapsulated_key(), view.ciphertext(), view.key_id(), view.compressed()},
                   {recorded.call_id(), frame.direction(), frame.index(), view.compressed()});
    if (absl::IsFailedPrecondition(payload.status())) return entry(recorded);
    if (!payload.ok()) return payload.status();
    v1::Entry revealed = recorded;
    v1::Frame* original = revealed.mutable_frame();
    original->set_payload(*std::move(payload));
    original->set_compressed(view.compressed());
    original->mutable_sealed()->clear_ciphertext();
    original->mutable_sealed()->clear_encapsulated_key();
    return entry(revealed);
  });
}

bool IsRevealed(const v1::Frame& frame) { return frame.has_sealed() && frame.sealed().ciphertext().empty(); }

}  // namespace sallyport::replay
