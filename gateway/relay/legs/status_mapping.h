// The one place where statuses change their kind.
#ifndef SALLYPORT_GATEWAY_RELAY_LEGS_STATUS_MAPPING_H_
#define SALLYPORT_GATEWAY_RELAY_LEGS_STATUS_MAPPING_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <string>

#include "gateway/relay/call.h"

namespace sallyport::gateway {

// How the upstream leg ended, from what the library says when it is done. Tells a status that the upstream sent from
// one that this side made because the connection failed, a limit was passed or a deadline ran out.
UpstreamOutcome OutcomeOf(const grpc::Status& status, const grpc::ClientContext& context);

// What the caller is told. An upstream's status details travel in the trailers (`grpc-status-details-bin`); `details`
// are those of a status of the gateway's own.
grpc::Status StatusFor(const Call::Outcome& outcome, const std::string& details = "");

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_LEGS_STATUS_MAPPING_H_
