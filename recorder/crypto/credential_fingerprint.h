// What stands in the record where a credential stood.
#ifndef SALLYPORT_RECORDER_CRYPTO_CREDENTIAL_FINGERPRINT_H_
#define SALLYPORT_RECORDER_CRYPTO_CREDENTIAL_FINGERPRINT_H_

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "recorder/crypto/crypto.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {

// Makes fingerprints of credentials: HMAC-SHA256 under a random key of the store, cut to 64 bits, as the text
// "hmac-sha256:" and 16 hex digits. Equal credentials have equal fingerprints within a store; nobody without the key
// can test a guess. Remembers a bounded number of results, because callers send the same credential with every call.
// Thread-safe.
class CredentialFingerprint {
 public:
  static constexpr size_t kTextSize = 28;
  using Text = std::array<char, kTextSize>;

  explicit CredentialFingerprint(SecretKey key) : key_(std::move(key)) {}
  CredentialFingerprint(const CredentialFingerprint&) = delete;
  CredentialFingerprint& operator=(const CredentialFingerprint&) = delete;

  // Whether metadata of this name holds credentials, in any case: authorization, proxy-authorization, cookie,
  // set-cookie, and each of them with -bin behind it.
  static bool IsCredentialName(std::string_view name);

  Text Of(std::string_view credential) const;

 private:
  static constexpr size_t kShards = 8;
  static constexpr size_t kRememberedPerShard = 512;
  static constexpr size_t kLongestRemembered = 8192;

  struct Shard {
    std::mutex mutex;
    TextMap<Text> remembered ABSL_GUARDED_BY(mutex);
  };

  Text Compute(std::string_view credential) const;

  const SecretKey key_;
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CRYPTO_CREDENTIAL_FINGERPRINT_H_
