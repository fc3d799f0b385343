#include "gateway/relay/relayed_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/relay/admission/stages.h"
#include "gateway/relay/frames/metadata_views.h"
#include "gateway/relay/legs/misdescribed_methods.h"
#include "gateway/relay/legs/status_mapping.h"
#include "gateway/sessions.h"

namespace sallyport::gateway {
namespace {

// In which callers that read have taken what is being written to them.
constexpr absl::Duration kReadersTime = absl::Milliseconds(500);

}  // namespace

RelayedCall::RelayedCall(const RelayContext& context, CallerLeg* caller)
    : shared_(context),
      context_(*caller, context.rules->Get(), absl::Now()),
      caller_(caller),
      upstream_(this, context, context_),
      stages_(context, context_, [this](const StageRunner::Outcome& outcome) { Perform(AfterStages(outcome)); }),
      recording_(this, context, context_),
      meter_(context, context_) {
  context_.trace = CallTrace::Of(context_);
}

RelayedCall::~RelayedCall() {
  shared_.sessions->Leave(context_.session, absl::Now());
  context_.announcement = OwnServices::Announcement();
  // Last, for who waits for the calls to be gone destroys what they use.
  shared_.open_calls->Remove(&open_);
}

bool RelayedCall::TryAddReference() {
  int references = references_.load(std::memory_order_relaxed);
  while (references > 0) {
    if (references_.compare_exchange_weak(references, references + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

void RelayedCall::Perform(Actions actions) {
  // The call may be gone once the last action has been performed.
  while (!actions.empty()) {
    const Action action = actions.TakeFirst();
    actions |= PerformOne(action);
  }
}

Actions RelayedCall::PerformOne(Action action) {
  switch (action) {
    case Action::kAdmit:
      ArmDeadline();
      return RunStages(kAdmissionStages);
    case Action::kAskApproval:
      // Nothing holds calls: there is nobody to ask.
      return AfterStages({false, {grpc::StatusCode::PERMISSION_DENIED, "nobody can approve the call", ""}});
    case Action::kPrepareUpstream:
      return RunStages(kUpstreamStages);
    case Action::kStopWaiting:
      stages_.Stop();
      break;
    case Action::kRecordStart:
      return Appended(Call::Recorded::kStart, recording_.Start());
    case Action::kRecordRequest:
      return RecordRequest();
    case Action::kRecordHalfClose:
      return RecordHalfClose();
    case Action::kRecordHeaders:
      return Appended(Call::Recorded::kResponse, recording_.Headers(upstream_.headers(), upstream_.encoding()));
    case Action::kRecordResponse:
      return Appended(Call::Recorded::kResponse, recording_.Response(response_));
    case Action::kRecordEnd:
      return RecordEnd();
    case Action::kSendHeaders:
      AddResponseHeaders();
      caller_->SendHeaders();
      break;
    case Action::kWriteCaller:
      shared_.open_calls->OnWrite();
      caller_->StartWrite(response_.views().passed(), response_.compressed());
      break;
    case Action::kOpenUpstream:
      meter_.UpstreamOpened();
      upstream_.OpenStream(std::move(context_.lease));
      break;
    case Action::kSendUnary:
      meter_.UpstreamOpened();
      upstream_.SendUnary(std::move(context_.lease), request_.views().passed(), response_.to_fill());
      break;
    case Action::kWriteUpstream:
      upstream_.Write(request_.views().passed(), request_.compressed());
      break;
    case Action::kHalfCloseUpstream:
      upstream_.HalfClose();
      break;
    case Action::kReadUpstream:
      ReadUpstream();
      break;
    case Action::kReadCaller:
      return ReadCaller();
    case Action::kDeferHeaders:
      shared_.headers_timer->Arm(&timers_.headers, this);
      break;
    case Action::kCancelUpstream:
      upstream_.Cancel();
      // What a limit holds back would hold the end back too.
      ReleasePauses();
      break;
    case Action::kReleaseUpstream:
      upstream_.Release();
      break;
    case Action::kCutCaller:
      shared_.timer->Arm(&timers_.cut, absl::Now() + kReadersTime, this, &RelayedCall::OnCutDue);
      break;
    case Action::kFinish:
      Finish();
      break;
  }
  return {};
}

// Stages.

void RelayedCall::Begin() {
  const bool late = !shared_.open_calls->Add(&open_, this);
  if (late) stages_.Stop();
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    stopping_ = late;
    return call_.Begin();
  });
}

Actions RelayedCall::RunStages(absl::Span<const Stage> stages) {
  if (context_.trace != nullptr) context_.trace->OnStages(stages);
  const std::optional<StageRunner::Outcome> outcome = stages_.Run(stages);
  // Who waits is not this thread's any more.
  if (!outcome.has_value()) return {};
  return AfterStages(*outcome);
}

Actions RelayedCall::AfterStages(const StageRunner::Outcome& outcome) {
  const bool admission = stages_.stages().data() == kAdmissionStages;
  if (outcome.given_up || !outcome.refusal.ok()) {
    Conclude(shared_, context_, outcome.refusal);
  } else {
    ArmTimers(admission);
  }
  if (admission) meter_.Admitted();
  absl::MutexLock lock(&mutex_);
  // Whatever else was found out. The stage is still under way, so that this starts nothing.
  if (stopping_) static_cast<void>(RefuseWith(GatewayStopping(context_.IdText())));
  if (outcome.given_up) return call_.OnGivenUp();
  if (!outcome.refusal.ok()) {
    if (!call_.ending()) refusal_ = outcome.refusal;
    return call_.OnTurnedAway(outcome.refusal.code, outcome.refusal.message);
  }
  if (admission) return call_.OnAdmitted({context_.description.arity, false});
  return call_.OnUpstreamPrepared();
}

void RelayedCall::ArmTimers(bool admission) {
  if (!admission) {
    if (context_.route->idle == absl::InfiniteDuration()) return;
    NoteActivity();
    shared_.timer->Arm(&timers_.idle, absl::Now() + context_.route->idle, this, &RelayedCall::OnIdle);
    return;
  }
  // A unary call is over sooner than it would be worth it.
  const absl::Time expires = context_.proof.caller.expires();
  if (context_.rules->end_expired_calls && context_.description.arity == Arity::kStream &&
      expires != absl::InfiniteFuture()) {
    shared_.timer->Arm(&timers_.expiry, expires, this, &RelayedCall::OnExpired);
  }
  if (context_.arrival.connection != nullptr && shared_.connection_life != absl::InfiniteDuration()) {
    shared_.timer->Arm(&timers_.age, context_.arrival.connection->accepted() + shared_.connection_life, this,
                       &RelayedCall::OnConnectionAged);
  }
}

// The record.

Actions RelayedCall::Appended(Call::Recorded what, recorder::Appended appended) {
  if (appended == recorder::Appended::kPending) return {};
  absl::MutexLock lock(&mutex_);
  if (appended == recorder::Appended::kDone) return call_.OnRecorded(what, true);
  const bool no_space = appended == recorder::Appended::kNoSpace;
  if (what == Call::Recorded::kEnd && no_space && call_.start_recorded() && !call_.end_bare()) {
    return call_.OnNoSpaceForEnd(WhyNotRecorded(appended));
  }
  return call_.OnRecorded(what, false, WhyNotRecorded(appended));
}

void RelayedCall::OnAppended(Call::Recorded what, recorder::Appended appended) {
  Perform(Appended(what, appended));
  DropReference();
}

Actions RelayedCall::RecordRequest() {
  bool start = false;
  bool whole = false;
  {
    absl::MutexLock lock(&mutex_);
    start = !call_.start_recorded();
    // The one frame of a unary call is the whole request, and is passed on as such.
    whole = call_.arity() == Arity::kUnary;
  }
  return Appended(Call::Recorded::kRequest, recording_.Request(request_, start, whole));
}

Actions RelayedCall::RecordHalfClose() {
  bool start = false;
  {
    absl::MutexLock lock(&mutex_);
    start = !call_.start_recorded();
  }
  return Appended(Call::Recorded::kRequest, recording_.HalfClose(start));
}

Actions RelayedCall::RecordEnd() {
  CallRecording::End end;
  {
    absl::MutexLock lock(&mutex_);
    end.outcome = call_.outcome();
    end.details = DetailsOf(end.outcome);
    end.upstream = call_.upstream_outcome();
    end.start = !call_.start_recorded();
    end.bare = call_.end_bare();
    if (!end.bare && call_.headers_present() && !call_.headers_recorded()) end.headers = &upstream_.headers();
    if (!end.bare && call_.arity() == Arity::kUnary && call_.response_frames() > 0) end.response = &response_;
    end.trailers_only = !call_.headers_present();
    end.request_frames = call_.request_frames();
    end.response_frames = call_.response_frames();
    end.request_bytes = call_.request_bytes();
    end.response_bytes = call_.response_bytes();
  }
  end.encoding = upstream_.encoding();
  if (end.upstream.has_value() && !end.bare && !trailers_withheld_) end.trailers = &upstream_.trailers();
  end.connection_ends = connection_ends_;
  return Appended(Call::Recorded::kEnd, recording_.Finish(end));
}

// The caller's side.

Actions RelayedCall::ReadCaller() {
  if (Pauses(request_, &timers_.request_pause, &RelayedCall::OnRequestPauseOver)) return {};
  caller_->StartRead(request_.to_fill());
  absl::MutexLock lock(&mutex_);
  return call_.OnCallerReadStarted();
}

bool RelayedCall::Pauses(FrameInHand& frame, CallTimer::Slot* slot, CallTimer::Due due) {
  const absl::Duration pause = frame.TakePause();
  if (pause <= absl::ZeroDuration()) return false;
  if (shared_.metrics != nullptr) shared_.metrics->CountPause();
  shared_.timer->Arm(slot, absl::Now() + pause, this, due);
  // What ends the call looks for pauses when it comes; it may have come before this one began.
  return !Ending() || !shared_.timer->Disarm(slot);
}

void RelayedCall::OnRequestPauseOver() { Perform(ReadCaller()); }

void RelayedCall::OnCallerReadLost() {
  const CallerLoss loss = LossNow();
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const Actions lost = call_.OnCallerLost(loss);
    return lost | call_.OnCallerHalfClose();
  });
}

void RelayedCall::OnCallerReadDone(bool ok) {
  if (!ok) {
    return Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return call_.OnCallerHalfClose(); });
  }
  NoteActivity();
  if (request_.size() > shared_.most_message_bytes) return RefuseOversized();
  Refusal refusal = request_.LookInto(shared_, context_, caller_->LastReadCompressed(), caller_->encoding());
  request_.Charge(context_);
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!refusal.ok()) return RefuseWith(std::move(refusal));
    return call_.OnCallerFrame(request_.views().recorded_bytes());
  });
}

void RelayedCall::RefuseOversized() {
  // The library's own limit saves no memory, because it looks at a message only when all of it is there, and would end
  // the call in a way that nobody here could tell from a cancel.
  Refusal refusal =
      MakeRefusal(grpc::StatusCode::RESOURCE_EXHAUSTED,
                  absl::StrCat("the request has a message of ", request_.size(), " bytes, more than the ",
                               shared_.most_message_bytes, " that limits.message_size of the gateway allows"),
                  "MESSAGE_TOO_LARGE", {{"limit", "limits.message_size"}, {"call", context_.IdText()}});
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const Actions refused = RefuseWith(std::move(refusal));
    return refused | call_.OnCallerHalfClose();
  });
}

void RelayedCall::OnCallerWriteDone(bool ok) {
  shared_.open_calls->OnWriteOver();
  std::optional<CallerLoss> loss;
  if (!ok) loss = LossNow();
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Actions actions = call_.OnCallerWriteDone(ok);
    if (loss.has_value()) actions |= call_.OnCallerLost(*loss);
    return actions;
  });
}

void RelayedCall::OnCallerHeadersSent() {
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return call_.OnHeadersSent(); });
}

void RelayedCall::OnCallerDone() {
  shared_.timer->DisarmAll({&timers_.deadline, &timers_.expiry, &timers_.age, &timers_.cut, &timers_.idle});
  DropReference();
}

void RelayedCall::AddResponseHeaders() {
  if (std::exchange(headers_added_, true)) return;
  ForCaller(context_, upstream_.headers(),
            [this](const std::string& name, const std::string& value) { caller_->AddHeader(name, value); });
  caller_->SetResponseEncoding(upstream_.encoding());
}

void RelayedCall::Finish() {
  ReportEnd();
  context_.arrival.place.End();
  Call::Outcome outcome;
  std::string details;
  bool headers = false;
  bool response = false;
  uint64_t received = 0;
  uint64_t sent = 0;
  {
    absl::MutexLock lock(&mutex_);
    outcome = call_.outcome();
    details = DetailsOf(outcome);
    headers = call_.headers_present();
    response = call_.arity() == Arity::kUnary && call_.response_frames() > 0;
    received = call_.request_frames();
    sent = call_.response_frames();
  }
  if (context_.route != nullptr && context_.route->call_id_trailer && context_.id != 0) {
    caller_->AddTrailer(std::string(kCallIdKey), context_.IdText());
  }
  meter_.End(outcome, details, received, sent);
  if (!outcome.upstream_trailers) return caller_->Finish(StatusFor(outcome, details));
  if (headers) AddResponseHeaders();
  outcome.message = TextIn(context_, policy::MaskView::kCaller, std::move(outcome.message));
  ForCaller(context_, upstream_.trailers(),
            [this](const std::string& name, const std::string& value) { caller_->AddTrailer(name, value); });
  if (!response) return caller_->Finish(StatusFor(outcome, details));
  caller_->WriteAndFinish(response_.views().passed(), response_.compressed(), StatusFor(outcome));
}

// The upstream's side.

void RelayedCall::ReadUpstream() {
  if (Pauses(response_, &timers_.response_pause, &RelayedCall::OnResponsePauseOver)) return;
  upstream_.StartRead(response_.to_fill());
}

void RelayedCall::OnResponsePauseOver() { ReadUpstream(); }

void RelayedCall::OnUpstreamHeaders(const UpstreamLeg::Headers& headers) {
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Actions actions;
    if (headers.written) actions |= call_.OnUpstreamWriteDone(headers.written_ok);
    if (!headers.legal.ok()) {
      actions |= call_.Refuse(grpc::StatusCode::INTERNAL,
                              absl::StrCat("upstream response headers: ", headers.legal.message()));
    }
    if (!headers.withheld) actions |= call_.OnUpstreamHeaders(headers.present);
    return actions;
  });
}

void RelayedCall::OnHeadersDue() {
  upstream_.OnEndOverdue();
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return call_.OnHeadersDue(); });
}

void RelayedCall::OnUpstreamReadDone(bool ok) {
  NoteActivity();
  Refusal refusal;
  if (ok) {
    refusal = response_.LookInto(shared_, context_, upstream_.LastReadCompressed(), upstream_.encoding());
    response_.Charge(context_);
  }
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!ok) return call_.OnUpstreamReadEnd();
    if (refusal.ok()) return call_.OnUpstreamFrame(response_.views().recorded_bytes());
    // First, for a call whose upstream has nothing more to say is over.
    const Actions refused = RefuseWith(std::move(refusal));
    return refused | call_.OnUpstreamReadEnd();
  });
}

void RelayedCall::OnUpstreamWritten(bool ok) {
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return call_.OnUpstreamWriteDone(ok); });
}

void RelayedCall::OnSecondResponse() {
  shared_.misdescribed->Add(context_.upstream(), context_.caller.path(), context_.description.descriptors->version());
  const std::string method = context_.caller.path().substr(1);
  Refusal refusal = MakeRefusal(
      grpc::StatusCode::INTERNAL,
      absl::StrCat("the upstream answered ", method,
                   " with more than one message, although its descriptor says that it is unary: calls that follow "
                   "are relayed as streams"),
      "SECOND_RESPONSE", {{"method", method}, {"upstream", context_.upstream()->name()}, {"call", context_.IdText()}});
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return RefuseWith(std::move(refusal)); });
}

void RelayedCall::OnUpstreamDone(UpstreamLeg::End end) {
  if (context_.trace != nullptr) context_.trace->OnUpstreamDone(end.outcome.code);
  trailers_withheld_ = end.trailers_withheld;
  bool unary = false;
  {
    absl::MutexLock lock(&mutex_);
    unary = call_.arity() == Arity::kUnary;
  }
  if (unary) shared_.headers_timer->Disarm(&timers_.headers);
  Refusal refusal;
  if (unary && response_.valid()) {
    refusal = response_.LookInto(shared_, context_, upstream_.LastReadCompressed(), upstream_.encoding());
    response_.Charge(context_);
    // What may not be seen is not recorded either.
    if (refusal.ok()) end.outcome.response_bytes = response_.views().recorded_bytes();
  }
  Handle([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Actions actions;
    if (end.untold.no_headers) actions |= call_.OnUpstreamHeaders(false);
    if (end.untold.write_failed) actions |= call_.OnUpstreamWriteDone(false);
    if (!end.legal.ok()) {
      actions |= call_.Refuse(grpc::StatusCode::INTERNAL, absl::StrCat("upstream trailers: ", end.legal.message()));
    } else if (!refusal.ok()) {
      actions |= RefuseWith(std::move(refusal));
    } else if (end.route_deadline) {
      // Although the upstream's side is over.
      refusal_ = RouteDeadlineReached(context_.IdText(), upstream_.route_deadline());
      actions |= call_.Refuse(refusal_.code, refusal_.message);
    }
    const int code = end.outcome.code;
    actions |= call_.OnUpstreamDone(std::move(end.outcome));
    meter_.UpstreamDone(code, call_.request_frames(), call_.response_frames());
    return actions;
  });
  ReleasePauses();
  DropReference();
}

}  // namespace sallyport::gateway
