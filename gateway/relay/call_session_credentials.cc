// The part of CallSession that deals with what its upstream is shown.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gateway/identity/api_keys/api_keys.h"
#include "gateway/identity/jwt/jwt.h"
#include "gateway/relay/call_session.h"
#include "gateway/relay/metadata_rules.h"

namespace sallyport::gateway {
namespace {

constexpr char kRepeated[] = "they repeat the gateway's own credentials, which are not for callers";

}  // namespace

void CallSession::ObtainCredentials() {
  UpstreamCredentials* credentials = upstream_->credentials();
  if (credentials == nullptr) return ObtainStream();
  CallerView caller;
  if (!identity_.anonymous()) {
    const ProvedIdentity& named = identity_.named();
    caller.proof = named.kind;
    caller.issuer = named.issuer;
    caller.subject = named.subject;
    caller.groups = named.groups;
    caller.expires = identity_.expires();
  }
  const GrpcMetadata& metadata = server_->client_metadata();
  if (auto found = metadata.find("authorization"); found != metadata.end()) {
    const std::string_view token = BearerToken(View(found->second)).value_or("");
    // An API key is a secret between the caller and the gateway: no token endpoint hears of it.
    if (!ApiKeys::Claims(token)) caller.bearer_token = token;
  }
  const std::shared_ptr<AdmissionWait> wait = BeginWait();
  std::optional<absl::StatusOr<UpstreamCredentials::Shown>> shown =
      credentials->Get(caller, absl::Now(), [wait](absl::StatusOr<UpstreamCredentials::Shown> later) {
        CallSession* session = wait->Take();
        if (session == nullptr) return;
        session->OnCredentials(std::move(later));
        session->DropReference();
      });
  if (!shown.has_value()) return LookForEnd(*wait);
  if (wait->LetGo()) OnCredentials(*std::move(shown));
}

void CallSession::OnCredentials(absl::StatusOr<UpstreamCredentials::Shown> shown) {
  if (!shown.ok()) {
    return Admitted(MakeRefusal(static_cast<int>(shown.status().code()), std::string(shown.status().message()),
                                "UPSTREAM_CREDENTIALS", {{"upstream", upstream_->name()}, {"call", CallText()}}));
  }
  credentials_ = *std::move(shown);
  ObtainStream();
}

bool CallSession::CallerSendsOn(std::string_view key) const {
  if (!PassesUpstream(key)) return false;
  if (!route_->forward_authorization && (key == "authorization" || key == "authorization-bin")) return false;
  return upstream_->credentials() == nullptr || !upstream_->credentials()->Owns(key);
}

bool CallSession::IsCredential(std::string_view key) const {
  const auto owns = [key](const Upstream& upstream) {
    return upstream.credentials() != nullptr && upstream.credentials()->Owns(key);
  };
  if (upstream_ != nullptr) return owns(*upstream_);
  // Where the call would have gone is not known.
  const std::vector<RouteRule>& rules = rules_->routes->rules();
  return std::any_of(rules.begin(), rules.end(),
                     [&](const RouteRule& rule) { return rule.upstream != nullptr && owns(*rule.upstream); });
}

void CallSession::ShowCredentials() {
  if (credentials_ == nullptr) return;
  for (const ShownCredentials::Pair& pair : credentials_->pairs()) {
    client_->AddMetadata(*pair.name, std::string(pair.credential.value->view()));
  }
}

absl::Status CallSession::CheckFromUpstream(const GrpcMetadata& metadata) const {
  if (credentials_ != nullptr) {
    bool repeated = false;
    for (const auto& [key, value] : metadata) {
      repeated = repeated || credentials_->RepeatedIn(View(key)) || credentials_->RepeatedIn(View(value));
    }
    if (repeated) return absl::PermissionDeniedError(kRepeated);
  }
  return CheckMetadata(metadata);
}

absl::Status CallSession::CheckUpstreamEnd(UpstreamOutcome& outcome) {
  absl::Status legal = CheckFromUpstream(client_->GetServerTrailingMetadata());
  if (credentials_ == nullptr) return legal;
  if (outcome.code == grpc::StatusCode::UNAUTHENTICATED && outcome.from_upstream) credentials_->OnRejected(absl::Now());
  if (credentials_->RepeatedIn(outcome.message)) legal = absl::PermissionDeniedError(kRepeated);
  trailers_withheld_ = absl::IsPermissionDenied(legal);
  if (trailers_withheld_) outcome.message.clear();
  return legal;
}

}  // namespace sallyport::gateway
