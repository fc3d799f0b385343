// The door for those who read the record, as the configuration has it.
#ifndef SALLYPORT_GATEWAY_API_API_OPTIONS_H_
#define SALLYPORT_GATEWAY_API_API_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gateway/tls/server_tls.h"

namespace sallyport::gateway {

// See sallyport.v1.OidcLogin.
struct OidcLoginOptions {
  std::string issuer;  // one of identity.oidc
  std::string client_id;
  std::string secret_file;  // empty for a client without a secret
  std::vector<std::string> scopes;
  std::string url;  // empty: where browsers came to
};

struct LoginOptions {
  std::optional<OidcLoginOptions> oidc;
  absl::Duration lasts = absl::Hours(12);
  absl::Duration idle = absl::Hours(1);
};

// See sallyport.v1.Api. A value.
struct ApiOptions {
  std::string address;  // "host:port" for HTTP; empty for none
  std::string grpc;     // the same for native gRPC, likewise
  std::optional<ServerTlsOptions> tls;
  std::vector<std::string> origins;
  std::vector<std::string> hosts;
  LoginOptions login;
};

// Whether a door with one of them is as good as with the other: files that changed behind the same path do not count.
bool SameDoor(const ApiOptions& a, const ApiOptions& b);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_API_OPTIONS_H_
