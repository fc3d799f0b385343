#include "gateway/relay/call.h"

#include <utility>

namespace sallyport::gateway {
namespace {

// Of google.rpc.Code, the ones the relay itself uses.
constexpr int kCodeCancelled = 1;
constexpr int kCodeDeadlineExceeded = 4;
constexpr int kCodeUnavailable = 14;

constexpr char kDeadlineExceeded[] = "Deadline Exceeded";

}  // namespace

Actions Call::Begin() { return Begin(Stage::kAdmitting, Action::kAdmit); }

Actions Call::Begin(Stage stage, Action action) {
  stage_ = stage;
  stopping_stage_ = false;
  return action;
}

Actions Call::StopWaiting() {
  if (stage_ == Stage::kNone || stopping_stage_) return {};
  stopping_stage_ = true;
  return Action::kStopWaiting;
}

Actions Call::OnAdmitted(Admission admission) {
  stage_ = Stage::kNone;
  arity_ = admission.arity;
  held_ = admission.held;
  if (stopped()) return MaybeEnd();
  if (!held_) return Begin(Stage::kPreparing, Action::kPrepareUpstream);
  request_ = Request::kReading;
  caller_read_starting_ = true;
  return Action::kReadCaller;
}

Actions Call::OnApproved() {
  stage_ = Stage::kNone;
  held_ = false;
  if (stopped()) return MaybeEnd();
  return Begin(Stage::kPreparing, Action::kPrepareUpstream);
}

Actions Call::OnUpstreamPrepared() {
  stage_ = Stage::kNone;
  if (stopped()) return MaybeEnd();
  if (request_ == Request::kKept) return PassRequestOn();
  // A unary call is recorded and sent on together with its one request frame; a stream is opened before any frame has
  // come.
  if (arity_ == Arity::kUnary) {
    request_ = Request::kReading;
    caller_read_starting_ = true;
    return Action::kReadCaller;
  }
  start_recording_ = true;
  start_recorded_ = true;
  return Action::kRecordStart;
}

Actions Call::OnTurnedAway(int code, std::string message) {
  stage_ = Stage::kNone;
  const Actions refused = Refuse(code, std::move(message));
  return refused | MaybeEnd();
}

Actions Call::OnGivenUp() {
  stage_ = Stage::kNone;
  return MaybeEnd();
}

Actions Call::Refuse(int code, std::string message) {
  return EndByGateway(code, std::move(message), EndReason::kRefused);
}

Actions Call::OnDeadline() {
  // Of a unary call the headers may still be on their way to the log; how it ends the upstream has said already.
  if (upstream_outcome_.has_value()) return {};
  return EndByGateway(kCodeDeadlineExceeded, kDeadlineExceeded, EndReason::kDeadline);
}

Actions Call::EndByGateway(int code, std::string message, EndReason reason) {
  if (end_ != End::kOpen || refused_ || lost_.has_value()) return {};
  refused_ = true;
  outcome_.code = code;
  outcome_.message = std::move(message);
  outcome_.reason = reason;
  return StopWaiting() | CancelUpstream() | MaybeRelease() | MaybeEnd();
}

Actions Call::OnCallerFrame(uint64_t bytes) {
  if (stopped()) {
    request_ = Request::kClosed;
    return MaybeEnd();
  }
  ++request_frames_;
  request_bytes_ += bytes;
  last_request_bytes_ = bytes;
  request_ = Request::kRecording;
  request_in_hand_ = InHand::kFrame;
  return Action::kRecordRequest;
}

Actions Call::OnCallerHalfClose() {
  if (stopped()) {
    request_ = Request::kClosed;
    return MaybeEnd();
  }
  // A call of a unary method that carries no message at all: only a stream can pass that on as it is.
  arity_ = Arity::kStream;
  request_ = Request::kRecording;
  request_in_hand_ = InHand::kHalfClose;
  return Action::kRecordHalfClose;
}

Actions Call::OnCallerReadStarted() {
  caller_read_starting_ = false;
  return MaybeFinish();
}

Actions Call::OnCallerWriteDone(bool ok) {
  if (lost_.has_value() || refused_ || !ok) {
    Actions actions = EndResponse();
    if (!ok) actions |= CancelUpstream();
    return actions | MaybeFinish();
  }
  response_ = Response::kReading;
  return Action::kReadUpstream;
}

Actions Call::OnHeadersSent() {
  headers_sending_ = false;
  return MaybeFinish();
}

Actions Call::OnCallerLost(CallerLoss loss) {
  if (end_ == End::kRecording && !lost_.has_value()) lost_late_ = loss;
  if (end_ != End::kOpen || lost_.has_value()) return {};
  lost_ = loss;
  return StopWaiting() | CancelUpstream() | MaybeRelease() | MaybeEnd();
}

Actions Call::OnUpstreamHeaders(bool present) {
  headers_present_ = present;
  if (arity_ == Arity::kUnary) return present ? Actions(Action::kDeferHeaders) : Actions();
  if (!present || lost_.has_value() || refused_) return EndResponse();
  headers_recorded_ = true;
  response_ = Response::kRecording;
  response_in_hand_ = InHand::kHeaders;
  return Action::kRecordHeaders;
}

Actions Call::OnHeadersDue() {
  if (arity_ != Arity::kUnary || stopped() || upstream_outcome_.has_value() || headers_recorded_) return {};
  headers_recorded_ = true;
  response_ = Response::kRecording;
  response_in_hand_ = InHand::kHeaders;
  return Action::kRecordHeaders;
}

Actions Call::OnUpstreamFrame(uint64_t bytes) {
  if (lost_.has_value() || refused_) return EndResponse();
  ++response_frames_;
  response_bytes_ += bytes;
  last_response_bytes_ = bytes;
  response_ = Response::kRecording;
  response_in_hand_ = InHand::kFrame;
  return Action::kRecordResponse;
}

Actions Call::OnUpstreamReadEnd() { return EndResponse(); }

Actions Call::OnUpstreamWriteDone(bool ok) {
  if (request_in_hand_ == InHand::kHalfClose || !ok || stopped()) {
    request_ = Request::kClosed;
    return MaybeRelease() | MaybeEnd();
  }
  request_ = Request::kReading;
  caller_read_starting_ = true;
  return Action::kReadCaller;
}

Actions Call::OnUpstreamDone(UpstreamOutcome outcome) {
  if (arity_ == Arity::kUnary && outcome.response_bytes.has_value()) {
    ++response_frames_;
    response_bytes_ += *outcome.response_bytes;
  }
  upstream_outcome_ = std::move(outcome);
  if (refused_ && outcome_.reason == EndReason::kDeadline && !upstream_outcome_->from_upstream) {
    // Its leg keeps the same deadline: which of the two came first makes no difference.
    upstream_outcome_->code = outcome_.code;
    upstream_outcome_->message = outcome_.message;
    outcome_.upstream_trailers = true;
  }
  upstream_ended_ = true;
  // Of a unary call the headers may just be on their way to the log; what is in hand is then ended by OnRecorded. And
  // a call that the gateway ends may have a frame on its way to a caller that does not read.
  if (response_ != Response::kRecording && response_ != Response::kWriting) response_ = Response::kEnded;
  return MaybeEnd();
}

Actions Call::OnRecorded(Recorded what, bool ok, const std::string& error) {
  if (what == Recorded::kEnd) {
    if (!ok) {
      outcome_ = {kCodeUnavailable, error, EndReason::kRefused, false, std::nullopt};
    }
    end_ = End::kRecorded;
    return MaybeFinish();
  }
  Actions actions;
  if (!ok) {
    ForgetFrame(what);
    unrecorded_ = what == Recorded::kStart || (what == Recorded::kRequest && !start_recorded_);
    actions = RefuseForLog(error);
  }
  switch (what) {
    case Recorded::kStart:
      start_recording_ = false;
      if (stopped()) return actions | MaybeEnd();
      request_ = Request::kReading;
      caller_read_starting_ = true;
      return OpenUpstream() | Action::kReadCaller;
    case Recorded::kRequest:
      start_recorded_ = true;
      if (stopped()) {
        request_ = Request::kClosed;
        return actions | MaybeRelease() | MaybeEnd();
      }
      if (!held_) return PassRequestOn();
      request_ = Request::kKept;
      return Begin(Stage::kAsking, Action::kAskApproval);
    case Recorded::kResponse:
      if (upstream_outcome_.has_value() || lost_.has_value() || refused_) return actions | EndResponse();
      if (response_in_hand_ == InHand::kFrame) {
        response_ = Response::kWriting;
        return Action::kWriteCaller;
      }
      headers_sending_ = true;
      if (arity_ == Arity::kUnary) {
        response_ = Response::kNone;
        return Action::kSendHeaders;
      }
      response_ = Response::kReading;
      return Action::kSendHeaders | Action::kReadUpstream;
    case Recorded::kEnd:
      break;
  }
  return {};
}

Actions Call::OnNoSpaceForEnd(const std::string& error) {
  end_bare_ = true;
  if (arity_ == Arity::kUnary) response_frames_ = response_bytes_ = 0;
  // Whoever ended the call before: what is told is what is recorded, and that cannot be recorded.
  if (!lost_.has_value()) {
    refused_ = true;
    outcome_ = {kCodeUnavailable, error, EndReason::kRefused, false, lost_late_};
  }
  return Action::kRecordEnd;
}

Actions Call::RefuseForLog(const std::string& error) {
  // Without a record nothing else may be told.
  if (unrecorded_ || (!lost_.has_value() && !refused_)) {
    outcome_ = {kCodeUnavailable, error, EndReason::kRefused, false, std::nullopt};
    refused_ = true;
  }
  return CancelUpstream();
}

void Call::ForgetFrame(Recorded what) {
  if (what == Recorded::kRequest && request_in_hand_ == InHand::kFrame) {
    --request_frames_;
    request_bytes_ -= last_request_bytes_;
  } else if (what == Recorded::kResponse && response_in_hand_ == InHand::kFrame) {
    --response_frames_;
    response_bytes_ -= last_response_bytes_;
  }
}

Actions Call::PassRequestOn() {
  if (arity_ == Arity::kUnary) {
    request_ = Request::kClosed;
    upstream_open_ = true;
    return Action::kSendUnary;
  }
  request_ = Request::kWriting;
  const Actions open = upstream_open_ ? Actions() : OpenUpstream();
  return open | (request_in_hand_ == InHand::kFrame ? Action::kWriteUpstream : Action::kHalfCloseUpstream);
}

Actions Call::OpenUpstream() {
  upstream_open_ = true;
  response_ = Response::kAwaitingHeaders;
  return Action::kOpenUpstream;
}

Actions Call::CancelUpstream() {
  if (!upstream_open_ || upstream_outcome_.has_value() || upstream_cancelled_) return {};
  upstream_cancelled_ = true;
  return Action::kCancelUpstream;
}

Actions Call::EndResponse() {
  response_ = Response::kEnded;
  upstream_ended_ = true;
  return MaybeRelease() | MaybeEnd();
}

Actions Call::MaybeRelease() {
  if (arity_ != Arity::kStream || !upstream_open_ || upstream_released_) return {};
  // While a frame is being written to the caller, nothing is under way on the upstream's side of this direction.
  const bool over = response_ == Response::kEnded || (response_ == Response::kWriting && stopped());
  if (!over || request_ == Request::kWriting) return {};
  upstream_released_ = true;
  return Action::kReleaseUpstream;
}

Actions Call::MaybeEnd() {
  if (end_ != End::kOpen || stage_ != Stage::kNone) return {};
  if (!lost_.has_value() && !refused_ && !upstream_outcome_.has_value()) return {};
  if (upstream_open_ && !upstream_outcome_.has_value()) return {};
  if (start_recording_ || request_ == Request::kRecording || response_ == Response::kRecording) return {};
  end_ = End::kRecording;
  DecideOutcome();
  if (!unrecorded_) return Action::kRecordEnd;
  end_ = End::kRecorded;
  return MaybeFinish();
}

Actions Call::MaybeFinish() {
  if (end_ != End::kRecorded) return {};
  if (writing_to_caller()) {
    // A caller that does not read is told all the same, and does not keep the call open.
    if (!refused_ || lost_.has_value() || caller_cut_) return {};
    caller_cut_ = true;
    return Action::kCutCaller;
  }
  if (caller_read_starting_) return {};
  end_ = End::kFinished;
  return Action::kFinish;
}

void Call::DecideOutcome() {
  outcome_.loss = lost_;
  outcome_.unread = refused_ && writing_to_caller();
  if (refused_) return;
  if (lost_.has_value()) {
    bool deadline = *lost_ == CallerLoss::kDeadline;
    outcome_.code = deadline ? kCodeDeadlineExceeded : kCodeCancelled;
    outcome_.message = deadline ? kDeadlineExceeded : "Cancelled";
    outcome_.reason = deadline ? EndReason::kDeadline : EndReason::kCancelled;
    return;
  }
  outcome_.code = upstream_outcome_->code;
  outcome_.message = upstream_outcome_->message;
  outcome_.upstream_trailers = true;
  if (upstream_outcome_->from_upstream) {
    outcome_.reason = EndReason::kCompleted;
  } else if (outcome_.code == kCodeDeadlineExceeded) {
    outcome_.reason = EndReason::kDeadline;
  } else {
    outcome_.reason = EndReason::kUpstreamFailure;
  }
}

}  // namespace sallyport::gateway
