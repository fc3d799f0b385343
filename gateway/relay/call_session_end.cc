// The part of CallSession that ends calls: who does, and what the caller is told.
#include <grpc/grpc.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/relay/call_session.h"
#include "gateway/relay/legs/metadata_rules.h"
#include "gateway/relay/legs/status_mapping.h"

namespace sallyport::gateway {
namespace {

// gRPC writes a timeout with three digits, so up to a hundredth too long.
constexpr double kTimeoutRounding = 0.01;
constexpr absl::Duration kTimeoutSlack = absl::Milliseconds(5);

}  // namespace

void CallSession::OnCallerCancel() {
  const CallerLoss loss = LossNow();
  std::shared_ptr<AdmissionWait> wait;
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (admitted_) return call_.OnCallerLost(loss);
    lost_before_ = loss;
    wait = wait_;
    return Actions();
  });
  // Nobody needs what admission waits for any more.
  if (wait != nullptr && wait->LetGo()) Admitted({});
  ReleasePauses();
}

void CallSession::OnExpired() {
  EndWith(MakeRefusal(grpc::StatusCode::UNAUTHENTICATED,
                      "the caller's proof of identity has expired: call again with a new one", "PROOF_EXPIRED",
                      {{"call", CallText()}}));
}

void CallSession::OnConnectionAged() {
  connection_ends_ = true;
  EndWith(MakeRefusal(grpc::StatusCode::UNAVAILABLE,
                      "the call's connection has lasted as long as the gateway lets it: call again over another",
                      "CONNECTION_AGED", {{"limit", "listen.max_connection_age_grace"}, {"call", CallText()}}));
}

void CallSession::EndWith(Refusal refusal) {
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (admitted_) return RefuseWith(std::move(refusal));
    due_before_ = std::move(refusal);
    return Actions();
  });
  ReleasePauses();
}

void CallSession::OnGatewayStopping() {
  connection_ends_ = true;
  std::shared_ptr<AdmissionWait> wait;
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (admitted_) return RefuseWith(StoppingRefusal());
    stopping_before_ = true;
    wait = wait_;
    return Actions();
  });
  if (wait != nullptr && wait->LetGo()) Admitted({});
  ReleasePauses();
}

void CallSession::ReleasePauses() {
  if (!rules_->limits_bytes) return;
  // Whatever goes on may be the last of this session.
  AddReference();
  if (context_.timer->Disarm(&request_pause_slot_)) OnRequestPauseOver();
  if (context_.timer->Disarm(&response_pause_slot_)) OnResponsePauseOver();
  DropReference();
}

Actions CallSession::RefuseWith(Refusal refusal) {
  if (call_.ending()) return {};
  refusal_ = std::move(refusal);
  return call_.Refuse(refusal_.code, refusal_.message);
}

Refusal CallSession::StoppingRefusal() const {
  return MakeRefusal(grpc::StatusCode::UNAVAILABLE, "the gateway is stopping", "GATEWAY_STOPPING",
                     {{"call", CallText()}});
}

void CallSession::Finish() {
  place_.End();
  Call::Outcome outcome;
  std::string details;
  bool headers = false;
  bool response = false;
  {
    absl::MutexLock lock(&mutex_);
    outcome = call_.outcome();
    details = DetailsOf(outcome);
    headers = call_.headers_present();
    response = call_.path() == Path::kUnary && call_.response_frames() > 0;
  }
  if (outcome.upstream_trailers) {
    if (headers) AddResponseHeaders();
    outcome.message = TextIn(policy::MaskView::kCaller, std::move(outcome.message));
    ForCaller(client_->GetServerTrailingMetadata(),
              [this](const std::string& key, const std::string& value) { server_->AddTrailingMetadata(key, value); });
    if (response) {
      caller_.StartWriteAndFinish(response_views_.passed(), WriteOptionsFor(response_encoding_, response_compressed_),
                                  StatusFor(outcome));
      return;
    }
  }
  caller_.Finish(StatusFor(outcome, details));
}

void CallSession::RefuseOversized() {
  // The library's own limit saves no memory, because it looks at a message only when all of it is there, and would end
  // the call in a way that nobody here could tell from a cancel.
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return RefuseWith(MakeRefusal(
               grpc::StatusCode::RESOURCE_EXHAUSTED,
               absl::StrCat("the request has a message of ", request_frame_.size(), " bytes, more than the ",
                            context_.most_message_bytes, " that limits.message_size of the gateway allows"),
               "MESSAGE_TOO_LARGE", {{"limit", "limits.message_size"}, {"call", CallText()}})) |
           call_.OnCallerHalfClose();
  });
}

void CallSession::OnCutDue() {
  Call::Outcome outcome;
  {
    absl::MutexLock lock(&mutex_);
    if (!call_.cut_due()) return;
    outcome = call_.outcome();
  }
  // The library takes this for the end of the call: it sends the status in trailers, which flow control does not hold
  // back, drops what it could not write yet and reports that as not written.
  grpc_call_cancel_with_status(server_->c_call(), static_cast<grpc_status_code>(outcome.code), outcome.message.c_str(),
                               nullptr);
}

std::string CallSession::DetailsOf(const Call::Outcome& outcome) const {
  const bool own = outcome.reason == EndReason::kRefused && outcome.code == refusal_.code;
  return own ? refusal_.details : std::string();
}

CallerLoss CallSession::LossNow() const {
  if (DeadlineReached()) return CallerLoss::kDeadline;
  if (caller_connection_ == nullptr) return CallerLoss::kCancelled;
  const ConnectionState state = caller_connection_->State();
  if (state == ConnectionState::kSilent) return CallerLoss::kSilence;
  return state == ConnectionState::kClosed ? CallerLoss::kConnection : CallerLoss::kCancelled;
}

bool CallSession::DeadlineReached() const {
  gpr_timespec deadline = server_->raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return false;
  gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  absl::Duration remaining = absl::Seconds(left.tv_sec) + absl::Nanoseconds(left.tv_nsec);
  absl::Duration elapsed = absl::FromChrono(std::chrono::steady_clock::now() - start_tick_);
  // The caller ends the call itself when its deadline passes, and its clock is ahead: timeouts are rounded up on the
  // wire.
  return remaining <= (elapsed + remaining) * kTimeoutRounding + kTimeoutSlack;
}

}  // namespace sallyport::gateway
