// Callers who prove who they are with an API key.
#ifndef SALLYPORT_GATEWAY_IDENTITY_API_KEYS_API_KEYS_H_
#define SALLYPORT_GATEWAY_IDENTITY_API_KEYS_API_KEYS_H_

#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/identity/identity.h"
#include "recorder/api_keys/api_key.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {

// The keys in the file that `sallyport keys issue-api-key` writes. Thread-safe.
class ApiKeys {
 public:
  // Errors name the file and say what is wrong with it; NOT_FOUND says how to make one.
  static absl::StatusOr<std::unique_ptr<ApiKeys>> Create(std::string file);

  // Whether what stands after "Bearer " in `authorization` is meant as an API key.
  static bool Claims(std::string_view token) { return recorder::IsApiKeyLike(token); }

  // `token` is what stands after "Bearer ". Only who holds a key is told that it is revoked or has expired.
  ProofResult Verify(std::string_view token, absl::Time now) const;

  // Reads the file again. If it is not in order, nothing changes.
  absl::Status Reload();
  const std::string& file() const { return file_; }

 private:
  struct Known {
    recorder::ApiKey key;
    std::shared_ptr<const ProvedIdentity> identity;
  };
  using KeysById = recorder::TextMap<Known>;

  explicit ApiKeys(std::string file) : file_(std::move(file)) {}

  const std::string file_;
  mutable std::shared_mutex mutex_;
  std::shared_ptr<const KeysById> keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_API_KEYS_API_KEYS_H_
