// What happens in one call, without knowing how: the state machine of the relay.
#ifndef SALLYPORT_GATEWAY_RELAY_CALL_H_
#define SALLYPORT_GATEWAY_RELAY_CALL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "recorder/format/entry_batch.h"

namespace sallyport::gateway {

using recorder::Arity;
using recorder::EndReason;

// What is to be done next for a call, in the order in which it is to be done.
enum class Action : uint32_t {
  // Stages. Each is reported when it is over, by the event that is named with it, by OnTurnedAway or by OnGivenUp.
  kAdmit = 1u << 0,            // find out who calls, where the call goes and whether it may: OnAdmitted
  kAskApproval = 1u << 1,      // of a held call, whose start and first frame are recorded: OnApproved
  kPrepareUpstream = 1u << 2,  // what it takes to open the upstream: OnUpstreamPrepared
  kStopWaiting = 1u << 3,      // whatever the stage under way waits for, the call does not need it any more

  kRecordStart = 1u << 4,
  kRecordRequest = 1u << 5,    // the request frame in hand (after the start, if that is not recorded yet)
  kRecordHalfClose = 1u << 6,  // (after the start, if that is not recorded yet)
  kRecordHeaders = 1u << 7,
  kRecordResponse = 1u << 8,  // the response frame in hand
  kRecordEnd = 1u << 9,       // and whatever of a unary call is not recorded yet
  kSendHeaders = 1u << 10,
  kWriteCaller = 1u << 11,    // the response frame in hand
  kOpenUpstream = 1u << 12,   // as a stream
  kSendUnary = 1u << 13,      // open the upstream with the request frame in hand as its whole request
  kWriteUpstream = 1u << 14,  // the request frame in hand
  kHalfCloseUpstream = 1u << 15,
  kReadUpstream = 1u << 16,
  kReadCaller = 1u << 17,    // then report OnCallerReadStarted
  kDeferHeaders = 1u << 18,  // report OnHeadersDue soon
  kCancelUpstream = 1u << 19,
  kReleaseUpstream = 1u << 20,  // nothing more will be started on the upstream side
  kCutCaller = 1u << 21,        // soon, while cut_due(), tell the caller outcome() over what is being written
  kFinish = 1u << 22,           // end the call towards the caller, as outcome() says; the last action
};

// A set of actions. A value.
class Actions {
 public:
  Actions() = default;
  Actions(Action action) : bits_(static_cast<uint32_t>(action)) {}  // NOLINT: a set of one
  bool empty() const { return bits_ == 0; }
  bool has(Action action) const { return (bits_ & static_cast<uint32_t>(action)) != 0; }
  Actions& operator|=(Actions other) {
    bits_ |= other.bits_;
    return *this;
  }
  friend Actions operator|(Actions a, Actions b) { return a |= b; }
  friend bool operator==(Actions a, Actions b) { return a.bits_ == b.bits_; }
  // Takes the first action out. Not for an empty set.
  Action TakeFirst() {
    uint32_t first = bits_ & -bits_;
    bits_ &= ~first;
    return static_cast<Action>(first);
  }

 private:
  uint32_t bits_ = 0;
};
inline Actions operator|(Action a, Action b) { return Actions(a) | Actions(b); }

// How the upstream leg ended.
struct UpstreamOutcome {
  int code = 0;
  std::string message;
  // The upstream said so itself, as opposed to the connection to it failing or this side giving up.
  bool from_upstream = true;
  // Of a unary call: a response frame came, of this many bytes.
  std::optional<uint64_t> response_bytes;
};

// Why the caller's side was cut: the caller took the call back, its deadline passed, its connection broke, or
// nothing came over it any more and the library closed it.
enum class CallerLoss { kCancelled, kDeadline, kConnection, kSilence };

// Decides. Events go in (what the stages, the two sides and the recorder did), actions come out: first the stages that
// admit the call, then both directions, each of which has at most one frame in hand and reads the next only when that
// has been recorded and written on. Knows neither gRPC nor time nor bytes. Not thread-safe: the owner serialises the
// events and performs the actions outside its lock.
class Call {
 public:
  // Which of the owner's appends to the log is reported.
  enum class Recorded { kStart, kRequest, kResponse, kEnd };

  // What the stages before the first frame found out.
  struct Admission {
    Arity arity = Arity::kStream;
    // The call waits for somebody's approval once its start and its first frame (or that there is none) are recorded.
    // Only then is the upstream prepared; otherwise that comes at once.
    bool held = false;
  };

  // The first event, but for a loss of the caller or a refusal.
  Actions Begin();
  // One stage is under way at a time, and ends in one of these ways; the end of the call waits for that.
  Actions OnAdmitted(Admission admission);
  Actions OnApproved();
  Actions OnUpstreamPrepared();
  // The stage has found a reason to refuse the call.
  Actions OnTurnedAway(int code, std::string message);
  // The stage was given up, because the call ends for another reason.
  Actions OnGivenUp();

  // The gateway ends the call with a status of its own, at any time. Ignored once the end is being recorded, and where
  // the caller was lost before: it is not told.
  Actions Refuse(int code, std::string message);

  Actions OnCallerFrame(uint64_t bytes);
  Actions OnCallerHalfClose();
  // A read that kReadCaller asked for has been handed to the library.
  Actions OnCallerReadStarted();
  // `ok` false: the caller is gone; OnCallerLost follows.
  Actions OnCallerWriteDone(bool ok);
  Actions OnHeadersSent();
  Actions OnCallerLost(CallerLoss loss);
  // Until then the caller was going to wait. Ends the call, unless how it ends is decided: nobody but this object says
  // how a call ends, so that what is told is what is recorded, however long recording it takes.
  Actions OnDeadline();

  // `present` is false where status and trailers came without headers.
  Actions OnUpstreamHeaders(bool present);
  Actions OnHeadersDue();
  Actions OnUpstreamFrame(uint64_t bytes);
  Actions OnUpstreamReadEnd();
  // A frame or the half-close was written, or could not be.
  Actions OnUpstreamWriteDone(bool ok);
  Actions OnUpstreamDone(UpstreamOutcome outcome);

  // `ok` false: the log cannot take it, with `error` to tell the caller. Where that was a frame, the call ends; where
  // it was the start, nothing of the call is recorded, its end neither.
  Actions OnRecorded(Recorded what, bool ok, const std::string& error = "");
  // There is no space for the end: it is recorded again, bare, which always finds space.
  Actions OnNoSpaceForEnd(const std::string& error);

  // What the caller is to be told and what the record says of it. Final once kRecordEnd has been given, but for a
  // failure to record the end itself, or want of space for it.
  struct Outcome {
    int code = 0;
    std::string message;
    EndReason reason = EndReason::kCompleted;
    // The upstream's status and trailers go to the caller as they are.
    bool upstream_trailers = false;
    // The caller had gone before: nothing of this can be handed to it.
    std::optional<CallerLoss> loss;
    // The gateway ends the call while something is still being written to the caller, who may not read.
    bool unread = false;
  };
  const Outcome& outcome() const { return outcome_; }
  // A caller that does not read still keeps the call from being finished.
  bool cut_due() const { return caller_cut_ && end_ == End::kRecorded && writing_to_caller(); }
  const std::optional<UpstreamOutcome>& upstream_outcome() const { return upstream_outcome_; }

  // Who calls, where the call goes and whether it may is still being found out.
  bool admitting() const { return stage_ == Stage::kAdmitting; }
  Arity arity() const { return arity_; }
  uint64_t request_frames() const { return request_frames_; }
  uint64_t response_frames() const { return response_frames_; }
  uint64_t request_bytes() const { return request_bytes_; }
  uint64_t response_bytes() const { return response_bytes_; }
  // Nothing more is passed on: the end is being recorded, or is as soon as what is under way is done.
  bool ending() const { return stopped(); }
  // The upstream sent response headers.
  bool headers_present() const { return headers_present_; }
  // The start / the response headers have been given to the recorder (or are about to, by the action that asked).
  bool start_recorded() const { return start_recorded_; }
  bool headers_recorded() const { return headers_recorded_; }
  // The end is to be recorded with nothing of any size: no response, no metadata.
  bool end_bare() const { return end_bare_; }

 private:
  enum class Stage { kNone, kAdmitting, kAsking, kPreparing };  // that is under way
  enum class Request { kNone, kReading, kRecording, kKept, kWriting, kClosed };
  enum class Response { kNone, kAwaitingHeaders, kRecording, kReading, kWriting, kEnded };
  enum class End { kOpen, kRecording, kRecorded, kFinished };
  enum class InHand { kFrame, kHalfClose, kHeaders };

  bool writing_to_caller() const { return headers_sending_ || response_ == Response::kWriting; }
  // Nothing more is to be passed on.
  bool stopped() const { return lost_.has_value() || refused_ || upstream_ended_ || end_ != End::kOpen; }
  // The gateway ends the call with outcome_, unless that is decided.
  Actions EndByGateway(int code, std::string message, EndReason reason);
  // What ends a call ends what it waits for.
  Actions StopWaiting();
  Actions Begin(Stage stage, Action action);
  // The request frame in hand, or the half-close, goes to the upstream.
  Actions PassRequestOn();
  Actions OpenUpstream();
  Actions CancelUpstream();
  Actions EndResponse();
  Actions MaybeRelease();
  Actions MaybeEnd();
  Actions MaybeFinish();
  void DecideOutcome();
  // The gateway ends the call because of its log, unless it is ending already and that can be recorded.
  Actions RefuseForLog(const std::string& error);
  // The frame in hand is not in the record.
  void ForgetFrame(Recorded what);

  Arity arity_ = Arity::kStream;
  Stage stage_ = Stage::kNone;
  bool stopping_stage_ = false;  // it was told to give up
  bool held_ = false;            // until it is approved
  Request request_ = Request::kNone;
  Response response_ = Response::kNone;
  End end_ = End::kOpen;
  InHand request_in_hand_ = InHand::kFrame;
  InHand response_in_hand_ = InHand::kFrame;

  bool start_recorded_ = false;
  bool unrecorded_ = false;
  bool end_bare_ = false;
  bool start_recording_ = false;
  bool headers_present_ = false;
  bool headers_recorded_ = false;
  bool headers_sending_ = false;
  bool caller_read_starting_ = false;
  bool upstream_open_ = false;
  bool upstream_ended_ = false;
  bool upstream_cancelled_ = false;
  bool upstream_released_ = false;
  bool refused_ = false;  // ended by the gateway: with a status of its own, or because the caller's deadline has passed
  bool caller_cut_ = false;
  std::optional<CallerLoss> lost_;
  std::optional<CallerLoss> lost_late_;  // while the end was being recorded, which then says nothing of it
  std::optional<UpstreamOutcome> upstream_outcome_;
  Outcome outcome_;

  uint64_t request_frames_ = 0;
  uint64_t response_frames_ = 0;
  uint64_t request_bytes_ = 0;
  uint64_t response_bytes_ = 0;
  uint64_t last_request_bytes_ = 0;  // of the frame that came last
  uint64_t last_response_bytes_ = 0;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_CALL_H_
