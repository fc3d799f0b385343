// `identity` and `policy`: who may call, and what.
#include <algorithm>
#include <memory>

#include "gateway/configuration/sections.h"
#include "gateway/identity/identity_options.h"
#include "gateway/listen_address.h"
#include "policy/policy.h"

namespace sallyport::gateway {

void CheckIdentityAndPolicy(ConfigurationCheck& check) {
  const v1::Config& config = check.config();
  GatewayOptions& options = check.options();
  v1::IdentityConfig identity = config.identity();
  const std::string& client_ca = config.listen().tls().client_ca();
  if (!client_ca.empty()) {
    if (identity.has_mtls()) {
      check.Fail("listen.tls.client_ca", "stands beside identity.mtls: name the authorities there only");
    }
    identity.mutable_mtls()->set_ca(client_ca);
  }
  if (identity.has_mtls() && !config.listen().has_tls() && !check.faults().Unread("listen.tls")) {
    check.Fail("identity.mtls", "needs listen.tls: certificates are shown in TLS handshakes");
  }
  const bool local = std::all_of(options.listen.begin(), options.listen.end(),
                                 [](const std::string& address) { return IsLoopback(address); });
  options.identity = CheckIdentity(identity, local, check.Fault());
  if (options.identity.mtls.has_value() && options.tls.has_value()) {
    const v1::MtlsIdentity& mtls = *options.identity.mtls;
    ServerTlsOptions& tls = *options.tls;
    tls.client_ca_files.clear();
    if (!mtls.ca().empty()) tls.client_ca_files.push_back(mtls.ca());
    for (const v1::TrustDomain& domain : mtls.trust_domains()) tls.client_ca_files.push_back(domain.bundle());
    if (mtls.optional()) tls.callers = ServerTlsOptions::Callers::kMayShowOne;
  }
  options.policy_file = config.policy();
  if (options.policy_file.empty()) return;
  const absl::StatusOr<std::shared_ptr<const policy::Policy>> policy = policy::Policy::Load(options.policy_file);
  if (!policy.ok()) check.Fail("policy", policy.status().message());
}

}  // namespace sallyport::gateway
