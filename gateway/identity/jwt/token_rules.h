// What tokens of one issuer have to be like.
#ifndef SALLYPORT_GATEWAY_IDENTITY_JWT_TOKEN_RULES_H_
#define SALLYPORT_GATEWAY_IDENTITY_JWT_TOKEN_RULES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gateway/identity/jwt/public_key.h"
#include "gateway/identity/jwt/strict_json.h"

namespace sallyport::gateway {

// Checked, and with its defaults filled in. A value.
struct TokenRules {
  std::string issuer;                  // exactly the token's `iss`
  std::vector<std::string> audiences;  // one of them must be in the token's `aud`
  std::vector<SignatureAlgorithm> algorithms;
  std::optional<ClaimPath> subject;  // `sub` unless given
  std::optional<ClaimPath> groups;   // no groups unless given
  // In lower case and without "application/", as RFC 7515 section 4.1.9 compares them; "" for tokens without one.
  std::vector<std::string> types = {"jwt", "at+jwt", ""};
  absl::Duration skew = absl::Seconds(30);
  absl::Duration max_lifetime = absl::Hours(24);
  std::vector<std::pair<ClaimPath, std::string>> required;  // each a glob over the claim's text
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_JWT_TOKEN_RULES_H_
