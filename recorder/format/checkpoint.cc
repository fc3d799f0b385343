#include "recorder/format/checkpoint.h"

#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/proofs.h"
#include "recorder/crypto/strict_text.h"

namespace sallyport::recorder {
namespace {

absl::Status Malformed(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("not a checkpoint: ", problem));
}

}  // namespace

absl::StatusOr<Checkpoint> Checkpoint::Parse(std::string_view text) {
  Checkpoint checkpoint;
  for (size_t number = 0; !text.empty() || number < 3; ++number) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return Malformed("it has not three lines, each with its newline");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.empty()) return Malformed(absl::StrCat("line ", number + 1, " is empty"));
    if (number == 0) {
      checkpoint.origin = line;
    } else if (number == 1) {
      const std::optional<uint64_t> size = ParseDecimal(line);
      if (!size.has_value() || *size > kMaxTreeSize) return Malformed("its second line is not the size of a tree");
      checkpoint.size = *size;
    } else if (number == 2) {
      const std::optional<Hash> root = ParseBase64Hash(line);
      if (!root.has_value()) return Malformed("its third line is not the base64 of a hash");
      checkpoint.root = *root;
    } else {
      checkpoint.extensions.emplace_back(line);
    }
  }
  return checkpoint;
}

std::string Checkpoint::Format() const {
  std::string text = absl::StrCat(origin, "\n", size, "\n", Base64(AsText(root)), "\n");
  for (const std::string& line : extensions) absl::StrAppend(&text, line, "\n");
  return text;
}

std::string CheckpointOrigin(const StoreId& store_id) {
  return absl::StrCat("sallyport/", absl::BytesToHexString({store_id.data(), store_id.size()}));
}

absl::StatusOr<VerifierKey> CheckpointVerifierKey(const StoreId& store_id, const SigningKey& key) {
  return VerifierKey::Make(CheckpointOrigin(store_id), SignatureType::kEd25519, key.public_key());
}

absl::StatusOr<SignedCheckpoint> SignCheckpoint(Checkpoint checkpoint, const SigningKey& key) {
  absl::StatusOr<SignedNote> note = SignNote(checkpoint.Format(), checkpoint.origin, key);
  if (!note.ok()) return note.status();
  return SignedCheckpoint{.checkpoint = std::move(checkpoint), .note = note->Format()};
}

absl::StatusOr<SignedCheckpoint> OpenCheckpoint(std::string_view note, absl::Span<const VerifierKey> log_keys) {
  absl::StatusOr<SignedNote> parsed = SignedNote::Parse(note);
  if (!parsed.ok()) return parsed.status();
  absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Parse(parsed->text);
  if (!checkpoint.ok()) return checkpoint.status();
  std::vector<VerifierKey> own;
  for (const VerifierKey& key : log_keys) {
    if (key.name() == checkpoint->origin) own.push_back(key);
  }
  if (own.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the checkpoint is of ", checkpoint->origin, ", not of the log whose key was given"));
  }
  absl::StatusOr<std::vector<VerifiedSignature>> verified = VerifyNote(*parsed, own);
  if (!verified.ok()) return verified.status();
  return SignedCheckpoint{.checkpoint = *std::move(checkpoint), .note = std::string(note)};
}

}  // namespace sallyport::recorder
