#include "gateway/api/entrance.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/api/api_status.h"

namespace sallyport::gateway {
namespace {

constexpr std::string_view kEndOfCertificate = "-----END CERTIFICATE-----";

PeerCertificates Certificates(std::string_view pem) {
  const size_t end = pem.find(kEndOfCertificate);
  if (end == std::string_view::npos) return {pem, ""};
  size_t behind = end + kEndOfCertificate.size();
  while (behind < pem.size() && (pem[behind] == '\n' || pem[behind] == '\r')) ++behind;
  return {pem.substr(0, behind), pem.substr(behind)};
}

ShownProofs ProofsOf(const ApiCall& call, const Authenticator& authenticator) {
  ShownProofs shown;
  if (call.visitor.authorization.has_value()) shown.authorization = *call.visitor.authorization;
  if (authenticator.takes_certificates()) shown.certificates = Certificates(call.visitor.certificates_pem);
  return shown;
}

grpc::Status TooBusy() {
  return ApiStatus(absl::ResourceExhaustedError("too many readers ask at once; try again in a moment"));
}

}  // namespace

void Entrance::Enter(std::shared_ptr<ApiCall> call, May may, Then then) {
  // Shared, for Post keeps nothing that it does not take.
  auto kept = std::make_shared<Then>(std::move(then));
  if (!pool_->Post([this, call, may, kept] { Prove(call, may, std::move(*kept)); })) (*kept)(TooBusy());
}

void Entrance::Prove(const std::shared_ptr<ApiCall>& call, May may, Then then) {
  if (call->stop.stop_requested()) return then(ApiStatus(absl::CancelledError("the caller has gone")));
  call->rules = rules_->Get();
  if (!call->fault.ok()) return then(Refuse(*call, call->fault, RefusalReason::kMalformed, ""));
  ApiVisitor& visitor = call->visitor;
  if (visitor.proved.has_value()) return Proved(*call, may, *visitor.proved, then);
  Authenticator& authenticator = *call->rules->authenticator;
  const ShownProofs shown = ProofsOf(*call, authenticator);
  const size_t connection = std::hash<std::string>()(visitor.peer);
  // While its address is over the limit of refused calls, only proofs that are known to hold count.
  if (const std::optional<absl::Duration> over = refusals_->Over(visitor.peer, connection, call->start);
      over.has_value()) {
    std::optional<Caller> known = authenticator.Recall(shown, call->start);
    if (known.has_value()) return Proved(*call, may, *std::move(known), then);
    return then(Refuse(*call,
                       absl::ResourceExhaustedError(absl::StrCat("too many calls of this address were refused; try "
                                                                 "again in ",
                                                                 absl::FormatDuration(*over))),
                       RefusalReason::kTooMany, "TOO_MANY_REFUSED"));
  }
  std::optional<Authenticator::Result> result = authenticator.AuthenticateNow(shown, call->start);
  if (result.has_value()) return Proved(*call, may, *std::move(result), then);
  auto kept = std::make_shared<Then>(std::move(then));
  result = authenticator.Authenticate(shown, call->start, [this, call, may, kept](Authenticator::Result later) {
    auto found = std::make_shared<Authenticator::Result>(std::move(later));
    if (!pool_->Post([this, call, may, kept, found] { Proved(*call, may, std::move(*found), *kept); })) {
      (*kept)(TooBusy());
    }
  });
  if (result.has_value()) Proved(*call, may, *std::move(result), *kept);
}

void Entrance::Proved(ApiCall& call, May may, Authenticator::Result result, Then& then) {
  if (!result.ok()) {
    const bool unproved = absl::IsUnauthenticated(result.status());
    return then(Refuse(call, result.status(), unproved ? RefusalReason::kUnauthenticated : RefusalReason::kNotChecked,
                       unproved ? "UNAUTHENTICATED" : "PROOF_NOT_CHECKED"));
  }
  call.reader = ReaderOf(*std::move(result), call.rules->policy.get(), call.path, call.visitor.peer, call.start);
  if (call.reader.caller.anonymous() && call.reader.roles.empty()) {
    return then(Refuse(call, absl::UnauthenticatedError("nobody is proved: show a token, a key or a certificate"),
                       RefusalReason::kUnauthenticated, "UNAUTHENTICATED"));
  }
  if (!may(call.reader)) {
    return then(Refuse(call,
                       absl::PermissionDeniedError(absl::StrCat("no role of the policy lets ", call.reader.identity,
                                                                " call ", std::string(call.method()))),
                       RefusalReason::kNoRole, "NO_ROLE"));
  }
  then(grpc::Status::OK);
}

grpc::Status Entrance::Refuse(ApiCall& call, const absl::Status& status, RefusalReason reason, std::string_view word) {
  grpc::Status told = ApiStatus(status, word);
  LookRecorder::Refused refused;
  refused.outcome = reason == RefusalReason::kNoRole ? recorder::DecisionOutcome::kDenied
                                                     : recorder::DecisionOutcome::kUnauthenticated;
  refused.reason = reason;
  refused.status = &told;
  looks_->RecordRefused(call, refused);
  return told;
}

bool Entrance::StillIn(const ApiCall& call, absl::Time now) const {
  if (!call.reader.caller.anonymous() && call.reader.caller.expires() <= now) return false;
  const std::shared_ptr<const CallRules> rules = rules_->Get();
  return ReaderOf(call.reader.caller, rules->policy.get(), call.path, call.visitor.peer, now).roles ==
         call.reader.roles;
}

}  // namespace sallyport::gateway
