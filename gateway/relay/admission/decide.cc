// Whether a call may go on: policy and limits.
#include <grpcpp/support/status.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/relay/admission/stages.h"
#include "gateway/relay/timers/steady_time.h"

namespace sallyport::gateway {
namespace {

const char* KindName(policy::LimitKind kind) {
  switch (kind) {
    case policy::LimitKind::kCallsPerSecond:
      return "calls_per_second";
    case policy::LimitKind::kOpenCalls:
      return "open_calls";
    case policy::LimitKind::kBytesPerSecond:
      return "bytes_per_second";
  }
  return "";
}

Refusal DecideOn(CallContext& call, const policy::AccessRequest& request) {
  CallContext::Verdict& verdict = call.verdict;
  const policy::AccessDecision access = call.rules->policy->Decide(request);
  verdict.rule = access.rule;
  verdict.shadow.assign(access.shadow_denied.begin(), access.shadow_denied.end());
  if (!access.allowed) {
    verdict.outcome = recorder::DecisionOutcome::kDenied;
    return MakeRefusal(
        grpc::StatusCode::PERMISSION_DENIED,
        absl::StrCat("the gateway's policy does not allow this call (rule \"", std::string(access.rule), "\")"),
        "ACCESS_DENIED", {{"rule", std::string(access.rule)}, {"call", call.IdText()}});
  }
  policy::Admission admission = call.rules->limits->Admit(request, SteadyNow());
  verdict.shadow.insert(verdict.shadow.end(), admission.shadow_exceeded.begin(), admission.shadow_exceeded.end());
  verdict.ticket = std::move(admission.ticket);
  if (admission.admitted) return {};
  verdict.outcome = recorder::DecisionOutcome::kLimited;
  verdict.rule = admission.limit;
  return MakeRefusal(
      grpc::StatusCode::RESOURCE_EXHAUSTED,
      absl::StrCat("more than limit \"", std::string(admission.limit), "\" of the gateway allows (",
                   KindName(admission.kind), ")"),
      "LIMIT_EXCEEDED",
      {{"limit", std::string(admission.limit)}, {"kind", KindName(admission.kind)}, {"call", call.IdText()}},
      admission.retry_after);
}

}  // namespace

std::optional<Refusal> Decide(const RelayContext& shared, CallContext& call, BeginWait /*begin_wait*/) {
  // What is decided is decided now, however long the proof took.
  call.verdict.time = absl::Now();
  const bool asks = call.rules->policy != nullptr && !shared.own->IsOpen(call.caller.path());
  call.verdict.recorded = !call.proof.caller.anonymous() || asks;
  Refusal refusal;
  const bool records = call.rules->policy != nullptr && !call.rules->policy->record_rules().empty();
  if (asks || records) {
    WithFacts(call, [&](const CallFacts& facts) {
      AskPolicy(facts, call.route, [&](const policy::AccessRequest& request) {
        // Of calls that nobody decides on as well, and of those that are refused.
        call.recording.rule = call.rules->policy->RecordRuleOf(request);
        if (asks) refusal = DecideOn(call, request);
      });
    });
  }
  if (refusal.ok() && call.route == nullptr) {
    refusal = RefusalOf(absl::UnimplementedError(absl::StrCat("no route for ", call.caller.path().substr(1))));
  }
  return refusal;
}

}  // namespace sallyport::gateway
