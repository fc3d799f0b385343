// The part of CallSession that deals with what its upstream is shown.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "gateway/relay/call_session.h"
#include "gateway/relay/metadata_rules.h"

namespace sallyport::gateway {
namespace {

constexpr char kRepeated[] = "they repeat the gateway's own credentials, which are not for callers";

// The token of a call with one `authorization` of the kind Bearer (RFC 6750); else empty.
std::string_view BearerToken(const GrpcMetadata& metadata) {
  constexpr std::string_view kScheme = "bearer ";
  const auto [begin, end] = metadata.equal_range("authorization");
  if (begin == end || std::next(begin) != end) return "";
  std::string_view value = View(begin->second);
  const bool bearer =
      value.size() > kScheme.size() && std::equal(kScheme.begin(), kScheme.end(), value.begin(), [](char a, char b) {
        return a == absl::ascii_tolower(static_cast<unsigned char>(b));
      });
  if (!bearer) return "";
  value.remove_prefix(std::min(value.find_first_not_of(' ', kScheme.size()), value.size()));
  return value;
}

}  // namespace

void CallSession::ObtainCredentials() {
  UpstreamCredentials* credentials = upstream_->credentials();
  if (credentials == nullptr) return EndAdmission(absl::OkStatus());
  CallerView caller;
  caller.bearer_token = BearerToken(server_->client_metadata());
  AddReference();
  std::optional<absl::StatusOr<UpstreamCredentials::Shown>> shown =
      credentials->Get(caller, start_, [this](absl::StatusOr<UpstreamCredentials::Shown> later) {
        OnCredentials(later);
        DropReference();
      });
  if (!shown.has_value()) return;
  references_.fetch_sub(1, std::memory_order_relaxed);  // never the last: the caller's side is still open
  OnCredentials(*shown);
}

void CallSession::OnCredentials(const absl::StatusOr<UpstreamCredentials::Shown>& shown) {
  if (shown.ok()) credentials_ = *shown;
  EndAdmission(shown.status());
}

bool CallSession::CallerSendsOn(std::string_view key) const {
  if (!PassesUpstream(key)) return false;
  if (!forward_authorization_ && (key == "authorization" || key == "authorization-bin")) return false;
  return upstream_->credentials() == nullptr || !upstream_->credentials()->Owns(key);
}

void CallSession::ShowCredentials() {
  if (credentials_ == nullptr) return;
  for (const ShownCredentials::Pair& pair : credentials_->pairs()) {
    client_.AddMetadata(*pair.name, std::string(pair.credential.value->view()));
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
  absl::Status legal = CheckFromUpstream(client_.GetServerTrailingMetadata());
  if (credentials_ == nullptr) return legal;
  if (outcome.code == grpc::StatusCode::UNAUTHENTICATED && outcome.from_upstream) credentials_->OnRejected(absl::Now());
  if (credentials_->RepeatedIn(outcome.message)) legal = absl::PermissionDeniedError(kRepeated);
  trailers_withheld_ = absl::IsPermissionDenied(legal);
  if (trailers_withheld_) outcome.message.clear();
  return legal;
}

}  // namespace sallyport::gateway
