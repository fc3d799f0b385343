// One call on its way through the gateway.
#ifndef SALLYPORT_GATEWAY_RELAY_RELAYED_CALL_H_
#define SALLYPORT_GATEWAY_RELAY_RELAYED_CALL_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/relay/admission/stage.h"
#include "gateway/relay/call.h"
#include "gateway/relay/call_context.h"
#include "gateway/relay/call_meter.h"
#include "gateway/relay/frames/frame_in_hand.h"
#include "gateway/relay/legs/caller_leg.h"
#include "gateway/relay/legs/upstream_leg.h"
#include "gateway/relay/open_calls.h"
#include "gateway/relay/recording/call_recording.h"
#include "gateway/relay/refusal.h"
#include "gateway/relay/relay_context.h"
#include "gateway/relay/timers/call_timer.h"
#include "gateway/relay/timers/headers_timer.h"

namespace sallyport::gateway {

// Owns what lives as long as a call. Turns what its stages, its two legs, the recorder and the timers report into
// events for a Call, and performs the actions that the Call decides on. Its methods run on all their threads,
// concurrently; the Call is only touched under the mutex, and nothing is appended and no gRPC operation started under
// it. Has its leg to the caller destroy it once nobody refers to it any more.
class RelayedCall {
 public:
  // `context` and `caller` outlive it.
  RelayedCall(const RelayContext& context, CallerLeg* caller);
  ~RelayedCall();
  RelayedCall(const RelayedCall&) = delete;
  RelayedCall& operator=(const RelayedCall&) = delete;

  // Once, before anything else.
  void Begin();

  // From the caller's leg.
  void OnCallerReadDone(bool ok);
  // The read failed because the caller is gone.
  void OnCallerReadLost();
  void OnCallerWriteDone(bool ok);
  void OnCallerHeadersSent();
  void OnCallerCancel();
  void OnCallerDone();

  // From the upstream's leg.
  void OnUpstreamHeaders(const UpstreamLeg::Headers& headers);
  void OnUpstreamReadDone(bool ok);
  void OnUpstreamWritten(bool ok);
  // A method that its descriptor calls unary was answered with a second message.
  void OnSecondResponse();
  // The last one; gives the leg's reference back.
  void OnUpstreamDone(UpstreamLeg::End end);

  // From the recording: how an append came out. Gives its reference back.
  void OnAppended(Call::Recorded what, recorder::Appended appended);

  // From the timers.
  void OnHeadersDue();
  void OnDeadline();
  void OnExpired();
  void OnConnectionAged();
  void OnCutDue();
  void OnRequestPauseOver();
  void OnResponsePauseOver();
  void OnIdle();

  // From OpenCalls: the gateway stops, and tells the caller before the library cuts the call.
  void OnGatewayStopping();

  void AddReference() { references_.fetch_add(1, std::memory_order_relaxed); }
  // False if the last reference has been dropped.
  bool TryAddReference();
  void DropReference() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) caller_->Destroy();
  }
  // One that is not the last, for the caller's side is still open.
  void DropSpareReference() { references_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  // One thing that happens to a call at some time, each at most once at a time.
  struct Timers {
    HeadersTimer::Slot headers;
    CallTimer::Slot deadline;
    CallTimer::Slot expiry;
    CallTimer::Slot age;
    CallTimer::Slot cut;
    CallTimer::Slot idle;
    CallTimer::Slot request_pause;
    CallTimer::Slot response_pause;
  };

  // Gives the Call an event under the lock, and performs what it decides.
  template <typename Event>
  void Handle(Event event) ABSL_LOCKS_EXCLUDED(mutex_);
  void Perform(Actions actions) ABSL_LOCKS_EXCLUDED(mutex_);
  Actions PerformOne(Action action) ABSL_LOCKS_EXCLUDED(mutex_);

  // Runs a list of stages; what is to be done once they are over. Where they wait, the call is not this thread's any
  // more when this returns.
  Actions RunStages(absl::Span<const Stage> stages);
  Actions AfterStages(const StageRunner::Outcome& outcome) ABSL_LOCKS_EXCLUDED(mutex_);
  void ArmTimers(bool admission);
  void ArmDeadline();

  // What an append said at once, or later.
  Actions Appended(Call::Recorded what, recorder::Appended appended) ABSL_LOCKS_EXCLUDED(mutex_);
  Actions RecordRequest();
  Actions RecordHalfClose();
  Actions RecordEnd();

  // Reads on, unless a limit holds the next message back: then later.
  Actions ReadCaller();
  void ReadUpstream();
  // True if the next read of this direction waits for its pause to be over.
  bool Pauses(FrameInHand& frame, CallTimer::Slot* slot, CallTimer::Due due);
  void ReleasePauses();

  void AddResponseHeaders();
  void Finish();
  // How the call ended, to whom that is told beside caller and record (relayed_call_reports.cc).
  void ReportEnd() ABSL_LOCKS_EXCLUDED(mutex_);
  void RefuseOversized();
  // Unless the call is over already.
  Actions RefuseWith(Refusal refusal) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndWith(Refusal refusal) ABSL_LOCKS_EXCLUDED(mutex_);
  // What goes into `grpc-status-details-bin` of a call that ends so.
  std::string DetailsOf(const Call::Outcome& outcome) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CallerLoss LossNow() const;
  void NoteActivity();
  bool Ending() ABSL_LOCKS_EXCLUDED(mutex_);

  const RelayContext& shared_;
  CallContext context_;  // stages write it; everybody else reads what is behind them
  CallerLeg* const caller_;
  UpstreamLeg upstream_;
  StageRunner stages_;
  CallRecording recording_;
  CallMeter meter_;

  absl::Mutex mutex_;
  Call call_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;  // the gateway is, which is told once the call is admitted
  Refusal refusal_ ABSL_GUARDED_BY(mutex_);        // the one that the call ended with, if it has details

  FrameInHand request_{policy::MessageSide::kRequest};
  FrameInHand response_{policy::MessageSide::kResponse};
  bool headers_added_ = false;
  bool trailers_withheld_ = false;  // from caller and record

  absl::Time deadline_ = absl::InfiniteFuture();  // the caller's, by SteadyNow(); constant once the call is admitted
  OpenCalls::Link open_;
  Timers timers_;
  std::atomic<int64_t> last_activity_{0};     // nanoseconds since the Unix epoch, where the route bounds idleness
  std::atomic<bool> connection_ends_{false};  // with the call, by the gateway
  std::atomic<int> references_{1};            // the caller's side, the upstream's once it is open, and whoever waits
};

template <typename Event>
void RelayedCall::Handle(Event event) {
  Actions actions;
  {
    absl::MutexLock lock(&mutex_);
    actions = event();
  }
  Perform(actions);
}

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_RELAYED_CALL_H_
