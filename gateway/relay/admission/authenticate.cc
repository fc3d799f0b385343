// Who calls.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/relay/admission/stages.h"
#include "gateway/relay/admission/unproved.h"

namespace sallyport::gateway {
namespace {

constexpr char kAuthorizationKey[] = "authorization";

// Views of the caller's metadata and certificates.
ShownProofs ProofsOf(const CallContext& call) {
  ShownProofs shown;
  const GrpcMetadata& metadata = call.caller.metadata();
  if (const auto found = metadata.find(kAuthorizationKey); found != metadata.end()) {
    shown.authorization = View(found->second);
  }
  if (call.rules->authenticator->takes_certificates()) shown.certificates = call.caller.Certificates();
  return shown;
}

Refusal Authenticated(const RelayContext& shared, CallContext& call, Authenticator::Result result) {
  if (!result.ok()) {
    call.verdict.recorded = true;
    call.verdict.time = absl::Now();
    call.verdict.outcome = recorder::DecisionOutcome::kUnauthenticated;
    const bool unauthenticated = absl::IsUnauthenticated(result.status());
    const Refusal plain = RefusalOf(result.status());
    CountUnproved(shared, call, unauthenticated ? RefusalReason::kUnauthenticated : RefusalReason::kNotChecked,
                  plain.code, plain.message);
    return MakeRefusal(plain.code, plain.message, unauthenticated ? "UNAUTHENTICATED" : "PROOF_NOT_CHECKED",
                       {{"call", call.IdText()}});
  }
  CallContext::Proof& proof = call.proof;
  proof.caller = *std::move(result);
  proof.proved = true;
  if (!proof.caller.anonymous()) {
    const ProvedIdentity& named = proof.caller.named();
    proof.name = named.issuer.empty() ? named.subject : absl::StrCat(named.issuer, "#", named.subject);
  }
  return {};
}

}  // namespace

std::optional<Refusal> Authenticate(const RelayContext& shared, CallContext& call, BeginWait begin_wait) {
  if (shared.own->IsOpen(call.caller.path())) return Authenticated(shared, call, Caller());
  Authenticator& authenticator = *call.rules->authenticator;
  const ShownProofs shown = ProofsOf(call);
  // While its address is over the limit of refused calls, only proofs that are known to hold count.
  if (call.arrival.flooded_for.has_value()) {
    std::optional<Caller> known = authenticator.Recall(shown, call.start);
    if (!known.has_value()) return TooManyRefused(shared, call);
    return Authenticated(shared, call, *std::move(known));
  }
  std::optional<Authenticator::Result> result = authenticator.AuthenticateNow(shown, call.start);
  if (result.has_value()) return Authenticated(shared, call, *std::move(result));
  const std::shared_ptr<StageWait> wait = begin_wait();
  result = authenticator.Authenticate(shown, call.start, [wait, &shared, &call](Authenticator::Result later) {
    wait->Resume(
        [&shared, &call, later = std::move(later)]() mutable { return Authenticated(shared, call, std::move(later)); });
  });
  if (!result.has_value()) return std::nullopt;
  return Authenticated(shared, call, *std::move(result));
}

}  // namespace sallyport::gateway
