// Wrapped-key files. The keyring is fixed, so that what a file says can be wrapped as it would be.
#include <cstdlib>
#include <memory>
#include <string>

#include "recorder/keys/key_encryption.h"
#include "recorder/keys/key_file.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/known_keys.h"

namespace sallyport::recorder {
namespace {

KeyEncryption& TheEncryption() {
  static KeyEncryption* const encryption = [] {
    setenv("SALLYPORT_FUZZ_KEYRING", kKnownKeyring, 1);
    return KeyEncryption::Open({KeySource::Kind::kEnvironment, "SALLYPORT_FUZZ_KEYRING"})->release();
  }();
  return *encryption;
}

// Wraps a key for what the file says it is for, and opens it; changed anywhere it must not open.
void CheckWrapping(KeyFile file, size_t changed) {
  const SecretKey key(std::string(SecretKey::kSize, 'd'));
  Require(TheEncryption().Wrap(key, file).ok(), "any key file can be wrapped");
  const std::string text = file.Format();
  const absl::StatusOr<KeyFile> read = KeyFile::Parse(text, "a file");
  Require(read.ok() && read->BoundText() == file.BoundText(), "a key file is read as it was written");
  const absl::StatusOr<SecretKey> opened = TheEncryption().Unwrap(*read, "a file");
  Require(opened.ok() && opened->bytes() == key.bytes(), "what was wrapped is unwrapped");
  std::string other = text;
  other[changed % text.size()] ^= 1;
  const absl::StatusOr<KeyFile> damaged = KeyFile::Parse(other, "a file");
  Require(!damaged.ok() || !TheEncryption().Unwrap(*damaged, "a file").ok(), "a changed key file does not open");
}

}  // namespace

void FuzzKeyFile(std::string_view input) {
  if (input.size() < 2) return;
  const size_t changed =
      static_cast<unsigned char>(input[0]) | static_cast<size_t>(static_cast<unsigned char>(input[1])) << 8;
  input.remove_prefix(2);
  const absl::StatusOr<KeyFile> file = KeyFile::Parse(input, "a file");
  if (!file.ok()) return Require(absl::IsDataLoss(file.status()), "a bad key file is data loss");
  Require(file->Format() == input, "a key file has one spelling");
  Require(input.starts_with(file->BoundText()), "what is bound is the text before the wrapped key");
  const absl::StatusOr<SecretKey> key = TheEncryption().Unwrap(*file, "a file");
  Require(key.ok() || absl::IsDataLoss(key.status()) || absl::IsFailedPrecondition(key.status()),
          "a key that does not open is data loss, or another's");
  CheckWrapping(*file, changed);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzKeyFile)
