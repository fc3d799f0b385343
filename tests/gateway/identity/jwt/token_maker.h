// Makes keys and tokens for tests: good ones, and whatever else is asked for.
#ifndef SALLYPORT_TESTS_GATEWAY_IDENTITY_JWT_TOKEN_MAKER_H_
#define SALLYPORT_TESTS_GATEWAY_IDENTITY_JWT_TOKEN_MAKER_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace sallyport::gateway {

// A private key. Copies share it.
class TokenKey {
 public:
  // "RSA-<bits>", "Ed25519", "Ed448", or OpenSSL's name of a curve: "P-256", "secp256k1".
  static TokenKey Make(const std::string& type);

  // As JOSE has signatures, by any of its algorithms, HS256 too (with the public key's PEM as the secret) and "none".
  std::string Sign(const std::string& algorithm, std::string_view message) const;
  // RSASSA-PSS with SHA-256 and a salt of that length.
  std::string SignPss(std::string_view message, int salt) const;
  // The public half: {"kty": …, "kid": id, …}.
  nlohmann::json Jwk(const std::string& id) const;
  std::string PublicPem() const;

 private:
  std::shared_ptr<void> key_;
};

std::string Base64Url(std::string_view bytes);
std::string Hmac(const std::string& secret, std::string_view message);
// An ECDSA signature the way OpenSSL has it.
std::string ToDer(const std::string& raw);

// A key set of these.
std::string JwksText(const std::vector<nlohmann::json>& keys);

// "<header>.<claims>", both as given.
std::string UnsignedText(std::string_view header, std::string_view claims);
inline std::string Unsigned(const nlohmann::json& header, const nlohmann::json& claims) {
  return UnsignedText(header.dump(), claims.dump());
}
std::string Signed(const std::string& signed_part, const std::string& algorithm, const TokenKey& key);
std::string WithSignature(const std::string& signed_part, std::string_view signature);

inline constexpr char kIssuer[] = "https://idp.example/realms/prod";
inline constexpr char kAudience[] = "sallyport";
// The time it is in these tests.
inline const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// {"alg": algorithm, "kid": id, "typ": "at+jwt"}
nlohmann::json Header(const std::string& algorithm, const std::string& id);
// What a good token says that was issued ten seconds ago and holds for five minutes, with the groups "dev" and "ops".
nlohmann::json Claims(absl::Time now = kNow);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_TESTS_GATEWAY_IDENTITY_JWT_TOKEN_MAKER_H_
