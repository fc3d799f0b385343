// SPIFFE IDs of workloads (github.com/spiffe/spiffe: SPIFFE-ID.md, X509-SVID.md).
#ifndef SALLYPORT_GATEWAY_IDENTITY_MTLS_SPIFFE_ID_H_
#define SALLYPORT_GATEWAY_IDENTITY_MTLS_SPIFFE_ID_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sallyport::gateway {

// A value.
struct SpiffeId {
  std::string trust_domain;
  std::string path;  // begins with a slash

  // There is one spelling of each: nothing is decoded, folded or tidied up. INVALID_ARGUMENT says what is wrong,
  // without repeating the text, as what comes after "has a SPIFFE ID ".
  static absl::StatusOr<SpiffeId> Parse(std::string_view uri);
  // "spiffe://<trust domain>"
  std::string Authority() const;
};

// Whether a URI says that it is a SPIFFE ID, in however wrong a way.
bool ClaimsToBeSpiffeId(std::string_view uri);

// INVALID_ARGUMENT unless `name` can be that of a trust domain.
absl::Status CheckTrustDomain(std::string_view name);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_MTLS_SPIFFE_ID_H_
