// Tokens that must be refused by the verifier of a Rig (key_ring.h), each with the reason.
#ifndef SALLYPORT_TESTS_GATEWAY_IDENTITY_JWT_BAD_TOKENS_H_
#define SALLYPORT_TESTS_GATEWAY_IDENTITY_JWT_BAD_TOKENS_H_

#include <string>
#include <vector>

#include "gateway/identity/jwt/token_fault.h"

namespace sallyport::gateway {

struct BadToken {
  std::string name;
  std::string token;
  TokenFault fault;
};

// Not three parts of base64url with strict JSON in them.
std::vector<BadToken> BadForms();
// Algorithms that are not taken or do not fit the key, and what else a header may try.
std::vector<BadToken> BadHeaders();
// Rightly signed, wrong in what they say.
std::vector<BadToken> BadClaims();
// Right in what they say, wrongly signed.
std::vector<BadToken> BadSignatures();

}  // namespace sallyport::gateway

#endif  // SALLYPORT_TESTS_GATEWAY_IDENTITY_JWT_BAD_TOKENS_H_
