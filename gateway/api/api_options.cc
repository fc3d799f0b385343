#include "gateway/api/api_options.h"

#include <tuple>

namespace sallyport::gateway {
namespace {

auto TlsParts(const std::optional<ServerTlsOptions>& tls) {
  const ServerTlsOptions none;
  const ServerTlsOptions& given = tls.has_value() ? *tls : none;
  return std::tuple(tls.has_value(), given.cert_file, given.key_file, given.client_ca_files, given.callers);
}

auto LoginParts(const LoginOptions& login) {
  const OidcLoginOptions none;
  const OidcLoginOptions& oidc = login.oidc.has_value() ? *login.oidc : none;
  return std::tuple(login.oidc.has_value(), oidc.issuer, oidc.client_id, oidc.secret_file, oidc.scopes, oidc.url,
                    login.lasts, login.idle);
}

}  // namespace

bool SameDoor(const ApiOptions& a, const ApiOptions& b) {
  return std::tie(a.address, a.grpc, a.origins, a.hosts) == std::tie(b.address, b.grpc, b.origins, b.hosts) &&
         TlsParts(a.tls) == TlsParts(b.tls) && LoginParts(a.login) == LoginParts(b.login);
}

}  // namespace sallyport::gateway
