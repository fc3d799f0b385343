// What a token says, held against what it has to say.
#ifndef SALLYPORT_GATEWAY_IDENTITY_JWT_CLAIMS_H_
#define SALLYPORT_GATEWAY_IDENTITY_JWT_CLAIMS_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/identity/identity.h"
#include "gateway/identity/jwt/jwt.h"
#include "gateway/identity/jwt/token_rules.h"

namespace sallyport::gateway {

// Whom the token names, if it is as the rules want it at `now`; refused with a TokenFault if not. It proves nothing
// until CheckSignature (jwt.h) has passed too. The identity expires when the token does, plus the skew that is granted.
absl::StatusOr<ProvedIdentity> CheckClaims(const ParsedToken& token, const TokenRules& rules, absl::Time now);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_JWT_CLAIMS_H_
