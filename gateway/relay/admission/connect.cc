// A place on one of the upstream's connections.
#include <utility>

#include "gateway/relay/admission/stages.h"

namespace sallyport::gateway {
namespace {

Refusal Connected(CallContext& call, absl::StatusOr<StreamLease> lease) {
  if (!lease.ok()) {
    return MakeRefusal(static_cast<int>(lease.status().code()), std::string(lease.status().message()),
                       "UPSTREAM_CONNECTIONS_FULL", {{"upstream", call.upstream()->name()}, {"call", call.IdText()}});
  }
  call.lease = *std::move(lease);
  return {};
}

}  // namespace

std::optional<Refusal> Connect(const RelayContext& /*shared*/, CallContext& call, BeginWait begin_wait) {
  Upstream::Needs needs;
  needs.accepted = call.caller.accepted_encodings();
  needs.identity = SessionIdentity(call);
  needs.peer = call.arrival.connection_name;
  std::optional<absl::StatusOr<StreamLease>> lease = call.upstream()->Reserve(needs, [&] {
    return [wait = begin_wait(), &call](absl::StatusOr<StreamLease> later) {
      wait->Resume([&call, later = std::move(later)]() mutable { return Connected(call, std::move(later)); });
    };
  });
  if (!lease.has_value()) return std::nullopt;
  return Connected(call, *std::move(lease));
}

}  // namespace sallyport::gateway
