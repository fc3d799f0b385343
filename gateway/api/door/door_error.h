// Why a call failed, as Connect and gRPC-Web say it.
#ifndef SALLYPORT_GATEWAY_API_DOOR_DOOR_ERROR_H_
#define SALLYPORT_GATEWAY_API_DOOR_DOOR_ERROR_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace sallyport::gateway {

// A status other than OK. A value.
struct DoorError {
  // A number of gRPC's, 1 to 16; others are UNKNOWN.
  int code = 2;
  std::string message;
  // A serialised google.rpc.Status, as `grpc-status-details-bin` has it; empty if there are no details.
  std::string details;
};

// The same in the door's own words, with an ErrorInfo (domain "sallyport") that gives `reason`, such as "BAD_JSON".
DoorError OwnError(const absl::Status& status, std::string_view reason);

// Connect's name of a code, such as "invalid_argument".
std::string_view ConnectCode(int code);
// The status that Connect says an answer has.
int HttpStatusOf(int code);

// Connect's error as JSON: {"code", "message", "details": [{"type", "value", "debug"}]}. Details that cannot be read
// are left out.
std::string ConnectErrorJson(const DoorError& error);

// `grpc-message` as gRPC encodes it: whatever is not printable ASCII, and "%", as %XX.
std::string PercentEncoded(std::string_view message);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_DOOR_ERROR_H_
