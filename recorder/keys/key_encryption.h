// Wrapping keys with the key-encryption key of a store, wherever that one is.
#ifndef SALLYPORT_RECORDER_KEYS_KEY_ENCRYPTION_H_
#define SALLYPORT_RECORDER_KEYS_KEY_ENCRYPTION_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/crypto/crypto.h"
#include "recorder/keys/key_file.h"
#include "recorder/keys/key_source.h"
#include "recorder/keys/keyring.h"

namespace sallyport::recorder {

// Not thread-safe.
class KeyEncryption {
 public:
  // NOT_FOUND, saying what to do, if the keyring or the variable does not exist; otherwise what Keyring::Parse and
  // ReadKeyringFile say.
  static absl::StatusOr<std::unique_ptr<KeyEncryption>> Open(const KeySource& source);
  virtual ~KeyEncryption() = default;

  // The key-encryption key that Wrap uses, as KeyFile::kek names it.
  virtual std::string_view current() const = 0;
  // Sets `kek`, `token` and `wrapped` of a file whose other members are set.
  virtual absl::Status Wrap(const SecretKey& key, KeyFile& file) = 0;
  // `path` is what errors call the file. FAILED_PRECONDITION if the key-encryption key it needs is not here; DATA_LOSS
  // if the file is not what Wrap made.
  virtual absl::StatusOr<SecretKey> Unwrap(const KeyFile& file, std::string_view path) = 0;
  // Looks whether the source has changed, and if so reads it again. After an error the old keys stay in use.
  virtual absl::Status Refresh() = 0;
  // The keys by their ids; null with a command.
  virtual const Keyring* keyring() const = 0;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_KEYS_KEY_ENCRYPTION_H_
