// The keys that an issuer of tokens publishes (RFC 7517).
#ifndef SALLYPORT_GATEWAY_IDENTITY_JWT_JWKS_H_
#define SALLYPORT_GATEWAY_IDENTITY_JWT_JWKS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/identity/jwt/public_key.h"

namespace sallyport::gateway {

struct JsonWebKey {
  std::optional<std::string> id;                // `kid`
  std::optional<SignatureAlgorithm> algorithm;  // the only one it is for
  PublicKey key;
};

// What of a JSON Web Key Set tokens can be verified with. Immutable, shared.
class KeySet {
 public:
  static constexpr size_t kMostBytes = 256 << 10;
  static constexpr size_t kMostKeys = 128;

  // Keys that are not for signatures, not of a type that is known, weak, broken, or published with their private half
  // are skipped; `skipped` says which and why. INVALID_ARGUMENT if it is no key set, is too large, or no key is left.
  static absl::StatusOr<std::shared_ptr<const KeySet>> Parse(std::string_view json);

  // The keys that a token signed with `algorithm` may mean: those of that id; all where it names none.
  std::vector<const JsonWebKey*> Find(const std::optional<std::string>& id, SignatureAlgorithm algorithm) const;
  bool Has(const std::optional<std::string>& id) const;

  const std::vector<JsonWebKey>& keys() const { return keys_; }
  const std::vector<std::string>& skipped() const { return skipped_; }
  // Equal for equal texts.
  const std::string& digest() const { return digest_; }

 private:
  KeySet() = default;

  std::vector<JsonWebKey> keys_;
  std::vector<std::string> skipped_;
  std::string digest_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_JWT_JWKS_H_
