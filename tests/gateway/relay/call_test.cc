// The relay's state machine with scripted orders of events.
#include "gateway/relay/call.h"

#include <catch2/catch.hpp>
#include <functional>
#include <vector>

#include "tests/gateway/relay/call_world.h"

namespace sallyport::gateway {
namespace {

// A call whose stages are behind it. What is to be done then.
Actions Admitted(Call& call, Arity arity) {
  call.Begin();
  call.OnAdmitted({arity, false});
  return call.OnUpstreamPrepared();
}

TEST_CASE("a caller that is lost during admission ends the call, and what admission then says starts nothing") {
  const std::vector<std::function<Actions(Call&)>> ends = {
      [](Call& call) {
        return call.OnAdmitted({Arity::kUnary, false});
      },
      [](Call& call) {
        return call.OnAdmitted({Arity::kStream, true});
      },
      [](Call& call) { return call.OnTurnedAway(7, "no"); },
      [](Call& call) { return call.OnGivenUp(); },
  };
  for (const auto& end_of_admission : ends) {
    Call call;
    CHECK(call.Begin() == kAdmit);
    CHECK(call.OnCallerLost(CallerLoss::kCancelled) == kStopWaiting);
    CHECK(end_of_admission(call) == kRecordEnd);
    CHECK(call.OnRecorded(Recorded::kEnd, true) == kFinish);
    CHECK(call.outcome().reason == EndReason::kCancelled);
    CHECK(call.outcome().code == 1);
  }
}

TEST_CASE("a held stream is recorded with its first frame, and its upstream opened when it is approved") {
  Call call;
  CHECK(call.Begin() == kAdmit);
  CHECK(call.OnAdmitted({Arity::kStream, true}) == kReadCaller);
  CHECK(call.OnCallerReadStarted().empty());
  CHECK(call.OnCallerFrame(5) == kRecordRequest);
  CHECK_FALSE(call.start_recorded());
  CHECK(call.OnRecorded(Recorded::kRequest, true) == kAskApproval);
  CHECK(call.OnApproved() == kPrepareUpstream);
  CHECK(call.OnUpstreamPrepared() == (kOpenUpstream | kWriteUpstream));
  CHECK(call.OnUpstreamWriteDone(true) == kReadCaller);
}

TEST_CASE("a held call that nobody approves never reaches the upstream, and its request stands in the record") {
  Call call;
  call.Begin();
  call.OnAdmitted({Arity::kUnary, true});
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  CHECK(call.OnRecorded(Recorded::kRequest, true) == kAskApproval);
  CHECK(call.OnTurnedAway(7, "nobody said yes") == kRecordEnd);
  CHECK(call.request_frames() == 1);
  CHECK(call.OnRecorded(Recorded::kEnd, true) == kFinish);
  CHECK(call.outcome().code == 7);
}

TEST_CASE("the next frame is read only when the last one is recorded and written on") {
  Call call;
  CHECK(Admitted(call, Arity::kStream) == kRecordStart);
  CHECK(call.OnRecorded(Recorded::kStart, true) == (kOpenUpstream | kReadCaller));
  CHECK(call.OnCallerReadStarted().empty());
  CHECK(call.OnCallerFrame(5) == kRecordRequest);
  CHECK(call.OnRecorded(Recorded::kRequest, true) == kWriteUpstream);
  CHECK(call.OnUpstreamWriteDone(true) == kReadCaller);
  CHECK(call.OnUpstreamHeaders(true) == kRecordHeaders);
  CHECK(call.OnRecorded(Recorded::kResponse, true) == (kSendHeaders | kReadUpstream));
  CHECK(call.OnUpstreamFrame(7) == kRecordResponse);
  CHECK(call.OnRecorded(Recorded::kResponse, true) == kWriteCaller);
  CHECK(call.OnCallerWriteDone(true) == kReadUpstream);
  CHECK(call.request_bytes() == 5);
  CHECK(call.response_bytes() == 7);
}

TEST_CASE("a unary call's request is recorded before it is sent, and its end before the caller sees it") {
  Call call;
  CHECK(Admitted(call, Arity::kUnary) == kReadCaller);
  CHECK(call.OnCallerReadStarted().empty());
  CHECK(call.OnCallerFrame(5) == kRecordRequest);
  CHECK(call.OnRecorded(Recorded::kRequest, true) == kSendUnary);
  CHECK(call.OnUpstreamHeaders(true) == kDeferHeaders);
  CHECK(call.OnUpstreamDone(OkWithResponse(9)) == kRecordEnd);
  CHECK(call.OnHeadersDue().empty());
  CHECK(call.OnRecorded(Recorded::kEnd, true) == kFinish);
  CHECK(call.outcome().reason == EndReason::kCompleted);
  CHECK(call.response_bytes() == 9);
}

TEST_CASE("headers of a slow unary response go on ahead of it") {
  Call call;
  Admitted(call, Arity::kUnary);
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  call.OnRecorded(Recorded::kRequest, true);
  call.OnUpstreamHeaders(true);
  CHECK(call.OnHeadersDue() == kRecordHeaders);
  CHECK(call.OnRecorded(Recorded::kResponse, true) == kSendHeaders);
  CHECK(call.OnUpstreamDone(OkWithResponse(1)) == kRecordEnd);
  CHECK(call.OnRecorded(Recorded::kEnd, true).empty());
  CHECK(call.OnHeadersSent() == kFinish);
}

TEST_CASE("a cancelled call tells the upstream and records both legs") {
  Call call;
  Admitted(call, Arity::kStream);
  call.OnRecorded(Recorded::kStart, true);
  call.OnCallerReadStarted();
  CHECK(call.OnCallerLost(CallerLoss::kCancelled) == kCancelUpstream);
  CHECK(call.OnCallerHalfClose().empty());
  CHECK(call.OnUpstreamHeaders(false) == kReleaseUpstream);
  UpstreamOutcome cancelled;
  cancelled.code = 1;
  cancelled.from_upstream = false;
  CHECK(call.OnUpstreamDone(cancelled) == kRecordEnd);
  CHECK(call.outcome().reason == EndReason::kCancelled);
  CHECK(call.outcome().code == 1);
  CHECK_FALSE(call.outcome().upstream_trailers);
  CHECK(call.upstream_outcome()->code == 1);
}

TEST_CASE("a deadline that passes is told from a cancel") {
  Call call;
  Admitted(call, Arity::kUnary);
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  call.OnRecorded(Recorded::kRequest, true);
  CHECK(call.OnCallerLost(CallerLoss::kDeadline) == kCancelUpstream);
  UpstreamOutcome outcome;
  outcome.code = 1;
  outcome.from_upstream = false;
  CHECK(call.OnUpstreamDone(outcome) == kRecordEnd);
  CHECK(call.outcome().code == 4);
  CHECK(call.outcome().reason == EndReason::kDeadline);
}

TEST_CASE("a deadline that passes while the end is being recorded changes nothing of it") {
  Call call;
  Admitted(call, Arity::kUnary);
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  call.OnRecorded(Recorded::kRequest, true);
  CHECK(call.OnUpstreamDone(OkWithResponse(9)) == kRecordEnd);
  CHECK(call.OnDeadline().empty());
  CHECK(call.OnRecorded(Recorded::kEnd, true) == kFinish);
  CHECK(call.outcome().code == 0);
  CHECK(call.outcome().reason == EndReason::kCompleted);
  CHECK_FALSE(call.outcome().loss.has_value());
}

TEST_CASE("a deadline that passes when the upstream has said how the call ends changes nothing of it") {
  Call call;
  Admitted(call, Arity::kUnary);
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  call.OnRecorded(Recorded::kRequest, true);
  call.OnUpstreamHeaders(true);
  CHECK(call.OnHeadersDue() == kRecordHeaders);
  CHECK(call.OnUpstreamDone(OkWithResponse(9)).empty());
  CHECK(call.OnDeadline().empty());
  CHECK(call.OnRecorded(Recorded::kResponse, true) == kRecordEnd);
  CHECK(call.outcome().reason == EndReason::kCompleted);
}

TEST_CASE("a deadline ends a call that waits for its request, or for a stage, and is recorded before it is told") {
  Call waiting;
  Admitted(waiting, Arity::kUnary);
  waiting.OnCallerReadStarted();
  CHECK(waiting.OnDeadline() == kRecordEnd);
  CHECK(waiting.OnRecorded(Recorded::kEnd, true) == kFinish);
  CHECK(waiting.outcome().code == 4);
  CHECK(waiting.outcome().message == "Deadline Exceeded");
  CHECK(waiting.outcome().reason == EndReason::kDeadline);
  CHECK_FALSE(waiting.outcome().upstream_trailers);
  Call staged;
  CHECK(staged.Begin() == kAdmit);
  CHECK(staged.OnDeadline() == kStopWaiting);
  CHECK(staged.OnTurnedAway(7, "no") == kRecordEnd);
  CHECK(staged.outcome().reason == EndReason::kDeadline);
}

TEST_CASE("a deadline ends a call in the same way, whichever of the gateway's two legs sees it first") {
  UpstreamOutcome seen;
  seen.code = 4;
  seen.message = "Deadline Exceeded";
  seen.from_upstream = false;
  UpstreamOutcome cancelled;
  cancelled.code = 1;
  cancelled.message = "CANCELLED";
  cancelled.from_upstream = false;
  for (const bool caller_first : {false, true}) {
    Call call;
    Admitted(call, Arity::kUnary);
    call.OnCallerReadStarted();
    call.OnCallerFrame(5);
    call.OnRecorded(Recorded::kRequest, true);
    if (caller_first) CHECK(call.OnDeadline() == kCancelUpstream);
    CHECK(call.OnUpstreamDone(caller_first ? cancelled : seen) == kRecordEnd);
    CHECK(call.OnDeadline().empty());
    CHECK(call.outcome().code == 4);
    CHECK(call.outcome().message == "Deadline Exceeded");
    CHECK(call.outcome().reason == EndReason::kDeadline);
    CHECK(call.outcome().upstream_trailers);
    CHECK(call.upstream_outcome()->code == 4);
    CHECK(call.OnRecorded(Recorded::kEnd, true) == kFinish);
  }
}

TEST_CASE("what an upstream answers when the deadline has passed is recorded beside what the caller is told") {
  Call call;
  Admitted(call, Arity::kUnary);
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  call.OnRecorded(Recorded::kRequest, true);
  CHECK(call.OnDeadline() == kCancelUpstream);
  CHECK(call.OnUpstreamDone(OkWithResponse(9)) == kRecordEnd);
  CHECK(call.outcome().code == 4);
  CHECK_FALSE(call.outcome().upstream_trailers);
  CHECK(call.upstream_outcome()->code == 0);
}

TEST_CASE("a caller that does not read is cut when its deadline passes, with the status that is recorded") {
  Call call;
  Admitted(call, Arity::kStream);
  call.OnRecorded(Recorded::kStart, true);
  call.OnCallerReadStarted();
  call.OnUpstreamHeaders(true);
  call.OnRecorded(Recorded::kResponse, true);
  call.OnHeadersSent();
  call.OnUpstreamFrame(7);
  CHECK(call.OnRecorded(Recorded::kResponse, true) == kWriteCaller);
  CHECK(call.OnDeadline() == (kCancelUpstream | kReleaseUpstream));
  UpstreamOutcome cancelled;
  cancelled.code = 1;
  cancelled.from_upstream = false;
  CHECK(call.OnUpstreamDone(cancelled) == kRecordEnd);
  CHECK(call.outcome().unread);
  CHECK(call.OnRecorded(Recorded::kEnd, true) == kCutCaller);
  CHECK(call.cut_due());
  CHECK(call.OnCallerWriteDone(false).has(kFinish));
  CHECK(call.outcome().code == 4);
  CHECK(call.outcome().reason == EndReason::kDeadline);
  CHECK_FALSE(call.outcome().loss.has_value());
}

TEST_CASE("an upstream that dies is told from one that answers with an error") {
  for (bool from_upstream : {true, false}) {
    Call call;
    Admitted(call, Arity::kUnary);
    call.OnCallerReadStarted();
    call.OnCallerFrame(5);
    call.OnRecorded(Recorded::kRequest, true);
    UpstreamOutcome outcome;
    outcome.code = 14;
    outcome.message = "gone";
    outcome.from_upstream = from_upstream;
    CHECK(call.OnUpstreamDone(outcome) == kRecordEnd);
    CHECK(call.outcome().code == 14);
    CHECK(call.outcome().message == "gone");
    CHECK(call.outcome().reason == (from_upstream ? EndReason::kCompleted : EndReason::kUpstreamFailure));
  }
}

TEST_CASE("a call whose write to the caller stands is cut with the status that is recorded") {
  Call call;
  Admitted(call, Arity::kStream);
  call.OnRecorded(Recorded::kStart, true);
  call.OnCallerReadStarted();
  call.OnUpstreamHeaders(true);
  call.OnRecorded(Recorded::kResponse, true);
  call.OnHeadersSent();
  call.OnUpstreamFrame(7);
  CHECK(call.OnRecorded(Recorded::kResponse, true) == kWriteCaller);
  CHECK(call.Refuse(14, "stopping") == (kCancelUpstream | kReleaseUpstream));
  UpstreamOutcome cancelled;
  cancelled.code = 1;
  cancelled.from_upstream = false;
  CHECK(call.OnUpstreamDone(cancelled) == kRecordEnd);
  CHECK(call.OnRecorded(Recorded::kEnd, true) == kCutCaller);
  CHECK(call.OnCallerLost(CallerLoss::kCancelled).empty());  // that is how the library reports the cut
  CHECK(call.OnCallerWriteDone(false).has(kFinish));
  CHECK(call.outcome().code == 14);
  CHECK(call.outcome().reason == EndReason::kRefused);
  CHECK_FALSE(call.outcome().loss.has_value());
}

TEST_CASE("a caller that goes while its call is being ended by the gateway is not taken for one that was told") {
  Call call;
  Admitted(call, Arity::kStream);
  call.OnRecorded(Recorded::kStart, true);
  call.OnCallerReadStarted();
  CHECK(call.Refuse(14, "stopping") == kCancelUpstream);
  CHECK(call.OnCallerLost(CallerLoss::kCancelled).empty());
  CHECK(call.OnUpstreamHeaders(false) == kReleaseUpstream);
  UpstreamOutcome cancelled;
  cancelled.code = 1;
  CHECK(call.OnUpstreamDone(cancelled) == kRecordEnd);
  CHECK(call.outcome().reason == EndReason::kRefused);
  CHECK(call.outcome().loss == CallerLoss::kCancelled);
}

TEST_CASE("a call that its caller has cancelled is not refused any more") {
  Call call;
  Admitted(call, Arity::kStream);
  call.OnRecorded(Recorded::kStart, true);
  call.OnCallerReadStarted();
  CHECK(call.OnCallerLost(CallerLoss::kCancelled) == kCancelUpstream);
  CHECK(call.Refuse(14, "stopping").empty());
  call.OnUpstreamHeaders(false);
  CHECK(call.OnUpstreamDone(Ok()) == kRecordEnd);
  CHECK(call.outcome().reason == EndReason::kCancelled);
  CHECK(call.outcome().loss == CallerLoss::kCancelled);
}

TEST_CASE("a refused call never reaches the upstream") {
  Call call;
  CHECK(call.Begin() == kAdmit);
  CHECK(call.OnTurnedAway(12, "no route") == kRecordEnd);
  CHECK(call.OnRecorded(Recorded::kEnd, true) == kFinish);
  CHECK(call.outcome().code == 12);
  CHECK(call.outcome().reason == EndReason::kRefused);
}

TEST_CASE("a call whose end cannot be recorded is not acknowledged") {
  Call call;
  Admitted(call, Arity::kUnary);
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  call.OnRecorded(Recorded::kRequest, true);
  CHECK(call.OnUpstreamDone(OkWithResponse(1)) == kRecordEnd);
  CHECK(call.OnRecorded(Recorded::kEnd, false, "the log is full") == kFinish);
  CHECK(call.outcome().code == 14);
  CHECK(call.outcome().message == "the log is full");
  CHECK_FALSE(call.outcome().upstream_trailers);
}

TEST_CASE("a frame that the log has no space for ends the call, whose record does not count it") {
  Call call;
  Admitted(call, Arity::kStream);
  call.OnRecorded(Recorded::kStart, true);
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  call.OnRecorded(Recorded::kRequest, true);
  call.OnUpstreamWriteDone(true);
  call.OnCallerReadStarted();
  CHECK(call.OnCallerFrame(6) == kRecordRequest);
  CHECK(call.OnRecorded(Recorded::kRequest, false, "the disk is full") == kCancelUpstream);
  CHECK(call.OnUpstreamHeaders(false) == kReleaseUpstream);
  UpstreamOutcome cancelled;
  cancelled.code = 1;
  cancelled.from_upstream = false;
  CHECK(call.OnUpstreamDone(cancelled) == kRecordEnd);
  CHECK(call.request_frames() == 1);
  CHECK(call.request_bytes() == 5);
  CHECK(call.outcome().code == 14);
  CHECK(call.outcome().reason == EndReason::kRefused);
  CHECK(call.OnRecorded(Recorded::kEnd, true) == kFinish);
  CHECK(call.outcome().message == "the disk is full");
}

TEST_CASE("a call whose start cannot be recorded is refused, and no end is recorded without it") {
  Call stream;
  Admitted(stream, Arity::kStream);
  CHECK(stream.OnRecorded(Recorded::kStart, false, "the disk is full") == kFinish);
  CHECK(stream.outcome().message == "the disk is full");
  Call unary;
  Admitted(unary, Arity::kUnary);
  unary.OnCallerReadStarted();
  unary.OnCallerFrame(5);
  CHECK(unary.OnRecorded(Recorded::kRequest, false, "the disk is full") == kFinish);
  CHECK(unary.outcome().code == 14);
}

TEST_CASE("an end that is recorded again says so if the caller has gone since") {
  Call call;
  Admitted(call, Arity::kUnary);
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  call.OnRecorded(Recorded::kRequest, true);
  CHECK(call.OnUpstreamDone(OkWithResponse(9)) == kRecordEnd);
  CHECK(call.OnCallerLost(CallerLoss::kConnection).empty());
  CHECK_FALSE(call.outcome().loss.has_value());
  CHECK(call.OnNoSpaceForEnd("the disk is full") == kRecordEnd);
  CHECK(call.outcome().loss == CallerLoss::kConnection);
  CHECK(call.outcome().reason == EndReason::kRefused);
}

TEST_CASE("an end that the log has no space for is recorded bare, and told as it is recorded") {
  Call call;
  Admitted(call, Arity::kUnary);
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  call.OnRecorded(Recorded::kRequest, true);
  CHECK(call.OnUpstreamDone(OkWithResponse(1'000'000)) == kRecordEnd);
  CHECK(call.OnNoSpaceForEnd("the disk is full") == kRecordEnd);
  CHECK(call.end_bare());
  CHECK(call.response_frames() == 0);
  CHECK(call.response_bytes() == 0);
  CHECK(call.OnRecorded(Recorded::kEnd, true) == kFinish);
  CHECK(call.outcome().code == 14);
  CHECK(call.outcome().message == "the disk is full");
  CHECK_FALSE(call.outcome().upstream_trailers);
}

}  // namespace
}  // namespace sallyport::gateway
