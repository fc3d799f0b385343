// What the configuration says about who may call, checked.
#ifndef SALLYPORT_GATEWAY_IDENTITY_IDENTITY_OPTIONS_H_
#define SALLYPORT_GATEWAY_IDENTITY_IDENTITY_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "gateway/identity/identity.h"
#include "gateway/identity/oidc/oidc_options.h"
#include "sallyport/v1/identity.pb.h"

namespace sallyport::gateway {

struct IdentityOptions {
  std::vector<OidcIssuerOptions> issuers;
  std::optional<v1::MtlsIdentity> mtls;
  std::string api_keys_file;  // empty: none are taken
  // Callers without any proof get in, as anonymous ones.
  bool anonymous = false;
  // Which proof names a caller who shows several, best first.
  std::vector<ProofKind> precedence = {ProofKind::kJwt, ProofKind::kApiKey, ProofKind::kMtls};
  bool end_expired_calls = true;
  std::vector<ConfigurationProblem> warnings;  // what works and should not be left so

  bool takes_proofs() const { return !issuers.empty() || mtls.has_value() || !api_keys_file.empty(); }
};

// Checks `identity`, which stands at the key "identity", reads the files it names, and tells `fault` what is wrong.
// `anonymous_by_default` is what holds where neither that nor any proof is configured.
IdentityOptions CheckIdentity(const v1::IdentityConfig& identity, bool anonymous_by_default,
                              absl::FunctionRef<void(const std::string& key, absl::string_view problem)> fault);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_IDENTITY_OPTIONS_H_
