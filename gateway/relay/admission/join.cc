// The session that a call belongs to.
#include "gateway/relay/admission/stages.h"

namespace sallyport::gateway {

std::string_view SessionIdentity(const CallContext& call) {
  return call.proof.caller.anonymous() ? std::string_view("anonymous") : std::string_view(call.proof.name);
}

// Last, for what is refused belongs to no session.
std::optional<Refusal> Join(const RelayContext& shared, CallContext& call, BeginWait /*begin_wait*/) {
  if (shared.recorder == nullptr) return Refusal();
  const std::string_view identity = SessionIdentity(call);
  call.session = shared.sessions->Join({identity.data(), identity.size()}, call.arrival.connection_name,
                                       call.arrival.session_name, call.id, call.start);
  return Refusal();
}

}  // namespace sallyport::gateway
