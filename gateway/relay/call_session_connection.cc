// The part of CallSession that finds a place on one of the upstream's connections, and ends what takes too long.
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/relay/call_session.h"
#include "gateway/relay/frames/message_bytes.h"
#include "gateway/relay/legs/metadata_rules.h"

namespace sallyport::gateway {
namespace {

const char kAnonymous[] = "anonymous";

gpr_timespec SpanOf(absl::Duration duration) {
  return gpr_time_from_nanos(absl::ToInt64Nanoseconds(duration), GPR_TIMESPAN);
}

}  // namespace

void CallSession::ObtainStream() {
  Upstream::Needs needs;
  needs.accepted = AcceptedEncodings(server_->c_call());
  needs.identity = identity_.anonymous() ? std::string_view(kAnonymous) : std::string_view(identity_name_);
  needs.peer = connection_name_;
  std::shared_ptr<AdmissionWait> wait;
  std::optional<absl::StatusOr<StreamLease>> lease = upstream_->Reserve(needs, [&] {
    wait = BeginWait();
    return [wait](absl::StatusOr<StreamLease> later) {
      CallSession* session = wait->Take();
      if (session == nullptr) return;
      session->OnStream(std::move(later));
      session->DropReference();
    };
  });
  if (lease.has_value()) return OnStream(*std::move(lease));
  LookForEnd(*wait);
}

void CallSession::OnStream(absl::StatusOr<StreamLease> lease) {
  if (!lease.ok()) {
    return Admitted(MakeRefusal(static_cast<int>(lease.status().code()), std::string(lease.status().message()),
                                "UPSTREAM_CONNECTIONS_FULL", {{"upstream", upstream_->name()}, {"call", CallText()}}));
  }
  lease_ = *std::move(lease);
  Admitted({});
}

gpr_timespec CallSession::UpstreamDeadline() {
  const gpr_timespec sent = server_->raw_deadline();
  const bool none = gpr_time_cmp(sent, gpr_inf_future(sent.clock_type)) == 0;
  const absl::Duration most = none ? std::min(route_->default_deadline, route_->most_deadline) : route_->most_deadline;
  if (most == absl::InfiniteDuration()) return sent;
  // Counted from when the call came in.
  const absl::Duration elapsed = absl::FromChrono(std::chrono::steady_clock::now() - start_tick_);
  const gpr_timespec limit = gpr_time_add(gpr_now(sent.clock_type), SpanOf(most - elapsed));
  if (gpr_time_cmp(sent, limit) <= 0) return sent;
  route_deadline_ = most;
  return limit;
}

Refusal CallSession::RouteDeadlineRefusal() const {
  return MakeRefusal(grpc::StatusCode::DEADLINE_EXCEEDED,
                     absl::StrCat("the gateway's route gives calls like this ", absl::FormatDuration(route_deadline_)),
                     "ROUTE_DEADLINE", {{"call", CallText()}});
}

void CallSession::NoteActivity() {
  if (idle_ == absl::InfiniteDuration()) return;
  last_activity_.store(absl::ToUnixNanos(absl::Now()), std::memory_order_relaxed);
}

void CallSession::WatchForIdleness() {
  if (route_ == nullptr || route_->idle == absl::InfiniteDuration()) return;
  idle_ = route_->idle;
  NoteActivity();
  context_.timer->Arm(&idle_slot_, absl::Now() + idle_, this, &CallSession::OnIdle);
}

void CallSession::OnIdle() {
  const absl::Time due = absl::FromUnixNanos(last_activity_.load(std::memory_order_relaxed)) + idle_;
  bool ending = false;
  {
    absl::MutexLock lock(&mutex_);
    ending = call_.ending();
  }
  if (ending) return;
  if (due > absl::Now()) return context_.timer->Arm(&idle_slot_, due, this, &CallSession::OnIdle);
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return RefuseWith(MakeRefusal(grpc::StatusCode::DEADLINE_EXCEEDED,
                                  absl::StrCat("no message has passed for ", absl::FormatDuration(idle_),
                                               ", after which the gateway's route ends calls"),
                                  "ROUTE_IDLE", {{"call", CallText()}}));
  });
  ReleasePauses();
}

}  // namespace sallyport::gateway
