// What a call's upstream is shown.
#include <utility>

#include "absl/time/clock.h"
#include "gateway/identity/api_keys/api_keys.h"
#include "gateway/identity/jwt/jwt.h"
#include "gateway/relay/admission/stages.h"

namespace sallyport::gateway {
namespace {

CallerView CallerOf(const CallContext& call) {
  CallerView view;
  const Caller& caller = call.proof.caller;
  if (!caller.anonymous()) {
    const ProvedIdentity& named = caller.named();
    view.proof = named.kind;
    view.issuer = named.issuer;
    view.subject = named.subject;
    view.groups = named.groups;
    view.expires = caller.expires();
  }
  const GrpcMetadata& metadata = call.caller.metadata();
  if (auto found = metadata.find("authorization"); found != metadata.end()) {
    const std::string_view token = BearerToken(View(found->second)).value_or("");
    // An API key is a secret between the caller and the gateway: no token endpoint hears of it.
    if (!ApiKeys::Claims(token)) view.bearer_token = token;
  }
  return view;
}

Refusal Obtained(CallContext& call, absl::StatusOr<UpstreamCredentials::Shown> shown) {
  if (!shown.ok()) {
    return MakeRefusal(static_cast<int>(shown.status().code()), std::string(shown.status().message()),
                       "UPSTREAM_CREDENTIALS", {{"upstream", call.upstream()->name()}, {"call", call.IdText()}});
  }
  call.credentials = *std::move(shown);
  return {};
}

}  // namespace

std::optional<Refusal> ObtainCredentials(const RelayContext& shared, CallContext& call, BeginWait begin_wait) {
  if (call.upstream() == &shared.own->upstream()) call.announcement = shared.own->Announce(OwnCallerOf(call));
  UpstreamCredentials* credentials = call.upstream()->credentials();
  if (credentials == nullptr) return Refusal();
  const std::shared_ptr<StageWait> wait = begin_wait();
  std::optional<absl::StatusOr<UpstreamCredentials::Shown>> shown =
      credentials->Get(CallerOf(call), absl::Now(), [wait, &call](absl::StatusOr<UpstreamCredentials::Shown> later) {
        wait->Resume([&call, later = std::move(later)]() mutable { return Obtained(call, std::move(later)); });
      });
  if (!shown.has_value()) return std::nullopt;
  return Obtained(call, *std::move(shown));
}

}  // namespace sallyport::gateway
