#include "gateway/identity/jwt/token_fault.h"

#include <array>

#include "absl/strings/cord.h"

namespace sallyport::gateway {
namespace {

constexpr char kPayload[] = "sallyport/token-fault";
constexpr std::array kNames = {"TOKEN_MALFORMED", "TOKEN_HEADER",  "TOKEN_ALGORITHM",     "TOKEN_ISSUER",
                               "TOKEN_AUDIENCE",  "TOKEN_EXPIRED", "TOKEN_NOT_YET_VALID", "TOKEN_LIFETIME",
                               "TOKEN_CLAIM",     "TOKEN_KEY",     "TOKEN_SIGNATURE",     "TOKEN_REVOKED"};
static_assert(kNames.size() == static_cast<size_t>(TokenFault::kRevoked) + 1);

}  // namespace

absl::string_view FaultName(TokenFault fault) { return kNames[static_cast<size_t>(fault)]; }

absl::Status Refuse(TokenFault fault, absl::string_view problem) {
  absl::Status status = absl::UnauthenticatedError(problem);
  status.SetPayload(kPayload, absl::Cord(FaultName(fault)));
  return status;
}

std::optional<TokenFault> FaultOf(const absl::Status& status) {
  const absl::optional<absl::Cord> name = status.GetPayload(kPayload);
  for (size_t i = 0; name.has_value() && i < kNames.size(); ++i) {
    if (*name == kNames[i]) return static_cast<TokenFault>(i);
  }
  return std::nullopt;
}

}  // namespace sallyport::gateway
