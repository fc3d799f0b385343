// The keys of one store.
#ifndef SALLYPORT_RECORDER_KEYS_STORE_KEYS_H_
#define SALLYPORT_RECORDER_KEYS_STORE_KEYS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/store_secrets.h"
#include "recorder/keys/key_source.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// Opens and makes the keys in a store's keys/ directory, each wrapped by the key-encryption key and bound to the store,
// its purpose and, for a data key, its segment. Thread-safe.
class StoreKeys : public StoreSecrets {
 public:
  // To read with; everything must be there. `source` unset: the file layout.DefaultKeyring(). Errors: NOT_FOUND if
  // there is no keyring, or no key of the store; FAILED_PRECONDITION if the key-encryption key a file needs is not in
  // the keyring; DATA_LOSS if a key file is damaged or of another store. Never prints a secret.
  static absl::StatusOr<std::unique_ptr<StoreKeys>> Open(const StoreLayout& layout,
                                                         const std::optional<KeySource>& source);
  // To write with: store and signing key are made if there are none yet, and, for a file that does not exist, the
  // keyring, which says that it was made at `now`. Errors: also FAILED_PRECONDITION if keys exist but the keyring is
  // gone, or other parts of a store but not its keys. `files` must outlive it.
  static absl::StatusOr<std::unique_ptr<StoreKeys>> OpenOrCreate(const StoreLayout& layout,
                                                                 const std::optional<KeySource>& source,
                                                                 FileSystem& files, absl::Time now);
  // A fresh data key for a segment, wrapped under the current key-encryption key and synced before it is returned.
  // Replaces one that was made for a segment that was never begun. UNAVAILABLE, and nothing is made, if the
  // key-encryption key is out of reach: the keyring is gone or cannot be used as it is, or the key command fails.
  virtual absl::StatusOr<DataKey> CreateDataKey(uint64_t segment) = 0;
  // Whether the key-encryption key that is current now is another than when the last data key was created: time for a
  // new segment. Looks at the source.
  virtual absl::StatusOr<bool> WasRotated() = 0;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_KEYS_STORE_KEYS_H_
