// Why a bearer token was refused, for programs.
#ifndef SALLYPORT_GATEWAY_IDENTITY_JWT_TOKEN_FAULT_H_
#define SALLYPORT_GATEWAY_IDENTITY_JWT_TOKEN_FAULT_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sallyport::gateway {

enum class TokenFault {
  kMalformed,    // no compact JWS with JSON objects in it, or too large
  kHeader,       // something in its header that is not taken: typ, crit, a key of its own
  kAlgorithm,    // not taken from this issuer, or not the one that the key is for
  kIssuer,       // nobody whose word is taken
  kAudience,     // made for somebody else
  kExpired,      // its time is over
  kNotYetValid,  // its time has not come
  kLifetime,     // it would hold for longer than tokens may
  kClaim,        // another claim is missing or not as it must be
  kKey,          // the issuer has no such key
  kSignature,    // not signed with the key
  kRevoked,      // the issuer, being asked, takes it back
};

// "TOKEN_EXPIRED" and the like, as google.rpc.ErrorInfo wants reasons.
absl::string_view FaultName(TokenFault fault);

// UNAUTHENTICATED with the fault attached. `problem` is shown to callers and must not repeat what they sent.
absl::Status Refuse(TokenFault fault, absl::string_view problem);

// What Refuse attached; nothing for other statuses.
std::optional<TokenFault> FaultOf(const absl::Status& status);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_JWT_TOKEN_FAULT_H_
