// What a call looks like, before anybody is believed, and whether there is room for it.
#include <grpcpp/support/status.h>

#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/listener/memory_budget.h"
#include "gateway/relay/admission/stages.h"
#include "gateway/relay/admission/unproved.h"
#include "gateway/relay/recording/refusal_flood.h"
#include "recorder/recorder.h"

namespace sallyport::gateway {
namespace {

Refusal TakePlace(const RelayContext& shared, CallContext& call) {
  CallContext::Arrival& arrival = call.arrival;
  const std::string transport_peer = call.caller.transport_peer();
  std::shared_ptr<Connection> connection = shared.connections->Find(transport_peer);
  if (connection == nullptr) {
    arrival.peer = transport_peer;
    arrival.connection_name = arrival.peer;
    arrival.connection_number = std::hash<std::string>()(arrival.peer);
    // Of UNIX sockets with TLS gRPC does not tell which it is. Any other is ours, or whose it is cannot be told.
    if (!absl::StartsWith(arrival.peer, "unix")) {
      return RefusalOf(absl::InternalError("the gateway does not know the connection"));
    }
  } else {
    arrival.peer = connection->peer();
    arrival.connection_number = connection->number();
    arrival.connection_name = absl::StrCat("#", connection->number());
    arrival.connection = connection;
    arrival.place = OpenCall(std::move(connection));
  }
  if (arrival.place.place() > shared.calls_per_connection) {
    return MakeRefusal(grpc::StatusCode::RESOURCE_EXHAUSTED,
                       absl::StrCat("more calls are open on this connection than limits.calls_per_connection of the "
                                    "gateway allows (",
                                    shared.calls_per_connection, ")"),
                       "TOO_MANY_CALLS", {{"limit", "limits.calls_per_connection"}});
  }
  if (shared.memory->Full(call.start)) {
    return MakeRefusal(grpc::StatusCode::RESOURCE_EXHAUSTED,
                       "the gateway has as much in memory as it may (limits.memory): try again later",
                       "MEMORY_EXHAUSTED", {{"limit", "limits.memory"}});
  }
  return {};
}

Refusal LookAt(const RelayContext& shared, CallContext& call) {
  const Refusal crowded = TakePlace(shared, call);
  if (shared.recorder != nullptr) call.id = shared.recorder->NewCallId(call.start);
  if (!crowded.ok()) return crowded;
  if (absl::Status status = CheckPath(call.caller.path()); !status.ok()) return RefusalOf(status);
  const GrpcMetadata& metadata = call.caller.metadata();
  if (absl::Status status = CheckRequestMetadata(metadata); !status.ok()) return RefusalOf(status);
  if (absl::Status status = CheckSessionName(metadata); !status.ok()) return RefusalOf(status);
  const auto named = metadata.find({kSessionKey.data(), kSessionKey.size()});
  if (named != metadata.end()) call.arrival.session_name = std::string(View(named->second));
  return {};
}

}  // namespace

std::optional<Refusal> Examine(const RelayContext& shared, CallContext& call, BeginWait /*begin_wait*/) {
  Refusal refusal = LookAt(shared, call);
  CallContext::Arrival& arrival = call.arrival;
  arrival.flooded_for = shared.refusals->Over(arrival.peer, arrival.connection_number, call.start);
  if (refusal.ok()) return refusal;
  if (arrival.flooded_for.has_value()) return TooManyRefused(shared, call);
  const bool malformed = refusal.code == grpc::StatusCode::INVALID_ARGUMENT;
  CountUnproved(shared, call, malformed ? RefusalReason::kMalformed : RefusalReason::kNotChecked, refusal.code,
                refusal.message);
  return refusal;
}

}  // namespace sallyport::gateway
