// What of a call is hidden, and from whom.
#include <grpcpp/support/status.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/relay/admission/stages.h"
#include "gateway/upstream/method_catalog.h"

namespace sallyport::gateway {

std::shared_ptr<const policy::CallMasks> FindMasks(const CallContext& call) {
  if (call.rules->masks == nullptr) return nullptr;
  const std::shared_ptr<const policy::Masker> masker = call.rules->masks->For(call.description.descriptors);
  // One that proves nothing goes nowhere, but its metadata is recorded.
  if (!call.proof.proved) return masker->ForUnproved();
  std::shared_ptr<const policy::CallMasks> masks;
  WithFacts(call, [&](const CallFacts& facts) {
    AskPolicy(facts, call.route, [&](const policy::AccessRequest& request) { masks = masker->ForCall(request); });
  });
  return masks;
}

void ApplyMasks(const RelayContext& shared, CallContext& call) {
  if (call.description.descriptors == nullptr) {
    call.description.descriptors = shared.catalog->For(call.upstream() == nullptr ? "" : call.upstream()->name());
  }
  call.masks = FindMasks(call);
}

std::optional<Refusal> Mask(const RelayContext& shared, CallContext& call, BeginWait /*begin_wait*/) {
  ApplyMasks(shared, call);
  if (call.masks == nullptr) return Refusal();
  for (const auto& [side, view] : {std::pair(policy::MessageSide::kRequest, policy::MaskView::kRecord),
                                   std::pair(policy::MessageSide::kRequest, policy::MaskView::kUpstream),
                                   std::pair(policy::MessageSide::kResponse, policy::MaskView::kRecord),
                                   std::pair(policy::MessageSide::kResponse, policy::MaskView::kCaller)}) {
    if (!call.masks->unreadable(side, view)) continue;
    // In large sets, what is wrong with a file is found when it is first used.
    const policy::Descriptors& descriptors = *call.description.descriptors;
    const std::vector<std::string> faults =
        descriptors.FindMethod(call.caller.path()) == nullptr ? std::vector<std::string>() : descriptors.faults();
    return MakeRefusal(grpc::StatusCode::INTERNAL,
                       absl::StrCat("the gateway has to look into the messages of ", call.caller.path().substr(1),
                                    " and has no descriptor of them",
                                    faults.empty() ? "" : " that can be built: ", faults.empty() ? "" : faults.back()),
                       "NO_DESCRIPTOR", {{"call", call.IdText()}});
  }
  return Refusal();
}

}  // namespace sallyport::gateway
