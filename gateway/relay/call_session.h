// One call's two sides, and everything that lives as long as the call.
#ifndef SALLYPORT_GATEWAY_RELAY_CALL_SESSION_H_
#define SALLYPORT_GATEWAY_RELAY_CALL_SESSION_H_

#include <grpcpp/client_context.h>
#include <grpcpp/generic/async_generic_service.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/listener/connections.h"
#include "gateway/listener/memory_budget.h"
#include "gateway/reflection/reflection_server.h"
#include "gateway/reflection/refresher.h"
#include "gateway/relay/call.h"
#include "gateway/relay/admission/call_facts.h"
#include "gateway/relay/timers/call_timer.h"
#include "gateway/relay/durability.h"
#include "gateway/relay/frames/frame_views.h"
#include "gateway/relay/timers/headers_timer.h"
#include "gateway/relay/legs/metadata_rules.h"
#include "gateway/relay/legs/misdescribed_methods.h"
#include "gateway/relay/open_calls.h"
#include "gateway/relay/reactors.h"
#include "gateway/relay/refusal.h"
#include "gateway/relay/recording/refusal_flood.h"
#include "gateway/relay/recording/refused_record.h"
#include "gateway/relay/rules.h"
#include "gateway/relay/legs/upstream_request.h"
#include "gateway/sessions.h"
#include "gateway/upstream/attempt_watch.h"
#include "gateway/upstream/method_catalog.h"
#include "recorder/recorder.h"

namespace sallyport::gateway {

// What all calls share; outlives them. Constant after construction.
struct RelayContext {
  recorder::Recorder* recorder = nullptr;  // null if durability is kOff
  Durability durability = Durability::kCommit;
  const CurrentRules* rules = nullptr;
  const MethodCatalog* catalog = nullptr;
  ReflectionRefresher* refresher = nullptr;
  ReflectionServer* reflection = nullptr;
  Sessions* sessions = nullptr;
  RefusalFlood* refusals = nullptr;
  HeadersTimer* headers_timer = nullptr;
  CallTimer* timer = nullptr;
  OpenCalls* open_calls = nullptr;
  MisdescribedMethods* misdescribed = nullptr;
  const recorder::RevealKey* reveal_key = nullptr;  // null if there is none
  size_t most_message_bytes = 0;                    // inflated
  const Connections* connections = nullptr;
  MemoryBudget* memory = nullptr;
  uint32_t calls_per_connection = 0;
  absl::Duration connection_life = absl::InfiniteDuration();  // after which calls over a connection are ended
  bool open_health = false;                                   // whoever connects may ask for health
};

// Turns what the reactors, the recorder and the timer report into events for a Call, and performs the actions that the
// Call decides on. Its methods run on gRPC's threads, the recorder's and the timer's, concurrently; the Call is only
// touched under the mutex, and no gRPC operation is started under it. Deletes itself after both reactors' OnDone.
class CallSession {
 public:
  // Begins to relay the call of `server`. Returns the reactor that gRPC is to drive.
  static grpc::ServerGenericBidiReactor* Start(const RelayContext& context, grpc::GenericCallbackServerContext* server);

  CallSession(const CallSession&) = delete;
  CallSession& operator=(const CallSession&) = delete;

  // From the caller's reactor.
  void OnCallerReadDone(bool ok);
  void OnCallerWriteDone(bool ok);
  void OnCallerHeadersSent();
  void OnCallerCancel();
  void OnCallerDone();

  // From the upstream's reactors.
  void OnUpstreamHeaders(bool ok);
  void OnUpstreamReadDone(bool ok);
  void OnUpstreamWriteDone(bool ok);
  // Of a method known to be unary: whether there is one.
  void OnUnaryResponse(bool ok);
  void OnUpstreamDone(const grpc::Status& status);

  // From the timers.
  void OnHeadersDue();
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
  bool TryAddReference() {
    int references = references_.load(std::memory_order_relaxed);
    while (references > 0) {
      if (references_.compare_exchange_weak(references, references + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  void DropReference() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  // Told by the recorder about an append of one direction.
  struct Waiter final : recorder::AppendWaiter {
    explicit Waiter(CallSession* owner) : session(owner) {}
    void OnAppended(absl::Status status) override;
    size_t Group() const override { return session->connection_; }
    CallSession* const session;
    Call::Recorded what = Call::Recorded::kStart;
  };

  // Between a call and what its admission waits for, which may come long after the call was given up, and the gateway
  // with it.
  struct AdmissionWait {
    explicit AdmissionWait(CallSession* waiting) : session(waiting) {}
    // The session, with a reference; null if it has let go.
    CallSession* Take();
    // True if nobody has taken the session, and now nobody will.
    bool LetGo();
    absl::Mutex mutex;
    CallSession* session ABSL_GUARDED_BY(mutex);
  };

  // A read of what a unary call's upstream must not send. A completion of the core library's.
  struct SecondRead : grpc_completion_queue_functor {
    SecondRead() : grpc_completion_queue_functor{} {}
    CallSession* session = nullptr;
    grpc_byte_buffer* message = nullptr;
    bool pending = false;  // under the session's mutex
  };

  CallSession(const RelayContext& context, grpc::GenericCallbackServerContext* server);
  ~CallSession();

  // Admission (call_session_admission.cc): whatever has to be found out and decided before the call goes on. Each step
  // goes on to the next, at once or from another thread.
  void Begin();
  Refusal Examine();
  // Which connection the call came over, and whether there is room for it there and in memory.
  Refusal TakePlace();
  // A call that needs no proof and no rule.
  bool IsOpenHealth() const;
  // What the call shows of its caller; views of its metadata and of `connection`.
  ShownProofs Proofs(std::shared_ptr<const grpc::AuthContext>& connection) const;
  void Authenticate();
  // While its address is over the limit of refused calls: only proofs that are known to hold count.
  void Recall(absl::Duration over_for);
  Refusal TooManyRefused(absl::Duration over_for);
  // The call ends before anybody was proved: finds out what may be recorded of it.
  void CountUnproved(RefusalReason reason, int code, std::string_view message);
  void OnAuthenticated(Authenticator::Result result);
  Refusal Decide();
  Refusal DecideOn(const policy::AccessRequest& request);
  void WithFacts(absl::FunctionRef<void(const CallFacts&)> use) const;
  Refusal ApplyMasks();
  // Those that apply to the call as far as it is known; null if none do.
  std::shared_ptr<const policy::CallMasks> FindMasks() const;
  Refusal Route();
  void LookUpMethod();
  // What is known of the method now. False if nothing is.
  bool UseDescriptors();
  void ObtainCredentials();
  void OnCredentials(absl::StatusOr<UpstreamCredentials::Shown> shown);
  void Admitted(Refusal refusal);
  // A place on a connection, deadlines and idleness (call_session_connection.cc).
  void ObtainStream();
  void OnStream(absl::StatusOr<StreamLease> lease);
  gpr_timespec UpstreamDeadline();
  Refusal RouteDeadlineRefusal() const;
  void WatchForIdleness();
  void NoteActivity();
  std::shared_ptr<AdmissionWait> BeginWait();
  // The caller may have gone, or the gateway begun to stop, before there was a wait that could be ended.
  void LookForEnd(AdmissionWait& wait);

  // Gives the Call an event under the lock, and performs what it decides.
  template <typename Event>
  void Handle(Event event) ABSL_LOCKS_EXCLUDED(mutex_);
  void Perform(Actions actions) ABSL_LOCKS_EXCLUDED(mutex_);
  Actions PerformOne(Action action) ABSL_LOCKS_EXCLUDED(mutex_);

  Actions RecordStart();
  Actions RecordRequest();
  Actions RecordHalfClose();
  Actions RecordHeaders();
  Actions RecordResponse();
  Actions RecordEnd();
  Actions Append(recorder::EntryBatch batch, Waiter& waiter, Call::Recorded what);
  // The recorder did not take it; `no_space` if that passes.
  Actions NotRecorded(Call::Recorded what, bool no_space) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddStart(recorder::EntryBatch& batch);
  void AddDecision(recorder::EntryBatch& batch);
  static void AddFrame(recorder::EntryBatch& batch, absl::Time time, recorder::Direction direction, uint64_t index,
                       FrameViews& views);

  void PrepareUpstream();
  void WriteUpstream();
  void HalfCloseUpstream();
  void ReleaseUpstream();
  void StartWritesDone();
  // What of the caller's metadata goes upstream.
  bool CallerSendsOn(std::string_view key) const;
  // Whether what the caller sends under this name stands where the gateway's own credentials do.
  bool IsCredential(std::string_view key) const;
  void ShowCredentials();
  // For a call that the gateway answers itself: what its caller may see.
  void ShowVisit();
  // What may go on to the caller and into the record: legal metadata, without what the upstream was shown in it.
  absl::Status CheckFromUpstream(const GrpcMetadata& metadata) const;
  absl::Status CheckUpstreamEnd(UpstreamOutcome& outcome);
  void OpenUpstream();
  void StartStream();
  void AddResponseHeaders();

  // Attempts (call_session_attempts.cc).
  void KeepRequest();
  void PerformStep(const UpstreamRequest::Step& step) ABSL_LOCKS_EXCLUDED(mutex_);
  // True if the upstream has not processed the call and is asked again.
  bool TryAgain(const grpc::Status& status);
  Actions TellWithheld() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Methods known to be unary (call_session_unary.cc).
  void SendUnary();
  void StartUnary();
  void ReadSecondResponse();
  // The end of the upstream's side is told only after that read's: true where there is one, which then goes on with it.
  bool WaitsForSecondRead(const grpc::Status& status);
  void OnSecondReadDone(bool message);
  void OnSecondResponse();

  // The end (call_session_end.cc).
  void RefuseOversized();
  void Finish();

  // What masks and content rules make of the frame in hand (call_session_masks.cc).
  Refusal LookInto(policy::MessageSide side);
  // Counts a message against the limits on bytes, as what it was inflated to if it was. How long to wait before the
  // next is read.
  absl::Duration ChargeFor(const RawFrame& frame, const FrameViews& views) const;
  // A pair as it looks in a view; nothing if it is left out. What it becomes is kept in `*masked`.
  std::optional<recorder::Metadatum> PairIn(policy::MaskView view, recorder::Metadatum pair, std::string* masked) const;
  std::string TextIn(policy::MaskView view, std::string text) const;
  // Pairs as the record shows them.
  struct RecordedMetadata {
    std::vector<recorder::Metadatum> pairs;
    std::deque<std::string> masked;  // what some of them are views of
  };
  RecordedMetadata ForRecord(const GrpcMetadata& metadata) const;
  // The caller's, and what else it chose itself.
  RecordedMetadata CallerForRecord() const;
  std::string SessionNameForRecord() const;
  std::string AuthorityForRecord() const;
  // The method is masked where it is none that a descriptor names, and so may be any text.
  std::string PathForRecord() const;
  void ForCaller(const GrpcMetadata& metadata, absl::FunctionRef<void(std::string, std::string)> add) const;

  // Reads on, unless a limit holds the next message back: then later.
  Actions ReadCaller();
  void ReadUpstream();
  void ReleasePauses();

  // Unless the call is over already.
  Actions RefuseWith(Refusal refusal) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // From now on, or as soon as the call is admitted.
  void EndWith(Refusal refusal) ABSL_LOCKS_EXCLUDED(mutex_);
  Refusal StoppingRefusal() const;
  // The call's id as people type it; empty where nothing is recorded.
  std::string CallText() const;
  // What goes into `grpc-status-details-bin` of a call that ends so.
  std::string DetailsOf(const Call::Outcome& outcome) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  CallerLoss LossNow() const;
  bool DeadlineReached() const;
  grpc::WriteOptions WriteOptionsFor(grpc_compression_algorithm encoding, bool compressed) const;

  // Constant once the call is admitted or refused.
  const RelayContext& context_;
  const std::shared_ptr<const Rules> rules_;
  grpc::GenericCallbackServerContext* const server_;
  const absl::Time start_;
  const std::chrono::steady_clock::time_point start_tick_;
  uint64_t id_ = 0;
  std::string peer_;  // the caller's own address, in gRPC's notation
  OpenCall place_;
  std::shared_ptr<const Connection> caller_connection_;  // null if it is not known
  size_t connection_ = 0;                                // the same for calls of one connection, and seldom for others
  std::string connection_name_;                          // likewise
  std::string session_name_;
  Sessions::Member session_;
  Caller identity_;
  bool proved_ = false;  // or nobody has to prove anything: identity_ is what it is
  // Of a call that ends before anybody was proved: whether that was counted, and whether that is all that is recorded.
  bool counted_ = false;
  bool only_counted_ = false;
  RefusedRecord refused_record_;
  std::string identity_name_;
  bool decided_ = false;  // what follows is recorded
  absl::Time decision_time_;
  recorder::DecisionOutcome decision_ = recorder::DecisionOutcome::kAllowed;
  std::string_view deciding_rule_;  // of the policy's texts, as are these
  std::vector<std::string_view> shadow_;
  policy::LimitTicket ticket_;
  const RouteRule* route_ = nullptr;
  Upstream* upstream_ = nullptr;
  ReflectionServer::Visit visit_;
  UpstreamCredentials::Shown credentials_;                    // null if there are none
  StreamLease lease_;                                         // until the upstream's side is over
  absl::Duration route_deadline_ = absl::InfiniteDuration();  // where that is sooner than the caller's
  absl::Duration idle_ = absl::InfiniteDuration();
  std::atomic<int64_t> last_activity_{0};           // nanoseconds since the Unix epoch, where idle_ is bounded
  std::shared_ptr<const policy::CallMasks> masks_;  // null if there are none
  bool trailers_withheld_ = false;                  // from caller and record
  std::shared_ptr<const policy::Descriptors> descriptors_;
  bool method_known_ = false;
  Path admitted_path_ = Path::kStream;
  grpc_compression_algorithm request_encoding_ = GRPC_COMPRESS_NONE;
  const bool write_ahead_;

  absl::Mutex mutex_;
  Call call_ ABSL_GUARDED_BY(mutex_);
  UpstreamRequest upstream_request_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> connection_ends_{false};       // with the call, by the gateway
  bool admitted_ ABSL_GUARDED_BY(mutex_) = false;  // or refused; before, the Call hears of nothing
  std::optional<CallerLoss> lost_before_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<AdmissionWait> wait_ ABSL_GUARDED_BY(mutex_);
  Refusal due_before_ ABSL_GUARDED_BY(mutex_);
  bool stopping_before_ ABSL_GUARDED_BY(mutex_) = false;
  bool response_came_ ABSL_GUARDED_BY(mutex_) = false;     // of a unary call, as are these:
  bool response_overdue_ ABSL_GUARDED_BY(mutex_) = false;  // its headers have been there for a while
  bool upstream_over_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> status_behind_read_ ABSL_GUARDED_BY(mutex_);
  Refusal refusal_ ABSL_GUARDED_BY(mutex_);  // the one that the call ended with, if it has details

  OpenCalls::Link open_;
  CallerReactor caller_;
  UpstreamStreamReactor upstream_stream_;
  UpstreamUnaryReactor upstream_unary_;
  // Of the first attempt and of those that followed; client_ is the last one's. They stay until the session ends, so
  // that the call can be taken back at any time.
  grpc::ClientContext first_client_;
  std::vector<std::unique_ptr<grpc::ClientContext>> more_clients_ ABSL_GUARDED_BY(mutex_);
  grpc::ClientContext* client_ = &first_client_;  // changes under the mutex, while no attempt is under way
  bool watched_ = false;                          // attempts are, for there may be more than one
  AttemptWatch attempt_;
  SecondRead second_read_;
  HeadersTimer::Slot headers_slot_;
  CallTimer::Slot expiry_slot_;
  CallTimer::Slot age_slot_;
  CallTimer::Slot cut_slot_;
  CallTimer::Slot idle_slot_;
  CallTimer::Slot request_pause_slot_;
  CallTimer::Slot response_pause_slot_;
  Waiter request_waiter_;
  Waiter response_waiter_;

  // The frame in hand of each direction: belongs to whoever performs that direction's action.
  RawFrame request_frame_;
  RawFrame response_frame_;
  FrameViews request_views_;
  FrameViews response_views_;
  bool request_compressed_ = false;
  bool response_compressed_ = false;
  absl::Duration request_pause_;  // before the next read
  absl::Duration response_pause_;
  uint64_t request_index_ = 0;  // of the frame in hand
  uint64_t response_index_ = 0;
  grpc_compression_algorithm response_encoding_ = GRPC_COMPRESS_NONE;
  bool headers_added_ = false;

  // The caller's side, and the upstream's once it is open.
  std::atomic<int> references_{1};
};

template <typename Event>
void CallSession::Handle(Event event) {
  Actions actions;
  {
    absl::MutexLock lock(&mutex_);
    actions = event();
  }
  Perform(actions);
}

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_CALL_SESSION_H_
