// What the configuration says about issuers of tokens, checked.
#ifndef SALLYPORT_GATEWAY_IDENTITY_OIDC_OIDC_OPTIONS_H_
#define SALLYPORT_GATEWAY_IDENTITY_OIDC_OIDC_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway/identity/jwt/token_rules.h"
#include "gateway/identity/kubernetes/token_review.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "sallyport/v1/oidc.pb.h"

namespace sallyport::gateway {

// Where an issuer's keys are. One of `discovery_url`, `jwks_url` and `jwks_file` is given.
struct KeySourceOptions {
  std::string discovery_url;  // of the provider's metadata
  std::string jwks_url;
  std::string jwks_file;
  std::string ca_pem;      // the system's authorities if empty
  std::string token_file;  // shown to the server as a bearer token, if given
  absl::Duration refresh = absl::Minutes(15);
  absl::Duration stale = absl::Hours(1);
};

struct OidcIssuerOptions {
  TokenRules rules;
  KeySourceOptions keys;
  std::optional<TokenReviewOptions> review;
};

// A fault of the configuration: the key it is at, such as "identity.oidc[0].skew", and what is wrong and expected.
struct ConfigurationProblem {
  std::string key;
  std::string problem;
};

struct CheckedOidc {
  std::vector<OidcIssuerOptions> issuers;
  std::vector<ConfigurationProblem> problems;  // the issuers are good if there are none
  std::vector<ConfigurationProblem> warnings;  // what works and should not be left so
};

// Checks what the schema cannot and fills in defaults. `key` is where the issuers stand, such as "identity.oidc". Reads
// the files that are named.
CheckedOidc CheckOidc(const google::protobuf::RepeatedPtrField<v1::OidcIssuer>& issuers, const std::string& key);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_OIDC_OIDC_OPTIONS_H_
