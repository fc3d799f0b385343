// What strangers may cost, and what they did cost.
#ifndef SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSAL_LIMITS_H_
#define SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSAL_LIMITS_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace sallyport::gateway {

// See sallyport.v1.Refusals.
struct RefusalLimits {
  double per_peer = 50;
  double recorded = 10;
  uint64_t daily_bytes = uint64_t{1} << 30;
};

// Why a call ended before anybody was proved; or, of calls of the services that show the record, before anything was
// looked at.
enum class RefusalReason {
  kMalformed,        // its path or metadata are not legal
  kUnauthenticated,  // a proof is missing or does not hold
  kNotChecked,       // whether a proof holds could not be found out
  kTooMany,          // so many were refused that proofs are not looked at
  kCallerGone,       // the caller left while its proof was looked at
  kNoRole,           // it wanted to see what none of its roles shows
};
inline constexpr size_t kRefusalReasons = 6;

// As metrics and records name it.
constexpr const char* RefusalReasonName(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kMalformed:
      return "malformed";
    case RefusalReason::kUnauthenticated:
      return "unauthenticated";
    case RefusalReason::kNotChecked:
      return "proof_not_checked";
    case RefusalReason::kTooMany:
      return "too_many";
    case RefusalReason::kCallerGone:
      return "caller_gone";
    case RefusalReason::kNoRole:
      return "no_role";
  }
  return "";
}

// Since the start.
struct RefusalCounts {
  std::array<uint64_t, kRefusalReasons> by_reason = {};
  uint64_t only_counted = 0;  // of them: not recorded on their own
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSAL_LIMITS_H_
