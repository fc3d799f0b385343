#include "gateway/relay/legs/status_mapping.h"

#include <chrono>

#include "absl/strings/match.h"

namespace sallyport::gateway {
namespace {

// Nothing but its text tells who made a status. The core library writes "from peer" into the debug string of those that
// came with trailers, but also of those that its transport makes up when a connection breaks; these messages are the
// transport's.
bool IsMadeByTransport(const grpc::Status& status) {
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE && status.error_code() != grpc::StatusCode::INTERNAL &&
      status.error_code() != grpc::StatusCode::UNKNOWN) {
    return false;
  }
  for (const char* beginning : {"Socket closed", "recvmsg:", "Connection reset by peer", "Broken pipe",
                                "GOAWAY received", "keepalive watchdog timeout", "Transport closed", "Stream removed",
                                "Endpoint read failed", "Stream refused by server", "Received RST_STREAM"}) {
    if (absl::StartsWith(status.error_message(), beginning)) return true;
  }
  return false;
}

// The call's own deadline, which this side enforces too, ran out.
bool IsOwnDeadline(const grpc::Status& status, const grpc::ClientContext& context) {
  return status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED &&
         context.deadline() <= std::chrono::system_clock::now();
}

}  // namespace

UpstreamOutcome OutcomeOf(const grpc::Status& status, const grpc::ClientContext& context) {
  UpstreamOutcome outcome;
  outcome.code = status.error_code();
  outcome.message = status.error_message();
  outcome.from_upstream = status.ok() || (absl::StrContains(context.debug_error_string(), "from peer") &&
                                          !IsMadeByTransport(status) && !IsOwnDeadline(status, context));
  return outcome;
}

grpc::Status StatusFor(const Call::Outcome& outcome, const std::string& details) {
  if (outcome.code == 0 && outcome.message.empty()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(outcome.code), outcome.message, details);
}

}  // namespace sallyport::gateway
