// Bearer tokens: JSON Web Tokens (RFC 7519) as compact JWS (RFC 7515), with what RFC 8725 advises.
#ifndef SALLYPORT_GATEWAY_IDENTITY_JWT_JWT_H_
#define SALLYPORT_GATEWAY_IDENTITY_JWT_JWT_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/identity/jwt/jwks.h"

namespace sallyport::gateway {

// The token of an `authorization` value "Bearer …" (RFC 6750); nothing for other schemes.
std::optional<std::string_view> BearerToken(std::string_view authorization);

// A token taken apart. Nothing in it is proved.
struct ParsedToken {  // NOLINT(bugprone-exception-escape): what json checks of itself when moved does not fail
  static constexpr size_t kMostBytes = 8 << 10;

  // Refuses, with a TokenFault, what is wrong whoever issued it. `token` must outlive the result.
  static absl::StatusOr<ParsedToken> Parse(std::string_view token);

  std::string_view text;         // all of it
  std::string_view signed_part;  // header and claims, as sent
  std::string signature;
  std::string algorithm;              // `alg`
  std::optional<std::string> key_id;  // `kid`
  std::string type;                   // `typ` in the form of TokenRules::types
  nlohmann::json claims;              // an object
  std::string issuer;                 // `iss`
};

// Whether one of the keys that the token may mean signed it. TokenFault::kKey if the set has no key of that id.
// CheckClaims is what says whether the algorithm is taken.
absl::Status CheckSignature(const ParsedToken& token, const KeySet& keys);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_JWT_JWT_H_
