#include "recorder/keys/key_encryption.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/secret_text.h"
#include "recorder/crypto/text.h"
#include "recorder/keys/key_command.h"

namespace sallyport::recorder {
namespace {

absl::Status Seal(const SecretKey& kek, const SecretKey& key, KeyFile& file) {
  Aes256Gcm::Nonce nonce;
  if (absl::Status status = FillRandom(nonce.data(), nonce.size()); !status.ok()) return status;
  file.wrapped.assign(nonce.data(), nonce.size());
  Aes256Gcm(kek).Seal(nonce, file.BoundText(), key.bytes(), file.wrapped);
  return absl::OkStatus();
}

absl::StatusOr<SecretKey> Unseal(const SecretKey& kek, const KeyFile& file, std::string_view path) {
  if (file.wrapped.size() == Aes256Gcm::kNonceSize + SecretKey::kSize + Aes256Gcm::kTagSize) {
    Aes256Gcm::Nonce nonce;
    std::copy_n(file.wrapped.begin(), nonce.size(), nonce.begin());
    std::string bytes;
    if (Aes256Gcm(kek).Open(nonce, file.BoundText(), std::string_view(file.wrapped).substr(nonce.size()), bytes)) {
      return SecretKey(SecretText(std::move(bytes)).view());
    }
  }
  return absl::DataLossError(absl::StrCat(View(path), ": the key cannot be unwrapped: the file is damaged, or the ",
                                          "key-encryption key ", file.kek, " is not the one that it was wrapped with"));
}

// Keys from a keyring, in a file or a variable.
class KeyringEncryption : public KeyEncryption {
 public:
  KeyringEncryption(KeySource source, Keyring keyring, std::optional<FileVersion> version)
      : source_(std::move(source)), keyring_(std::move(keyring)), version_(version) {}

  std::string_view current() const override { return keyring_.current().id; }

  absl::Status Wrap(const SecretKey& key, KeyFile& file) override {
    file.kek = keyring_.current().id;
    file.token.clear();
    return Seal(keyring_.current().key, key, file);
  }

  absl::StatusOr<SecretKey> Unwrap(const KeyFile& file, std::string_view path) override {
    const KeyEncryptionKey* kek = keyring_.Find(file.kek);
    if (kek == nullptr) {
      // Rotated since the keyring was read, perhaps.
      if (absl::Status status = Refresh(); !status.ok()) return status;
      kek = keyring_.Find(file.kek);
    }
    if (kek == nullptr && file.kek == KeyFile::kCommandKek) {
      return absl::FailedPreconditionError(absl::StrCat(View(path), " was wrapped by a key command, not with ",
                                                        source_.Describe(), ": give the command, as exec:"));
    }
    if (kek == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(View(path), " needs the key-encryption key ", file.kek,
                                                        ", which is not in ", source_.Describe(),
                                                        ": give the keyring that holds it"));
    }
    return Unseal(kek->key, file, path);
  }

  absl::Status Refresh() override {
    if (source_.kind != KeySource::Kind::kFile) return absl::OkStatus();
    const absl::StatusOr<FileVersion> version = FileVersion::Of(source_.value);
    if (!version.ok()) return version.status();
    if (version_ == *version) return absl::OkStatus();
    absl::StatusOr<KeyringFile> file = ReadKeyringFile(source_.value);
    if (!file.ok()) return file.status();
    keyring_ = std::move(file->keyring);
    version_ = file->version;
    return absl::OkStatus();
  }

  const Keyring* keyring() const override { return &keyring_; }

 private:
  const KeySource source_;
  Keyring keyring_;
  std::optional<FileVersion> version_;  // of a file
};

// A command wraps a fresh key for each file, and under that the file's key is sealed: so the file is bound to its text
// whatever the command can bind, and the command never sees a key of the store.
class CommandEncryption : public KeyEncryption {
 public:
  explicit CommandEncryption(std::string command) : command_(std::move(command)) {}

  std::string_view current() const override { return KeyFile::kCommandKek; }

  absl::Status Wrap(const SecretKey& key, KeyFile& file) override {
    const absl::StatusOr<SecretKey> wrapping = SecretKey::Random();
    if (!wrapping.ok()) return wrapping.status();
    absl::StatusOr<std::string> token = command_.Wrap(*wrapping);
    if (!token.ok()) return token.status();
    file.kek = KeyFile::kCommandKek;
    file.token = *std::move(token);
    return Seal(*wrapping, key, file);
  }

  absl::StatusOr<SecretKey> Unwrap(const KeyFile& file, std::string_view path) override {
    if (file.kek != KeyFile::kCommandKek) {
      return absl::FailedPreconditionError(absl::StrCat(View(path), " needs the key-encryption key ", file.kek,
                                                        " of a keyring, not a key command: give the keyring"));
    }
    const absl::StatusOr<SecretKey> wrapping = command_.Unwrap(file.token);
    if (!wrapping.ok()) {
      return absl::Status(wrapping.status().code(), absl::StrCat(View(path), ": ", wrapping.status().message()));
    }
    return Unseal(*wrapping, file, path);
  }

  absl::Status Refresh() override { return absl::OkStatus(); }
  const Keyring* keyring() const override { return nullptr; }

 private:
  const KeyCommand command_;
};

absl::StatusOr<std::unique_ptr<KeyEncryption>> OpenVariable(const KeySource& source) {
  const char* value = std::getenv(source.value.c_str());
  if (value == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("the environment variable ", source.value, ", which is to hold the keyring, is not set"));
  }
  std::string lines = value;
  std::replace(lines.begin(), lines.end(), ';', '\n');
  const SecretText text(std::move(lines));
  absl::StatusOr<Keyring> keyring = Keyring::Parse(text.view(), source.value);
  if (!keyring.ok()) return keyring.status();
  return std::make_unique<KeyringEncryption>(source, *std::move(keyring), std::nullopt);
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeyEncryption>> KeyEncryption::Open(const KeySource& source) {
  switch (source.kind) {
    case KeySource::Kind::kCommand:
      return std::make_unique<CommandEncryption>(source.value);
    case KeySource::Kind::kEnvironment:
      return OpenVariable(source);
    case KeySource::Kind::kFile:
      break;
  }
  absl::StatusOr<KeyringFile> file = ReadKeyringFile(source.value);
  if (!file.ok()) return file.status();
  return std::make_unique<KeyringEncryption>(source, std::move(file->keyring), file->version);
}

}  // namespace sallyport::recorder
