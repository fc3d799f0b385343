// The relay's state machine, with scripted orders of events and with every order that the two sides, the recorder and
// the caller's patience can produce.
#include "gateway/relay/call.h"

#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace sallyport::gateway {
namespace {

using enum Action;
using Recorded = Call::Recorded;

UpstreamOutcome Ok() { return {}; }
UpstreamOutcome OkWithResponse(uint64_t bytes) {
  UpstreamOutcome outcome;
  outcome.response_bytes = bytes;
  return outcome;
}

// What the world around a Call looks like: which operations are under way. Plays gRPC, the recorder and the two peers,
// and checks that the Call keeps to the rules of all of them.
struct World {
  explicit World(Path path, int requests, int responses)
      : path(path), requests_left(requests), responses_left(responses) {}

  Call call;
  Path path;
  int requests_left;
  int responses_left;
  bool held = false;           // for an approval
  bool may_turn_away = false;  // any stage may find a reason to refuse the call
  bool may_cancel = false;
  bool may_fail_recording = false;
  bool may_lack_space = false;  // the log refuses a frame, or the end with what it holds, and takes what comes later
  bool may_fail_writes = false;
  bool may_refuse = false;     // a limit, an expiry, a rule, the gateway's own end: once, at any time
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
    Rule(recorded_outcome.upstream_trailers == (reason == EndReason::kCompleted), "trailers are the upstream's");
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
    return next;
  }

  template <typename Add>
  void AddStageEvents(const Add& add) const {
    if (!stage.has_value()) return;
    // Also when it was to give up: what it waited for may just have come.
    add("stage over", [](World& w) {
      const Action stage = *w.stage;
      w.EndStage();
      if (stage == kAdmit) return w.call.OnAdmitted({w.path, w.held});
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

// Tries every order, depth first.
size_t Explore(const World& world) {
  auto next = world.Next();
  if (next.empty()) {
    World end = world;
    end.CheckEnded();
    return 1;
  }
  size_t orders = 0;
  for (const auto& step : next) {
    World after = world;
    step(after);
    orders += Explore(after);
  }
  return orders;
}

// A call whose stages are behind it. What is to be done then.
Actions Admitted(Call& call, Path path) {
  call.Begin();
  call.OnAdmitted({path, false});
  return call.OnUpstreamPrepared();
}

World Begun(World world) {
  world.Do("begin", world.call.Begin());
  return world;
}

void Wander(World world, uint32_t seed) {
  std::mt19937 random(seed);
  for (auto next = world.Next(); !next.empty(); next = world.Next()) next[random() % next.size()](world);
  world.CheckEnded();
}

}  // namespace

TEST_CASE("a caller that is lost during admission ends the call, and what admission then says starts nothing") {
  const std::vector<std::function<Actions(Call&)>> ends = {
      [](Call& call) {
        return call.OnAdmitted({Path::kUnary, false});
      },
      [](Call& call) {
        return call.OnAdmitted({Path::kStream, true});
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
  CHECK(call.OnAdmitted({Path::kStream, true}) == kReadCaller);
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
  call.OnAdmitted({Path::kUnary, true});
  call.OnCallerReadStarted();
  call.OnCallerFrame(5);
  CHECK(call.OnRecorded(Recorded::kRequest, true) == kAskApproval);
  CHECK(call.OnTurnedAway(7, "nobody said yes") == kRecordEnd);
  CHECK(call.request_frames() == 1);
  CHECK(call.OnRecorded(Recorded::kEnd, true) == kFinish);
  CHECK(call.outcome().code == 7);
}

TEST_CASE("a call that any stage may turn away, and that may be given up at any time, ends well in every order") {
  World world(GENERATE(Path::kUnary, Path::kStream), GENERATE(0, 1), 0);
  world.held = GENERATE(false, true);
  world.may_turn_away = true;
  world.may_refuse = GENERATE(false, true);
  world.may_cancel = GENERATE(false, true);
  CHECK(Explore(Begun(world)) > 10);
}

TEST_CASE("a stream of one frame each way ends well in every order of events") {
  World world = Begun(World(Path::kStream, 1, 1));
  CHECK(Explore(world) > 100);
}

TEST_CASE("a unary call ends well in every order of events, a cancel at any time included") {
  World world(Path::kUnary, 1, 1);
  world.may_cancel = true;
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("an empty stream that may be cancelled ends well in every order of events") {
  World world(Path::kStream, 0, 0);
  world.may_cancel = true;
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a unary call whose recording may fail at any append ends well in every order of events") {
  World world(Path::kUnary, 1, 1);
  world.may_fail_recording = true;
  CHECK(Explore(Begun(world)) > 10);
}

TEST_CASE("a call whose log may lack space at any append ends well in every order of events") {
  World world(GENERATE(Path::kUnary, Path::kStream), 1, 1);
  world.may_lack_space = true;
  CHECK(Explore(Begun(world)) > 10);
}

TEST_CASE("a unary call that the gateway may end at any time ends well in every order of events, cancels included") {
  World world(Path::kUnary, 1, 1);
  world.may_refuse = true;
  world.may_cancel = GENERATE(false, true);
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a stream that the gateway may end at any time ends well in every order of events") {
  World world(Path::kStream, 0, 1);
  world.may_refuse = true;
  world.may_cancel = GENERATE(false, true);
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a caller that does not read is told an end that the gateway makes, in every order of events") {
  World world(Path::kStream, 0, 1);
  world.may_refuse = true;
  world.caller_stands = true;
  CHECK(Explore(Begun(world)) > 100);
}

TEST_CASE("a method known to be unary that is called without a message ends well in every order of events") {
  World world(Path::kUnary, 0, 1);
  CHECK(Explore(Begun(world)) > 10);
}

TEST_CASE(
    "streams with cancels, ends of the gateway's, failing writes and a failing log end well in 300,000 random orders") {
  for (uint32_t seed = 0; seed < 300'000; ++seed) {
    World world(seed % 3 == 0 ? Path::kUnary : Path::kStream, static_cast<int>(seed % 5),
                static_cast<int>(seed / 5 % 5));
    world.may_cancel = seed % 2 == 0;
    world.may_fail_recording = seed % 7 == 0;
    world.may_lack_space = seed % 13 < 3;
    world.may_fail_writes = seed % 4 == 0;
    world.may_refuse = seed % 3 != 0 || seed % 5 == 0;
    world.caller_stands = world.may_refuse && seed % 11 == 0;
    world.held = seed % 17 < 5;
    world.may_turn_away = seed % 19 < 3;
    Wander(Begun(world), seed);
  }
}

TEST_CASE("the next frame is read only when the last one is recorded and written on") {
  Call call;
  CHECK(Admitted(call, Path::kStream) == kRecordStart);
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
  CHECK(Admitted(call, Path::kUnary) == kReadCaller);
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
  Admitted(call, Path::kUnary);
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
  Admitted(call, Path::kStream);
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
  Admitted(call, Path::kUnary);
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

TEST_CASE("an upstream that dies is told from one that answers with an error") {
  for (bool from_upstream : {true, false}) {
    Call call;
    Admitted(call, Path::kUnary);
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
  Admitted(call, Path::kStream);
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
  Admitted(call, Path::kStream);
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
  Admitted(call, Path::kStream);
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
  Admitted(call, Path::kUnary);
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
  Admitted(call, Path::kStream);
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
  Admitted(stream, Path::kStream);
  CHECK(stream.OnRecorded(Recorded::kStart, false, "the disk is full") == kFinish);
  CHECK(stream.outcome().message == "the disk is full");
  Call unary;
  Admitted(unary, Path::kUnary);
  unary.OnCallerReadStarted();
  unary.OnCallerFrame(5);
  CHECK(unary.OnRecorded(Recorded::kRequest, false, "the disk is full") == kFinish);
  CHECK(unary.outcome().code == 14);
}

TEST_CASE("an end that is recorded again says so if the caller has gone since") {
  Call call;
  Admitted(call, Path::kUnary);
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
  Admitted(call, Path::kUnary);
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

}  // namespace sallyport::gateway
