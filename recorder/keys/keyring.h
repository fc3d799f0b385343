// Keyrings: the key-encryption keys of a store, oldest first. KEYS.md describes the text.
#ifndef SALLYPORT_RECORDER_KEYS_KEYRING_H_
#define SALLYPORT_RECORDER_KEYS_KEYRING_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/crypto.h"
#include "recorder/crypto/secret_text.h"
#include "recorder/system/private_file.h"

namespace sallyport::recorder {

struct KeyEncryptionKey {
  std::string id;  // 8 lower-case hex digits
  absl::Time created;
  SecretKey key;
};

// Never empty. Moved, not copied.
class Keyring {
 public:
  // What a keyring file may hold at most.
  static constexpr size_t kMaxSize = size_t{1} << 20;

  // `name` is what errors call the text: a path or a variable. INVALID_ARGUMENT, naming the line, and never what is in
  // it, if a line is not what it should be, an id occurs twice or there is no key.
  static absl::StatusOr<Keyring> Parse(std::string_view text, std::string_view name);

  // The one that new keys are wrapped under.
  const KeyEncryptionKey& current() const { return keys_.back(); }
  const std::vector<KeyEncryptionKey>& keys() const { return keys_; }
  // Null if there is none by that id.
  const KeyEncryptionKey* Find(std::string_view id) const;

 private:
  std::vector<KeyEncryptionKey> keys_;
};

// Changes to a keyring as text, which keep comments and the other keys as they are.
//
// A new keyring with one fresh key.
absl::StatusOr<SecretText> NewKeyringText(absl::Time now);
// `text` with a fresh key, which is the current one from then on. `keyring` is what `text` says.
absl::StatusOr<SecretText> WithFreshKey(std::string_view text, const Keyring& keyring, absl::Time now);
// `text` without the keys by these ids.
SecretText WithoutKeys(std::string_view text, const std::vector<std::string>& ids);

struct KeyringFile {
  Keyring keyring;
  SecretText text;
  FileVersion version;
};
// Reads a keyring file. NOT_FOUND if there is none; FAILED_PRECONDITION if others than its owner may read or write it.
absl::StatusOr<KeyringFile> ReadKeyringFile(const std::string& path);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_KEYS_KEYRING_H_
