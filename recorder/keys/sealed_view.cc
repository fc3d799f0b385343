#include "recorder/keys/sealed_view.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "recorder/crypto/hpke.h"
#include "recorder/crypto/text.h"
#include "recorder/format/wire_encoding.h"
#include "recorder/system/private_file.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kInfo = "sallyport sealed view 1";
constexpr absl::string_view kPublicPrefix = "sallyport-reveal";
constexpr std::string_view kFirstLine = "sallyport-reveal-key 1\n";
constexpr std::string_view kPrivateName = "private ";
constexpr size_t kMaxFileSize = 4096;

std::string AssociatedData(const FrameName& frame) {
  char bytes[8 + 1 + 8 + 1];
  char* at = PutFixed(bytes, frame.call_id);
  at = PutFixed(at, static_cast<uint8_t>(frame.direction));
  at = PutFixed(at, frame.index);
  PutFixed(at, static_cast<uint8_t>(frame.compressed ? 1 : 0));
  return std::string(bytes, sizeof(bytes));
}

}  // namespace

RevealKey::RevealKey(std::string public_key)
    : public_key_(std::move(public_key)), id_(AsText(Sha256({public_key_})).substr(0, kIdSize)) {}

absl::StatusOr<RevealKey> RevealKey::Parse(std::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(View(text), absl::MaxSplits('+', 2));
  if (parts.size() == 3) {
    const std::optional<SecretText> bytes = FromBase64(parts[2]);
    if (bytes.has_value() && bytes->view().size() == kX25519KeySize) {
      RevealKey key{std::string(bytes->view())};
      if (key.Format() == text) return key;
    }
  }
  return absl::InvalidArgumentError(
      "not a reveal key's public half, sallyport-reveal+<id>+<base64>, as `sallyport keys reveal-key` prints it");
}

std::string RevealKey::Format() const {
  return absl::StrCat(kPublicPrefix, "+", absl::BytesToHexString(id_), "+", absl::Base64Escape(public_key_));
}

absl::StatusOr<SealedView> SealView(const RevealKey& key, const FrameName& frame, std::string_view payload) {
  absl::StatusOr<HpkeMessage> message = HpkeSeal(key.public_key(), kInfo, AssociatedData(frame), payload);
  if (!message.ok()) return message.status();
  return SealedView{std::move(message->encapsulated_key), std::move(message->ciphertext), key.id(), frame.compressed};
}

RevealPrivateKey::RevealPrivateKey(SecretKey key) : key_(std::move(key)), public_half_(X25519PublicKey(key_)) {}

absl::StatusOr<RevealPrivateKey> RevealPrivateKey::Create(const std::string& path, FileSystem& files) {
  absl::StatusOr<SecretKey> key = SecretKey::Random();
  if (!key.ok()) return key.status();
  RevealPrivateKey reveal(*std::move(key));
  const SecretText text(absl::StrCat(View(kFirstLine),
                                     "# The public half, for the gateway: ", reveal.public_half_.Format(), "\n",
                                     View(kPrivateName), View(ToBase64(reveal.key_.bytes()).view()), "\n"));
  absl::StatusOr<std::unique_ptr<File>> file = files.Create(path);
  if (!file.ok()) return file.status();
  if (absl::Status status = (*file)->Write(0, text.view()); !status.ok()) return status;
  if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
  const std::string parent = std::filesystem::path(path).parent_path();
  if (absl::Status status = files.SyncDirectory(parent.empty() ? "." : parent); !status.ok()) return status;
  return reveal;
}

absl::StatusOr<RevealPrivateKey> RevealPrivateKey::Read(const std::string& path) {
  const absl::StatusOr<PrivateFile> file = ReadPrivateFile(path, kMaxFileSize, "reveal key");
  return file.ok() ? Parse(file->text.view(), path) : file.status();
}

absl::StatusOr<RevealPrivateKey> RevealPrivateKey::Parse(std::string_view text, std::string_view name) {
  if (text.starts_with(kFirstLine)) {
    text.remove_prefix(kFirstLine.size());
    while (text.starts_with('#')) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    if (text.starts_with(kPrivateName) && text.ends_with('\n')) {
      text.remove_prefix(kPrivateName.size());
      text.remove_suffix(1);
      const std::optional<SecretText> bytes = FromBase64(text);
      if (bytes.has_value() && bytes->view().size() == SecretKey::kSize) {
        return RevealPrivateKey(SecretKey(bytes->view()));
      }
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat(View(name), " is no reveal key's file, as `sallyport keys reveal-key` makes it"));
}

absl::StatusOr<std::string> RevealPrivateKey::Open(const SealedView& view, const FrameName& frame) const {
  if (view.key_id != public_half_.id()) {
    return absl::FailedPreconditionError(absl::StrCat("sealed to the reveal key ", absl::BytesToHexString(view.key_id),
                                                      ", not to this one, ",
                                                      absl::BytesToHexString(public_half_.id())));
  }
  std::optional<std::string> payload =
      HpkeOpen(key_, {view.encapsulated_key, view.ciphertext}, kInfo, AssociatedData(frame));
  if (!payload.has_value()) return absl::DataLossError("the sealed view is damaged, or of another frame");
  return *std::move(payload);
}

}  // namespace sallyport::recorder
