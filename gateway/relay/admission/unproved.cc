#include "gateway/relay/admission/unproved.h"

#include <grpcpp/support/status.h>

#include <string>

#include "absl/time/clock.h"
#include "gateway/relay/admission/stages.h"
#include "gateway/relay/frames/metadata_views.h"
#include "gateway/relay/recording/refusal_flood.h"

namespace sallyport::gateway {
namespace {

constexpr char kTooMany[] =
    "too many calls from this address were refused: proofs that the gateway has not seen hold before are not looked "
    "at now";

}  // namespace

void CountUnproved(const RelayContext& shared, CallContext& call, RefusalReason reason, int code,
                   std::string_view message) {
  call.proof.counted = true;
  // What is kept of a call that is only counted is recorded too.
  if (call.rules->masks != nullptr) ApplyMasks(shared, call);
  const std::string method = TextIn(call, policy::MaskView::kRecord, call.caller.path());
  const std::string text = TextIn(call, policy::MaskView::kRecord, std::string(message));
  const RefusedCall refused = {call.arrival.peer, call.arrival.connection_number, method, reason, code, text,
                               absl::Now()};
  call.proof.only_counted = !shared.refusals->Refused(refused);
  if (call.proof.only_counted) call.id = 0;
}

Refusal TooManyRefused(const RelayContext& shared, CallContext& call) {
  CountUnproved(shared, call, RefusalReason::kTooMany, grpc::StatusCode::RESOURCE_EXHAUSTED, kTooMany);
  return MakeRefusal(grpc::StatusCode::RESOURCE_EXHAUSTED, kTooMany, "TOO_MANY_REFUSED_CALLS",
                     {{"call", call.IdText()}}, call.arrival.flooded_for);
}

void Conclude(const RelayContext& shared, CallContext& call, const Refusal& refusal) {
  if (!call.proof.proved && !call.proof.counted) {
    const bool gone = refusal.ok();
    CountUnproved(shared, call, gone ? RefusalReason::kCallerGone : RefusalReason::kNotChecked,
                  gone ? int{grpc::StatusCode::CANCELLED} : refusal.code,
                  gone ? std::string_view("Cancelled") : refusal.message);
  }
  // Its metadata is recorded.
  ApplyMasks(shared, call);
}

}  // namespace sallyport::gateway
