#include "gateway/identity/identity_options.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/identity/api_keys/api_keys.h"
#include "gateway/identity/mtls/mtls.h"

namespace sallyport::gateway {
namespace {

using Fault = absl::FunctionRef<void(const std::string& key, absl::string_view problem)>;

std::optional<ProofKind> KindOf(const std::string& name) {
  if (name == "jwt") return ProofKind::kJwt;
  if (name == "mtls") return ProofKind::kMtls;
  if (name == "api_key") return ProofKind::kApiKey;
  return std::nullopt;
}

void CheckPrecedence(const v1::IdentityConfig& identity, IdentityOptions& options, Fault fault) {
  if (identity.precedence().empty()) return;
  options.precedence.clear();
  for (const std::string& name : identity.precedence()) {
    const std::optional<ProofKind> kind = KindOf(name);
    if (!kind.has_value()) {
      return fault("identity.precedence", absl::StrCat("\"", name, "\" is none of jwt, api_key and mtls"));
    }
    if (std::find(options.precedence.begin(), options.precedence.end(), *kind) != options.precedence.end()) {
      return fault("identity.precedence", absl::StrCat("names ", name, " twice"));
    }
    options.precedence.push_back(*kind);
  }
}

}  // namespace

IdentityOptions CheckIdentity(const v1::IdentityConfig& identity, bool anonymous_by_default, Fault fault) {
  IdentityOptions options;
  CheckedOidc oidc = CheckOidc(identity.oidc(), "identity.oidc");
  for (const ConfigurationProblem& problem : oidc.problems) fault(problem.key, problem.problem);
  options.warnings = std::move(oidc.warnings);
  options.issuers = std::move(oidc.issuers);
  if (identity.has_mtls()) {
    options.mtls = identity.mtls();
    const absl::StatusOr<std::unique_ptr<MtlsVerifier>> verifier = MtlsVerifier::Create(identity.mtls());
    if (!verifier.ok()) fault("identity.mtls", verifier.status().message());
  }
  if (identity.has_api_keys()) {
    options.api_keys_file = identity.api_keys().file();
    if (options.api_keys_file.empty()) {
      fault("identity.api_keys.file", "is missing: the file that `sallyport keys issue-api-key` writes");
    } else if (const auto keys = ApiKeys::Create(options.api_keys_file); !keys.ok()) {
      fault("identity.api_keys.file", keys.status().message());
    }
  }
  CheckPrecedence(identity, options, fault);
  if (!identity.on_expiry().empty() && identity.on_expiry() != "end" && identity.on_expiry() != "finish") {
    fault("identity.on_expiry", absl::StrCat("\"", identity.on_expiry(), "\" is neither end nor finish"));
  }
  options.end_expired_calls = identity.on_expiry() != "finish";
  options.anonymous = identity.has_anonymous() ? identity.anonymous() : anonymous_by_default && !options.takes_proofs();
  if (!options.anonymous && !options.takes_proofs()) {
    fault("identity",
          "is missing: other machines can reach the gateway, and nobody could prove who they are. Say how "
          "callers prove themselves, or identity.anonymous: true if everybody may call");
  }
  return options;
}

}  // namespace sallyport::gateway
