// The world around a Call, in which everything may happen that gRPC, the recorder and the two peers allow.
#ifndef SALLYPORT_TESTS_GATEWAY_RELAY_CALL_WORLD_H_
#define SALLYPORT_TESTS_GATEWAY_RELAY_CALL_WORLD_H_

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/relay/call.h"

namespace sallyport::gateway {

using enum Action;
using Recorded = Call::Recorded;

inline UpstreamOutcome Ok() { return {}; }
inline UpstreamOutcome OkWithResponse(uint64_t bytes) {
  UpstreamOutcome outcome;
  outcome.response_bytes = bytes;
  return outcome;
}

// What the world around a Call looks like: which operations are under way. Plays gRPC, the recorder and the two peers,
// and checks that the Call keeps to the rules of all of them.
struct World {
  explicit World(Arity arity, int requests, int responses)
      : arity(arity), requests_left(requests), responses_left(responses) {}

  Call call;
  Arity arity;
  int requests_left;
  int responses_left;
  bool held = false;           // for an approval
  bool may_turn_away = false;  // any stage may find a reason to refuse the call
  bool may_cancel = false;
  bool may_fail_recording = false;
  bool may_lack_space = false;  // the log refuses a frame, or the end with what it holds, and takes what comes later
  bool may_fail_writes = false;
  bool may_refuse = false;     // a limit, an expiry, a rule, the gateway's own end: once, at any time
  bool may_expire = false;     // the caller's deadline may pass: once, at any time
  bool caller_stands = false;  // does not read: what is written to it stays under way

  // The stage under way: one of the actions that begin one.
  std::optional<Action> stage;
  bool stop_asked = false;  // it is to give up
  bool approved = false;
  bool prepared = false;

  bool caller_reading = false;
  bool caller_read_starting = false;
  bool caller_writing = false;
  bool headers_sending = false;
  bool headers_sent = false;
  bool half_closed = false;
  bool cancelled = false;
  bool caller_cut = false;
  bool refused = false;
  bool expired = false;

  bool upstream_opened = false;
  bool upstream_is_unary = false;
  bool awaiting_headers = false;
  bool headers_deferred = false;
  bool upstream_headers_came = false;
  bool upstream_reading = false;
  bool upstream_writing = false;
  bool upstream_half_closed = false;
  bool upstream_over = false;  // no more reads succeed
  bool upstream_cancelled = false;
  bool released = false;
  bool upstream_done = false;

  std::set<Recorded> recording;
  bool start_recorded = false;
  bool end_recorded = false;
  bool recorder_broken = false;
  bool lacked_space = false;
  bool bare_end = false;           // the end is recorded without what it might hold
  bool request_recorded = false;   // what the caller sent last, whole
  bool response_recorded = false;  // what the upstream sent last: headers or a frame
  // Of what is in hand: a frame, rather than the half-close or the headers.
  bool request_is_frame = false;
  bool response_is_frame = false;
  // Frames that stand in the record, and those that were handed on.
  uint64_t requests_in_record = 0;
  uint64_t responses_in_record = 0;
  uint64_t requests_passed_on = 0;
  uint64_t responses_passed_on = 0;
  Call::Outcome recorded_outcome;
  int finished = 0;
  std::vector<std::string> trace;

  void Rule(bool holds, const char* rule) {
    if (holds) return;
    std::string story;
    for (const std::string& step : trace) story += step + " > ";
    FAIL(rule << " after " << story);
  }

  void Begin(Action next) {
    Rule(!stage.has_value(), "one stage at a time");
    Rule(!call.ending(), "no stage begins once the call ends");
    Rule(!upstream_opened, "stages come before the upstream is opened");
    stage = next;
  }

  // In whatever way.
  void EndStage() {
    stage.reset();
    stop_asked = false;
  }

  void Record(Recorded what) {
    Rule(!stage.has_value(), "nothing is recorded while a stage is under way");
    Rule(!end_recorded, "nothing is recorded after the end");
    Rule(recording.insert(what).second, "one append of a kind at a time");
    Rule(what != Recorded::kEnd || recording.size() == 1, "the end is recorded last");
  }

  // The record holds every frame that was handed on, in each direction, and counts those that it holds.
  void RuleFrames() {
    Rule(requests_passed_on <= requests_in_record, "no request frame is passed on unrecorded");
    Rule(responses_passed_on <= responses_in_record, "no response frame is passed on unrecorded");
  }
  void RuleCounted() {
    Rule(call.request_frames() == requests_in_record && call.request_bytes() == 10 * requests_in_record,
         "the end counts the request frames in the record");
    // A unary response stands in the end itself.
    const bool in_end = upstream_is_unary && !bare_end && call.upstream_outcome().has_value() &&
                        call.upstream_outcome()->response_bytes.has_value();
    const uint64_t responses = responses_in_record + (in_end ? 1 : 0);
    Rule(call.response_frames() == responses && call.response_bytes() == 20 * responses,
         "the end counts the response frames in the record");
  }

  // What the caller is told is what was recorded; where that failed, it is told so.
  void RuleTold() {
    const Call::Outcome& told = call.outcome();
    if (!end_recorded) {
      Rule(recorder_broken && told.code == 14 && told.reason == EndReason::kRefused, "no end is told unrecorded");
      return;
    }
    Rule(told.code == recorded_outcome.code && told.message == recorded_outcome.message &&
             told.reason == recorded_outcome.reason && told.upstream_trailers == recorded_outcome.upstream_trailers,
         "the end recorded is the end told");
  }

  void RuleRecordedEnd() {
    recorded_outcome = call.outcome();
    Rule(recorded_outcome.loss.has_value() == cancelled, "the record says whether the caller was still there");
    if (recorder_broken) return;
    const EndReason reason = recorded_outcome.reason;
    Rule(reason != EndReason::kRefused || refused || lacked_space, "refused is what was refused");
    Rule(reason != EndReason::kCancelled || cancelled, "cancelled is what the caller cancelled");
    Rule(reason != EndReason::kDeadline || (expired && recorded_outcome.code == 4), "late is what has a deadline");
    // A leg that is cancelled because the deadline has passed ends as one that sees so itself.
    const bool upstream_trailers = reason == EndReason::kCompleted || (reason == EndReason::kDeadline && upstream_done);
    Rule(recorded_outcome.upstream_trailers == upstream_trailers, "trailers are the upstream's");
    Rule(reason != EndReason::kCompleted || upstream_done, "completed is what the upstream ended");
  }

  void Do(const std::string& event, Actions actions) {
    trace.push_back(event);
    while (!actions.empty()) {
      Action action = actions.TakeFirst();
      Rule(finished == 0, "nothing is done after the finish");
      switch (action) {
        case kAdmit:
          Begin(action);
          break;
        case kAskApproval:
          Rule(held && request_recorded, "approval is asked for once the start and what came first are recorded");
          Begin(action);
          break;
        case kPrepareUpstream:
          Rule(!held || approved, "nothing is prepared for a call that is not approved");
          Begin(action);
          break;
        case kStopWaiting:
          Rule(stage.has_value() && !stop_asked, "a stage under way is given up once");
          stop_asked = true;
          break;
        case kRecordStart:
          Record(Recorded::kStart);
          break;
        case kRecordRequest:
        case kRecordHalfClose:
          Record(Recorded::kRequest);
          break;
        case kRecordHeaders:
        case kRecordResponse:
          Rule(upstream_headers_came, "frames follow headers");
          Record(Recorded::kResponse);
          break;
        case kRecordEnd:
          Record(Recorded::kEnd);
          RuleRecordedEnd();
          RuleCounted();
          break;
        case kSendHeaders:
          Rule(!headers_sending && !headers_sent, "headers are sent once");
          Rule(response_recorded && !response_is_frame, "headers are sent when they are recorded");
          headers_sending = headers_sent = true;
          break;
        case kWriteCaller:
          Rule(headers_sent && !caller_writing, "one write to the caller at a time, after the headers");
          Rule(response_recorded && response_is_frame, "a response frame is written when it is recorded");
          response_recorded = false;  // once
          ++responses_passed_on;
          RuleFrames();
          caller_writing = true;
          break;
        case kOpenUpstream:
        case kSendUnary:
          Rule(!upstream_opened && start_recorded, "the upstream is opened once, after the start is recorded");
          Rule(prepared, "the upstream is opened once it is prepared");
          Rule(action == kOpenUpstream || request_recorded, "a request is sent when it is recorded");
          upstream_opened = true;
          upstream_is_unary = action == kSendUnary;
          if (upstream_is_unary) ++requests_passed_on;
          RuleFrames();
          awaiting_headers = true;
          break;
        case kWriteUpstream:
        case kHalfCloseUpstream:
          Rule(upstream_opened && !upstream_is_unary && !released && !upstream_writing && !upstream_half_closed,
               "writes to the upstream go one at a time, before its release and the half-close");
          Rule(request_recorded && request_is_frame == (action == kWriteUpstream),
               "what the caller sent is written when it is recorded");
          request_recorded = false;  // once
          if (action == kWriteUpstream) ++requests_passed_on;
          RuleFrames();
          upstream_writing = true;
          if (action == kHalfCloseUpstream) upstream_half_closed = true;
          break;
        case kReadUpstream:
          Rule(upstream_opened && !released && !upstream_reading && upstream_headers_came,
               "one read of the upstream at a time, after its headers");
          upstream_reading = true;
          break;
        case kReadCaller:
          Rule(!caller_reading && !half_closed, "one read of the caller at a time");
          Rule(!call.ending(), "nothing more is read once the call ends");
          Rule(!stage.has_value(), "nothing is read while a stage is under way");
          caller_reading = caller_read_starting = true;
          break;
        case kDeferHeaders:
          headers_deferred = true;
          break;
        case kCancelUpstream:
          Rule(upstream_opened && !upstream_done, "only an open upstream is cancelled");
          Rule(!upstream_cancelled, "an upstream is cancelled once");
          upstream_cancelled = true;
          break;
        case kReleaseUpstream:
          Rule(upstream_opened && !upstream_is_unary && !released && !upstream_writing && !upstream_reading &&
                   !awaiting_headers,
               "the upstream is released once, when nothing is under way");
          released = true;
          break;
        case kCutCaller:
          Rule(headers_sending || caller_writing, "a caller is only cut over what is under way");
          Rule(end_recorded || recorder_broken, "no cut before the end is recorded");
          Rule(!caller_cut, "a caller is cut once");
          RuleTold();
          caller_cut = true;
          break;
        case kFinish:
          RuleTold();
          Rule(!headers_sending && !caller_writing && !caller_read_starting, "no finish over a pending operation");
          Rule(end_recorded || recorder_broken, "no finish before the end is recorded");
          Rule(!upstream_opened || upstream_done, "no finish before the upstream is done");
          Rule(!stage.has_value(), "no finish while a stage is under way");
          ++finished;
          break;
      }
    }
  }

  // Everything that could happen next.
  std::vector<std::function<void(World&)>> Next() const {
    std::vector<std::function<void(World&)>> next;
    auto add = [&next](const char* name, const std::function<Actions(World&)>& event) {
      next.push_back([name, event](World& w) { w.Do(name, event(w)); });
    };
    if (caller_read_starting) {
      add("read started", [](World& w) {
        w.caller_read_starting = false;
        return w.call.OnCallerReadStarted();
      });
    }
    AddStageEvents(add);
    AddCallerEvents(add);
    AddUpstreamEvents(add);
    AddRecorderEvents(add);
    if (may_refuse && !refused && finished == 0) {
      add("refuse", [](World& w) {
        w.refused = true;
        return w.call.Refuse(8, "enough");
      });
    }
    if (may_expire && !expired && finished == 0) {
      add("deadline", [](World& w) {
        w.expired = true;
        return w.call.OnDeadline();
      });
    }
    return next;
  }

  template <typename Add>
  void AddStageEvents(const Add& add) const {
    if (!stage.has_value()) return;
    // Also when it was to give up: what it waited for may just have come.
    add("stage over", [](World& w) {
      const Action stage = *w.stage;
      w.EndStage();
      if (stage == kAdmit) return w.call.OnAdmitted({w.arity, w.held});
      w.approved = true;
      if (stage == kAskApproval) return w.call.OnApproved();
      w.prepared = true;
      return w.call.OnUpstreamPrepared();
    });
    if (may_turn_away) {
      add("turned away", [](World& w) {
        w.EndStage();
        w.refused = true;
        return w.call.OnTurnedAway(7, "no");
      });
    }
    if (stop_asked) {
      add("given up", [](World& w) {
        w.EndStage();
        return w.call.OnGivenUp();
      });
    }
  }

  template <typename Add>
  void AddCallerEvents(const Add& add) const {
    bool gone = cancelled || finished > 0 || caller_cut;
    if (caller_reading && requests_left > 0 && !gone) {
      add("request frame", [](World& w) {
        w.caller_reading = w.request_recorded = false;
        w.request_is_frame = true;
        --w.requests_left;
        return w.call.OnCallerFrame(10);
      });
    }
    if (caller_reading && (requests_left == 0 || gone)) {
      add("half-close", [](World& w) {
        w.caller_reading = w.request_recorded = false;
        w.request_is_frame = false;
        w.half_closed = true;
        return w.call.OnCallerHalfClose();
      });
    }
    if (headers_sending) {
      add("headers sent", [](World& w) {
        w.headers_sending = false;
        return w.call.OnHeadersSent();
      });
    }
    if (caller_writing) {
      if (!gone && !caller_stands) {
        add("written to caller", [](World& w) {
          w.caller_writing = false;
          return w.call.OnCallerWriteDone(true);
        });
      }
      if (gone) {
        add("not written to caller", [](World& w) {
          w.caller_writing = false;
          return w.call.OnCallerWriteDone(false) | w.call.OnCallerLost(CallerLoss::kCancelled);
        });
      }
    }
    if (may_cancel && !gone) {
      add("cancel", [](World& w) {
        w.cancelled = true;
        return w.call.OnCallerLost(CallerLoss::kCancelled);
      });
    }
  }

  template <typename Add>
  void AddUpstreamEvents(const Add& add) const {
    if (headers_deferred) {
      add("headers due", [](World& w) {
        w.headers_deferred = false;
        return w.call.OnHeadersDue();
      });
    }
    if (awaiting_headers) {
      add("headers", [](World& w) {
        w.awaiting_headers = false;
        w.upstream_headers_came = true;
        w.response_recorded = w.response_is_frame = false;
        return w.call.OnUpstreamHeaders(true);
      });
      add("no headers", [](World& w) {
        w.awaiting_headers = false;
        w.upstream_over = true;
        return w.call.OnUpstreamHeaders(false);
      });
    }
    if (upstream_reading && responses_left > 0) {
      add("response frame", [](World& w) {
        w.upstream_reading = w.response_recorded = false;
        w.response_is_frame = true;
        --w.responses_left;
        return w.call.OnUpstreamFrame(20);
      });
    }
    if (upstream_reading) {
      add("response end", [](World& w) {
        w.upstream_reading = false;
        w.upstream_over = true;
        return w.call.OnUpstreamReadEnd();
      });
    }
    if (upstream_writing) {
      // Also after a cancel: what was done by then is told all the same.
      add("written upstream", [](World& w) {
        w.upstream_writing = false;
        return w.call.OnUpstreamWriteDone(true);
      });
      if (may_fail_writes || upstream_cancelled || upstream_over) {
        add("not written upstream", [](World& w) {
          w.upstream_writing = false;
          return w.call.OnUpstreamWriteDone(false);
        });
      }
    }
    bool quiet = !awaiting_headers && !upstream_reading && !upstream_writing;
    if (upstream_opened && !upstream_done && quiet && (upstream_is_unary || released)) {
      add("upstream done", [](World& w) {
        w.upstream_done = true;
        w.headers_deferred = false;
        bool response = w.upstream_is_unary && w.upstream_headers_came && !w.upstream_cancelled;
        UpstreamOutcome outcome = response ? OkWithResponse(20) : Ok();
        if (w.upstream_cancelled) {
          outcome.code = 1;
          outcome.from_upstream = false;
        }
        return w.call.OnUpstreamDone(outcome);
      });
    }
  }

  template <typename Add>
  void AddRecorderEvents(const Add& add) const {
    for (Recorded what : recording) {
      if (!recorder_broken) {
        add("recorded", [what](World& w) {
          w.recording.erase(what);
          if (what == Recorded::kStart || what == Recorded::kRequest) w.start_recorded = true;
          if (what == Recorded::kRequest) {
            w.request_recorded = true;
            w.requests_in_record += w.request_is_frame ? 1 : 0;
          }
          if (what == Recorded::kResponse) {
            w.response_recorded = true;
            w.responses_in_record += w.response_is_frame ? 1 : 0;
          }
          if (what == Recorded::kEnd) w.end_recorded = true;
          return w.call.OnRecorded(what, true);
        });
      }
      if (may_lack_space && !recorder_broken && !(what == Recorded::kEnd && bare_end)) {
        add("no space", [what](World& w) {
          w.recording.erase(what);
          w.lacked_space = true;
          if (what == Recorded::kEnd) {
            w.bare_end = true;
            return w.call.OnNoSpaceForEnd("the disk is full");
          }
          if (what == Recorded::kStart || (what == Recorded::kRequest && !w.start_recorded)) w.recorder_broken = true;
          return w.call.OnRecorded(what, false, "the disk is full");
        });
      }
      if (may_fail_recording || recorder_broken) {
        add("not recorded", [what](World& w) {
          w.recording.erase(what);
          w.recorder_broken = true;
          return w.call.OnRecorded(what, false, "the log is full");
        });
      }
    }
  }

  void CheckEnded() {
    Rule(finished == 1, "every call is finished once");
    Rule(end_recorded || recorder_broken, "every call that is recorded has its end in the record");
    Rule(!upstream_opened || upstream_done, "every upstream leg ends");
    Rule(recording.empty(), "no append is left open");
    Rule(!stage.has_value(), "no stage is left under way");
    Rule(!caller_reading && !caller_writing && !upstream_reading && !upstream_writing, "nothing is left under way");
  }
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_TESTS_GATEWAY_RELAY_CALL_WORLD_H_
