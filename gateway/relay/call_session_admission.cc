// The part of CallSession that comes first: who calls, where the call goes, and whether it may.
#include <grpc/grpc_security_constants.h>

#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/health/health_service.h"
#include "gateway/relay/call_session.h"
#include "gateway/relay/message_bytes.h"
#include "gateway/relay/metadata_rules.h"
#include "gateway/relay/steady_time.h"
#include "recorder/format/call_id.h"

namespace sallyport::gateway {
namespace {

constexpr std::string_view kAuthorizationKey = "authorization";
const std::string kAnonymous = "anonymous";

grpc::string_ref Ref(std::string_view text) { return {text.data(), text.size()}; }

std::string_view ViewOf(absl::string_view text) { return {text.data(), text.size()}; }

Refusal Plain(const absl::Status& status) {
  return {static_cast<int>(status.code()), std::string(status.message()), ""};
}

// Of a property of the connection that has one value.
std::string_view PropertyOf(const grpc::AuthContext& connection, const char* name) {
  const std::vector<grpc::string_ref> values = connection.FindPropertyValues(name);
  return values.empty() ? std::string_view() : View(values.front());
}

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

}  // namespace

void CallSession::Begin() {
  if (!context_.open_calls->Add(&open_, this)) {
    absl::MutexLock lock(&mutex_);
    stopping_before_ = true;
  }
  Refusal refusal = Examine();
  const std::optional<absl::Duration> over = context_.refusals->Over(peer_, connection_, start_);
  if (!refusal.ok() && !over.has_value()) {
    const bool malformed = refusal.code == grpc::StatusCode::INVALID_ARGUMENT;
    CountUnproved(malformed ? RefusalReason::kMalformed : RefusalReason::kNotChecked, refusal.code, refusal.message);
    return Admitted(std::move(refusal));
  }
  if (!over.has_value()) return Authenticate();
  if (!refusal.ok()) return Admitted(TooManyRefused(*over));
  Recall(*over);
}

// What the call looks like, before anybody is believed.
Refusal CallSession::Examine() {
  const Refusal crowded = TakePlace();
  request_encoding_ = IncomingEncoding(server_->c_call());
  if (context_.recorder != nullptr) id_ = context_.recorder->NewCallId(start_);
  if (!crowded.ok()) return crowded;
  if (absl::Status status = CheckPath(server_->method()); !status.ok()) return Plain(status);
  const GrpcMetadata& metadata = server_->client_metadata();
  if (absl::Status status = CheckRequestMetadata(metadata); !status.ok()) return Plain(status);
  if (absl::Status status = CheckSessionName(metadata); !status.ok()) return Plain(status);
  auto named = metadata.find(Ref(kSessionKey));
  if (named != metadata.end()) session_name_ = std::string(View(named->second));
  return {};
}

Refusal CallSession::TakePlace() {
  const std::string transport_peer = server_->peer();
  std::shared_ptr<Connection> connection = context_.connections->Find(transport_peer);
  if (connection == nullptr) {
    peer_ = transport_peer;
    connection_name_ = peer_;
    connection_ = std::hash<std::string>()(peer_);
    // Of UNIX sockets with TLS gRPC does not tell which it is. Any other is ours, or whose it is cannot be told.
    if (!absl::StartsWith(peer_, "unix")) return Plain(absl::InternalError("the gateway does not know the connection"));
  } else {
    peer_ = connection->peer();
    connection_ = connection->number();
    connection_name_ = absl::StrCat("#", connection->number());
    caller_connection_ = connection;
    place_ = OpenCall(std::move(connection));
  }
  if (place_.place() > context_.calls_per_connection) {
    return MakeRefusal(grpc::StatusCode::RESOURCE_EXHAUSTED,
                       absl::StrCat("more calls are open on this connection than limits.calls_per_connection of the "
                                    "gateway allows (",
                                    context_.calls_per_connection, ")"),
                       "TOO_MANY_CALLS", {{"limit", "limits.calls_per_connection"}});
  }
  if (context_.memory->Full(start_)) {
    return MakeRefusal(grpc::StatusCode::RESOURCE_EXHAUSTED,
                       "the gateway has as much in memory as it may (limits.memory): try again later",
                       "MEMORY_EXHAUSTED", {{"limit", "limits.memory"}});
  }
  return {};
}

bool CallSession::IsOpenHealth() const { return context_.open_health && HealthService::Answers(server_->method()); }

ShownProofs CallSession::Proofs(std::shared_ptr<const grpc::AuthContext>& connection) const {
  ShownProofs shown;
  const auto& metadata = server_->client_metadata();
  if (auto found = metadata.find(Ref(kAuthorizationKey)); found != metadata.end()) {
    shown.authorization = View(found->second);
  }
  if (rules_->authenticator->takes_certificates()) {
    connection = server_->auth_context();
    shown.certificates.leaf = PropertyOf(*connection, GRPC_X509_PEM_CERT_PROPERTY_NAME);
    shown.certificates.chain = PropertyOf(*connection, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME);
  }
  return shown;
}

void CallSession::Recall(absl::Duration over_for) {
  if (IsOpenHealth()) return OnAuthenticated(Caller());
  std::shared_ptr<const grpc::AuthContext> connection;
  std::optional<Caller> known = rules_->authenticator->Recall(Proofs(connection), start_);
  if (known.has_value()) return OnAuthenticated(*std::move(known));
  Admitted(TooManyRefused(over_for));
}

Refusal CallSession::TooManyRefused(absl::Duration over_for) {
  constexpr char kMessage[] =
      "too many calls from this address were refused: proofs that the gateway has not seen hold before are not looked "
      "at now";
  CountUnproved(RefusalReason::kTooMany, grpc::StatusCode::RESOURCE_EXHAUSTED, kMessage);
  return MakeRefusal(grpc::StatusCode::RESOURCE_EXHAUSTED, kMessage, "TOO_MANY_REFUSED_CALLS", {{"call", CallText()}},
                     over_for);
}

void CallSession::CountUnproved(RefusalReason reason, int code, std::string_view message) {
  counted_ = true;
  // What is kept of a call that is only counted is recorded too.
  if (rules_->masks != nullptr) ApplyMasks();
  const std::string method = TextIn(policy::MaskView::kRecord, server_->method());
  const std::string text = TextIn(policy::MaskView::kRecord, std::string(message));
  only_counted_ = !context_.refusals->Refused({peer_, connection_, method, reason, code, text, absl::Now()});
  // Nobody can look it up.
  if (only_counted_) id_ = 0;
}

void CallSession::Authenticate() {
  if (IsOpenHealth()) return OnAuthenticated(Caller());
  std::shared_ptr<const grpc::AuthContext> connection;
  const ShownProofs shown = Proofs(connection);
  std::optional<Authenticator::Result> result = rules_->authenticator->AuthenticateNow(shown, start_);
  if (result.has_value()) return OnAuthenticated(*std::move(result));
  const std::shared_ptr<AdmissionWait> wait = BeginWait();
  result = rules_->authenticator->Authenticate(shown, start_, [wait](Authenticator::Result later) {
    CallSession* session = wait->Take();
    if (session == nullptr) return;
    session->OnAuthenticated(std::move(later));
    session->DropReference();
  });
  if (!result.has_value()) return LookForEnd(*wait);
  if (wait->LetGo()) OnAuthenticated(*std::move(result));
}

std::shared_ptr<CallSession::AdmissionWait> CallSession::BeginWait() {
  auto wait = std::make_shared<AdmissionWait>(this);
  absl::MutexLock lock(&mutex_);
  wait_ = wait;
  return wait;
}

void CallSession::LookForEnd(AdmissionWait& wait) {
  // Only while nobody has taken the session it is sure to be there.
  absl::MutexLock waiting(&wait.mutex);
  if (wait.session == nullptr) return;
  {
    absl::MutexLock lock(&mutex_);
    if (!lost_before_.has_value() && !stopping_before_) return;
  }
  wait.session = nullptr;
  Admitted({});
}

CallSession* CallSession::AdmissionWait::Take() {
  absl::MutexLock lock(&mutex);
  // It is still open, because it has not let go.
  if (session != nullptr) session->AddReference();
  return std::exchange(session, nullptr);
}

bool CallSession::AdmissionWait::LetGo() {
  absl::MutexLock lock(&mutex);
  return std::exchange(session, nullptr) != nullptr;
}

void CallSession::OnAuthenticated(Authenticator::Result result) {
  if (!result.ok()) {
    decided_ = true;
    decision_time_ = absl::Now();
    decision_ = recorder::DecisionOutcome::kUnauthenticated;
    const bool unauthenticated = absl::IsUnauthenticated(result.status());
    CountUnproved(unauthenticated ? RefusalReason::kUnauthenticated : RefusalReason::kNotChecked,
                  static_cast<int>(result.status().code()), ViewOf(result.status().message()));
    return Admitted(MakeRefusal(static_cast<int>(result.status().code()), std::string(result.status().message()),
                                unauthenticated ? "UNAUTHENTICATED" : "PROOF_NOT_CHECKED", {{"call", CallText()}}));
  }
  identity_ = *std::move(result);
  proved_ = true;
  if (!identity_.anonymous()) {
    const ProvedIdentity& named = identity_.named();
    identity_name_ = named.issuer.empty() ? named.subject : absl::StrCat(named.issuer, "#", named.subject);
  }
  // What is decided is decided now, however long the proof took.
  decision_time_ = absl::Now();
  decided_ = !identity_.anonymous() || (rules_->policy != nullptr && !IsOpenHealth());
  Refusal refusal = Route();
  // Who may not call is not told what there is to be called.
  if (Refusal denied = Decide(); !denied.ok()) refusal = std::move(denied);
  if (!refusal.ok()) return Admitted(std::move(refusal));
  LookUpMethod();
}

Refusal CallSession::Route() {
  WithFacts([this](const CallFacts& facts) { route_ = FindRoute(*rules_->routes, facts); });
  if (route_ == nullptr) {
    return Plain(absl::UnimplementedError(absl::StrCat("no route for ", server_->method().substr(1))));
  }
  upstream_ = route_->upstream;
  return {};
}

bool CallSession::UseDescriptors() {
  descriptors_ = context_.catalog->For(upstream_->name());
  const policy::MethodShape* shape = descriptors_->FindMethod(server_->method());
  method_known_ = shape != nullptr;
  // The unary batch takes no write options: where the caller has a choice for each message, a stream keeps what it
  // chose.
  if (method_known_ && shape->unary() && request_encoding_ == GRPC_COMPRESS_NONE &&
      !context_.misdescribed->Has(upstream_, server_->method(), descriptors_->version())) {
    admitted_path_ = Path::kUnary;
  }
  return method_known_;
}

// A method that is not known may be new: its upstream is asked again. The call waits for that only where masks or
// content rules that apply to it have to look into its messages.
void CallSession::LookUpMethod() {
  if (UseDescriptors()) return ObtainCredentials();
  const std::shared_ptr<const policy::CallMasks> masks = FindMasks();
  if (masks == nullptr || !masks->looks_into_messages()) {
    context_.refresher->AskSoon(*upstream_, nullptr);
    return ObtainCredentials();
  }
  const std::shared_ptr<AdmissionWait> wait = BeginWait();
  const bool asks = context_.refresher->AskSoon(*upstream_, [wait] {
    CallSession* session = wait->Take();
    if (session == nullptr) return;
    session->UseDescriptors();
    session->ObtainCredentials();
    session->DropReference();
  });
  if (asks) return LookForEnd(*wait);
  if (wait->LetGo()) ObtainCredentials();
}

void CallSession::WithFacts(absl::FunctionRef<void(const CallFacts&)> use) const {
  const std::string authority = server_->host();
  use({identity_, server_->method(), authority, peer_, decision_time_, [this](policy::MetadataVisitor visit) {
         for (const auto& [name, value] : server_->client_metadata()) visit(View(name), View(value));
       }});
}

Refusal CallSession::Decide() {
  Refusal refusal;
  if (rules_->policy == nullptr || IsOpenHealth()) return refusal;
  WithFacts([&](const CallFacts& facts) {
    AskPolicy(facts, route_, [&](const policy::AccessRequest& request) { refusal = DecideOn(request); });
  });
  return refusal;
}

Refusal CallSession::DecideOn(const policy::AccessRequest& request) {
  const policy::AccessDecision access = rules_->policy->Decide(request);
  deciding_rule_ = access.rule;
  shadow_.assign(access.shadow_denied.begin(), access.shadow_denied.end());
  if (!access.allowed) {
    decision_ = recorder::DecisionOutcome::kDenied;
    return MakeRefusal(
        grpc::StatusCode::PERMISSION_DENIED,
        absl::StrCat("the gateway's policy does not allow this call (rule \"", std::string(access.rule), "\")"),
        "ACCESS_DENIED", {{"rule", std::string(access.rule)}, {"call", CallText()}});
  }
  policy::Admission admission = rules_->limits->Admit(request, SteadyNow());
  shadow_.insert(shadow_.end(), admission.shadow_exceeded.begin(), admission.shadow_exceeded.end());
  ticket_ = std::move(admission.ticket);
  if (admission.admitted) return {};
  decision_ = recorder::DecisionOutcome::kLimited;
  deciding_rule_ = admission.limit;
  return MakeRefusal(
      grpc::StatusCode::RESOURCE_EXHAUSTED,
      absl::StrCat("more than limit \"", std::string(admission.limit), "\" of the gateway allows (",
                   KindName(admission.kind), ")"),
      "LIMIT_EXCEEDED",
      {{"limit", std::string(admission.limit)}, {"kind", KindName(admission.kind)}, {"call", CallText()}},
      admission.retry_after);
}

void CallSession::Admitted(Refusal refusal) {
  if (!proved_ && !counted_) {
    const bool gone = refusal.ok();
    CountUnproved(gone ? RefusalReason::kCallerGone : RefusalReason::kNotChecked,
                  gone ? int{grpc::StatusCode::CANCELLED} : refusal.code,
                  gone ? std::string_view("Cancelled") : refusal.message);
  }
  // Of calls that are refused too: their metadata is recorded.
  if (Refusal masks = ApplyMasks(); refusal.ok()) refusal = std::move(masks);
  const bool admitted = refusal.ok();
  // What is refused, or lost before anybody was proved, belongs to nobody's session.
  if (context_.recorder != nullptr && admitted && proved_) {
    session_ = context_.sessions->Join(identity_.anonymous() ? kAnonymous : identity_name_, connection_name_,
                                       session_name_, id_, start_);
  }
  // A unary call is over sooner than it would be worth it.
  if (admitted && rules_->end_expired_calls && admitted_path_ == Path::kStream) {
    const absl::Time expires = identity_.expires();
    if (expires != absl::InfiniteFuture()) context_.timer->Arm(&expiry_slot_, expires, this, &CallSession::OnExpired);
  }
  if (admitted && caller_connection_ != nullptr && context_.connection_life != absl::InfiniteDuration()) {
    context_.timer->Arm(&age_slot_, caller_connection_->accepted() + context_.connection_life, this,
                        &CallSession::OnConnectionAged);
  }
  if (admitted) WatchForIdleness();
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    admitted_ = true;
    call_ = Call(admitted_path_);
    Actions actions;
    // Whoever has gone is not told anything any more.
    if (lost_before_.has_value()) actions |= call_.OnCallerLost(*lost_before_);
    if (!admitted) return actions | RefuseWith(std::move(refusal));
    if (stopping_before_) actions |= RefuseWith(StoppingRefusal());
    if (!due_before_.ok()) actions |= RefuseWith(std::move(due_before_));
    return actions | call_.Begin();
  });
}

std::string CallSession::CallText() const { return id_ == 0 ? "" : recorder::FormatId(id_); }

}  // namespace sallyport::gateway
