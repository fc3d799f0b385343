// Who a caller is proved to be.
#ifndef SALLYPORT_GATEWAY_IDENTITY_IDENTITY_H_
#define SALLYPORT_GATEWAY_IDENTITY_IDENTITY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

// Mirrors sallyport.v1.Proof.
enum class ProofKind { kNone = 0, kJwt = 1, kMtls = 2, kApiKey = 3, kLocal = 4 };

// One proof that held. Immutable once made, shared between the calls that show it.
struct ProvedIdentity {
  ProofKind kind = ProofKind::kNone;
  std::string issuer;   // the token's `iss`; "spiffe://<trust domain>" or the issuer's distinguished name; "api-keys"
  std::string subject;  // never empty
  std::vector<std::string> groups;
  // What tells this proof from others of the same caller, and reveals nothing: "kid=… jti=…", "serial=… sha256=…",
  // "key=…".
  std::string credential;
  absl::Time expires = absl::InfiniteFuture();  // the proof is worth nothing from then on
};

// UNAUTHENTICATED where the proof does not hold: the message may be shown to the caller, so it says what is wrong and
// never repeats what was shown. UNAVAILABLE where it could not be checked now.
using ProofResult = absl::StatusOr<std::shared_ptr<const ProvedIdentity>>;

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_IDENTITY_H_
