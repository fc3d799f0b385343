// Where a call goes.
#include "gateway/relay/admission/stages.h"

namespace sallyport::gateway {

// That no route leads anywhere is told by the next stage: who may not call is not told what there is to be called.
std::optional<Refusal> Route(const RelayContext& /*shared*/, CallContext& call, BeginWait /*begin_wait*/) {
  WithFacts(call, [&call](const CallFacts& facts) { call.route = FindRoute(*call.rules->routes, facts); });
  return Refusal();
}

}  // namespace sallyport::gateway
