// What opens what a store has sealed.
#ifndef SALLYPORT_RECORDER_FORMAT_STORE_SECRETS_H_
#define SALLYPORT_RECORDER_FORMAT_STORE_SECRETS_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"

namespace sallyport::recorder {

// What seals the blocks of one segment.
struct DataKey {
  KeyId id = {};
  SecretKey key;
};

// What opens what one store has sealed, wherever it comes from: recorder/keys has it from the store's keys/ directory.
// Thread-safe.
class StoreSecrets {
 public:
  virtual ~StoreSecrets() = default;

  virtual const StoreId& store_id() const = 0;
  // The store's key for a purpose, derived from its secret: always the same.
  virtual SecretKey Derive(std::string_view purpose) const = 0;
  virtual const SigningKey& signing_key() const = 0;
  // NOT_FOUND, saying which, if it was destroyed (the segment is shredded) or is missing: see StateOfDataKey.
  virtual absl::StatusOr<DataKey> OpenDataKey(uint64_t segment) = 0;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_STORE_SECRETS_H_
