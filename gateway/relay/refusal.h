// What callers are told when the gateway itself turns them away.
#ifndef SALLYPORT_GATEWAY_RELAY_REFUSAL_H_
#define SALLYPORT_GATEWAY_RELAY_REFUSAL_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

// A status of the gateway's own, with what programs read. A value.
struct Refusal {
  int code = 0;         // of google.rpc.Code; 0: no refusal
  std::string message;  // for people
  // A serialised google.rpc.Status for `grpc-status-details-bin`; empty for none.
  std::string details;

  bool ok() const { return code == 0; }
};

// A refusal with a google.rpc.ErrorInfo: `reason` in capitals, the domain "sallyport", and these members of its
// metadata (those with an empty value are left out); with `retry_after`, a google.rpc.RetryInfo too.
Refusal MakeRefusal(int code, std::string message, std::string_view reason,
                    const std::vector<std::pair<std::string_view, std::string>>& metadata,
                    std::optional<absl::Duration> retry_after = std::nullopt);

// A status without details.
Refusal RefusalOf(const absl::Status& status);

// Refusals that calls end with after they were admitted; `call` is the call's id as people type it, empty for none.
Refusal GatewayStopping(const std::string& call);
Refusal RouteDeadlineReached(const std::string& call, absl::Duration deadline);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_REFUSAL_H_
