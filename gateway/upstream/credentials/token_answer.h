// What OAuth 2.0 token endpoints answer.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_TOKEN_ANSWER_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_TOKEN_ANSWER_H_

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/secret_text.h"

namespace sallyport::gateway {

struct TokenAnswer {
  recorder::SecretText access_token;       // can be metadata (CheckMetadataValue)
  std::optional<absl::Duration> lifetime;  // more than nothing, at most 30 days
};

// Which `token_type` is taken, in any case: "Bearer"; in answers to exchanges "N_A" as well (RFC 8693, 2.2.1).
enum class TokenGrant { kClientCredentials, kExchange };

// Reads the body of a successful answer (RFC 6749, 5.1; RFC 8693, 2.2): a JSON object in which no member that is looked
// at stands twice. UNAVAILABLE says what is wrong with it, and repeats nothing of it.
absl::StatusOr<TokenAnswer> ParseTokenAnswer(std::string_view body, TokenGrant grant);

// The `error` of an answer that is none (RFC 6749, 5.2), if it is one of those that are registered; else empty. So
// nothing that an endpoint makes up gets into a log.
std::string_view TokenErrorOf(std::string_view body);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_TOKEN_ANSWER_H_
