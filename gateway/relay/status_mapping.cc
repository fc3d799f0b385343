#include "gateway/relay/status_mapping.h"

#include "absl/strings/match.h"

namespace sallyport::gateway {

UpstreamOutcome OutcomeOf(const grpc::Status& status, const grpc::ClientContext& context) {
  UpstreamOutcome outcome;
  outcome.code = status.error_code();
  outcome.message = status.error_message();
  // Nothing but this text tells who made a status. The core library writes it for every error that came with the
  // trailers.
  outcome.from_upstream = status.ok() || absl::StrContains(context.debug_error_string(), "from peer");
  return outcome;
}

grpc::Status StatusFor(const Call::Outcome& outcome) {
  if (outcome.code == 0 && outcome.message.empty()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(outcome.code), outcome.message);
}

}  // namespace sallyport::gateway
