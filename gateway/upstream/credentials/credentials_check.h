// Checking what the configuration says of credentials.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CREDENTIALS_CHECK_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CREDENTIALS_CHECK_H_

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "gateway/upstream/credentials/credentials_options.h"
#include "sallyport/v1/credentials.pb.h"

namespace sallyport::gateway {

// Hears of each fault: the key, and what is wrong with it and what is expected. No secret is in either.
using CredentialsFault = absl::FunctionRef<void(const std::string& key, absl::string_view problem)>;

// `key` is where the message stands, such as "upstreams.etcd.credentials"; `upstream` is the upstream's name, and
// `can_sign` tells whether there is a key to sign tokens with. Files and variables with secrets must be there. What is
// returned is of use only if there was no fault.
UpstreamCredentialsOptions CheckCredentials(const v1::UpstreamCredentials& credentials, const std::string& key,
                                            const std::string& upstream, bool can_sign, CredentialsFault fault);

TokenSigningOptions CheckTokenSigning(const v1::TokenSigning& signing, const std::string& key, CredentialsFault fault);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_CREDENTIALS_CHECK_H_
