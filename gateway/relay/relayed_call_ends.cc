// The part of RelayedCall that hears of ends: the caller goes, a time is over, the gateway stops.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/relay/legs/status_mapping.h"
#include "gateway/relay/relayed_call.h"
#include "gateway/relay/timers/steady_time.h"

namespace sallyport::gateway {
namespace {

// gRPC writes a timeout with three digits, so up to a hundredth too long.
constexpr double kTimeoutRounding = 0.01;
constexpr absl::Duration kTimeoutSlack = absl::Milliseconds(5);

bool DeadlineReached(const CallContext& call) {
  const absl::Duration left = call.caller.TimeLeft();
  if (left == absl::InfiniteDuration()) return false;
  // The caller ends the call itself when its deadline passes, and its clock is ahead: timeouts are rounded up on the
  // wire.
  return left <= (call.Elapsed() + left) * kTimeoutRounding + kTimeoutSlack;
}

}  // namespace

void RelayedCall::OnCallerCancel() {
  const CallerLoss loss = LossNow();
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return call_.OnCallerLost(loss); });
  ReleasePauses();
}

CallerLoss RelayedCall::LossNow() const {
  if (DeadlineReached(context_)) return CallerLoss::kDeadline;
  if (context_.arrival.connection == nullptr) return CallerLoss::kCancelled;
  const ConnectionState state = context_.arrival.connection->State();
  if (state == ConnectionState::kSilent) return CallerLoss::kSilence;
  return state == ConnectionState::kClosed ? CallerLoss::kConnection : CallerLoss::kCancelled;
}

void RelayedCall::OnGatewayStopping() {
  connection_ends_ = true;
  bool admitting = false;
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    admitting = stopping_ = call_.admitting();
    if (admitting) return Actions();
    return RefuseWith(GatewayStopping(context_.IdText()));
  });
  if (admitting) stages_.Stop();
  ReleasePauses();
}

void RelayedCall::ArmDeadline() {
  const absl::Duration left = context_.caller.TimeLeft();
  if (left == absl::InfiniteDuration()) return;
  deadline_ = SteadyNow() + left;
  shared_.timer->Arm(&timers_.deadline, absl::Now() + left, this, &RelayedCall::OnDeadline);
}

void RelayedCall::OnDeadline() {
  // The timer goes by the time of day, which can be set; how long a caller waits has nothing to do with that.
  const absl::Duration left = deadline_ - SteadyNow();
  if (left > absl::ZeroDuration()) {
    shared_.timer->Arm(&timers_.deadline, absl::Now() + left, this, &RelayedCall::OnDeadline);
    // Who disarms it at the end of the call may have come before.
    if (Ending()) shared_.timer->Disarm(&timers_.deadline);
    return;
  }
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return call_.OnDeadline(); });
  ReleasePauses();
}

void RelayedCall::OnExpired() {
  EndWith(MakeRefusal(grpc::StatusCode::UNAUTHENTICATED,
                      "the caller's proof of identity has expired: call again with a new one", "PROOF_EXPIRED",
                      {{"call", context_.IdText()}}));
}

void RelayedCall::OnConnectionAged() {
  connection_ends_ = true;
  EndWith(MakeRefusal(grpc::StatusCode::UNAVAILABLE,
                      "the call's connection has lasted as long as the gateway lets it: call again over another",
                      "CONNECTION_AGED", {{"limit", "listen.max_connection_age_grace"}, {"call", context_.IdText()}}));
}

void RelayedCall::NoteActivity() {
  if (context_.route->idle == absl::InfiniteDuration()) return;
  last_activity_.store(absl::ToUnixNanos(absl::Now()), std::memory_order_relaxed);
}

void RelayedCall::OnIdle() {
  const absl::Duration idle = context_.route->idle;
  const absl::Time due = absl::FromUnixNanos(last_activity_.load(std::memory_order_relaxed)) + idle;
  if (Ending()) return;
  if (due > absl::Now()) return shared_.timer->Arm(&timers_.idle, due, this, &RelayedCall::OnIdle);
  EndWith(MakeRefusal(grpc::StatusCode::DEADLINE_EXCEEDED,
                      absl::StrCat("no message has passed for ", absl::FormatDuration(idle),
                                   ", after which the gateway's route ends calls"),
                      "ROUTE_IDLE", {{"call", context_.IdText()}}));
}

void RelayedCall::EndWith(Refusal refusal) {
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return RefuseWith(std::move(refusal)); });
  ReleasePauses();
}

Actions RelayedCall::RefuseWith(Refusal refusal) {
  if (call_.ending()) return {};
  refusal_ = std::move(refusal);
  return call_.Refuse(refusal_.code, refusal_.message);
}

bool RelayedCall::Ending() {
  absl::MutexLock lock(&mutex_);
  return call_.ending();
}

std::string RelayedCall::DetailsOf(const Call::Outcome& outcome) const {
  const bool own = outcome.reason == EndReason::kRefused && outcome.code == refusal_.code;
  return own ? refusal_.details : std::string();
}

void RelayedCall::ReleasePauses() {
  if (!context_.rules->limits_bytes) return;
  // Whatever goes on may be the last of this call.
  AddReference();
  if (shared_.timer->Disarm(&timers_.request_pause)) OnRequestPauseOver();
  if (shared_.timer->Disarm(&timers_.response_pause)) OnResponsePauseOver();
  DropReference();
}

void RelayedCall::OnCutDue() {
  Call::Outcome outcome;
  {
    absl::MutexLock lock(&mutex_);
    if (!call_.cut_due()) return;
    outcome = call_.outcome();
  }
  caller_->Cut(StatusFor(outcome));
}

}  // namespace sallyport::gateway
