// Names as the index keeps them: sealed.
#ifndef SALLYPORT_RECORDER_FORMAT_NAME_SEALER_H_
#define SALLYPORT_RECORDER_FORMAT_NAME_SEALER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"

namespace sallyport::recorder {

class StoreSecrets;

// What a name names. The numbers are in the index.
enum class NameKind : uint8_t {
  kIdentity = 1,
  kMethod = 2,
  kUpstream = 3,
  kPeer = 4,  // without its port
  kSession = 5,
};

// Stands for a name where equality is asked for: the first 16 bytes of HMAC-SHA256 of kind and name.
using NameHash = std::array<char, 16>;

inline std::string_view AsText(const NameHash& hash) { return {hash.data(), hash.size()}; }

// A store's id as the index has it: in hex.
std::string StoreIdText(const StoreId& id);

// Seals names with AES-256-GCM. The nonce is the beginning of a second keyed hash of kind and name, so that the same
// name always gives the same bytes, and two names never share a nonce but by a collision of hashes. Sealed bytes are
// bound to store, kind and hash. Thread-safe.
class NameSealer {
 public:
  // The store's keys for the purposes "names" and "name hashes".
  NameSealer(const SecretKey& names, const SecretKey& hashes, const StoreId& store_id);
  static std::shared_ptr<const NameSealer> Of(const StoreSecrets& keys);

  const StoreId& store_id() const { return store_id_; }
  NameHash HashOf(NameKind kind, std::string_view name) const;
  // The nonce, then ciphertext and tag.
  std::string Seal(NameKind kind, const NameHash& hash, std::string_view name) const;
  // DATA_LOSS if these bytes were not sealed for this store, kind and hash.
  absl::StatusOr<std::string> Open(NameKind kind, std::string_view hash, std::string_view sealed) const;

 private:
  std::string AssociatedData(NameKind kind, std::string_view hash) const;

  const SecretKey hash_key_;
  const SecretKey nonce_key_;
  const StoreId store_id_;
  mutable std::mutex mutex_;
  mutable Aes256Gcm cipher_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_NAME_SEALER_H_
