// The stages that a call goes through before it is relayed.
#ifndef SALLYPORT_GATEWAY_RELAY_ADMISSION_STAGE_H_
#define SALLYPORT_GATEWAY_RELAY_ADMISSION_STAGE_H_

#include <memory>
#include <optional>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "gateway/relay/call_context.h"
#include "gateway/relay/refusal.h"
#include "gateway/relay/relay_context.h"

namespace sallyport::gateway {

// What a stage waits for. Three may come to it, each on a thread of its own: who began the wait, what was waited for,
// and who gives it up because the call ends for another reason. Exactly one of them goes on with the call. Shared,
// because what was waited for may come long after the call.
class StageWait {
 public:
  // The rest of the stage. An OK refusal: the next stage follows.
  using Rest = absl::AnyInvocable<Refusal() &&>;
  // Goes on with the call; with no rest if the wait was given up.
  using GoOn = absl::AnyInvocable<void(std::optional<Rest>) &&>;

  explicit StageWait(GoOn go_on) : go_on_(std::move(go_on)) {}

  // What was waited for is there. Goes on with the call on this thread, unless the wait was given up (then `rest` is
  // dropped) or is still being begun.
  void Resume(Rest rest);
  // Goes on with the call on this thread, unless somebody else does.
  void GiveUp();
  // From who began the wait, once it has. False: it waits, and the call belongs to others now. True: it is over
  // already, and who began it goes on, with `*rest`.
  bool OverAtOnce(std::optional<Rest>* rest);

 private:
  void End(std::optional<Rest> rest);

  absl::Mutex mutex_;
  bool beginning_ ABSL_GUARDED_BY(mutex_) = true;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Rest> rest_ ABSL_GUARDED_BY(mutex_);
  GoOn go_on_ ABSL_GUARDED_BY(mutex_);
};

// Makes the wait of a stage that has to wait; at most one each time the stage runs.
using BeginWait = absl::FunctionRef<std::shared_ptr<StageWait>()>;

// One step. Shared by all calls and stateless: what it finds out goes into its part of the context.
struct Stage {
  std::string_view name;
  // Nothing: it waits, and the wait that it began is resumed with the rest. A refusal: the call goes no further. OK:
  // the next stage follows.
  std::optional<Refusal> (*run)(const RelayContext& shared, CallContext& call, BeginWait begin_wait);
};

// Runs a call's stages in order, and waits where they do. The call outlives it, and does not end while stages run.
class StageRunner {
 public:
  // How a run came out: every stage is over, or the last one said why the call goes no further, or it was given up.
  struct Outcome {
    bool given_up = false;
    Refusal refusal;
  };
  // Told the outcome of a run that had to wait, on whatever thread it came to its end.
  using Over = absl::AnyInvocable<void(Outcome)>;

  StageRunner(const RelayContext& shared, CallContext& call, Over over)
      : shared_(shared), call_(call), over_(std::move(over)) {}
  StageRunner(const StageRunner&) = delete;
  StageRunner& operator=(const StageRunner&) = delete;

  // One run at a time. `stages` outlives it. Nothing: it waits, and `over` is told; until then this may only be asked
  // to stop.
  std::optional<Outcome> Run(absl::Span<const Stage> stages);
  // Those of the last run.
  absl::Span<const Stage> stages() const { return stages_; }
  // Nothing is waited for any more, in this run and in later ones: gives up what is being waited for, and then tells
  // `over` on this thread. Thread-safe.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::optional<Outcome> GoOn();
  std::shared_ptr<StageWait> BeginWait() ABSL_LOCKS_EXCLUDED(mutex_);
  // What a stage said, at once or after its wait.
  std::optional<Outcome> Took(const Refusal& refusal);

  const RelayContext& shared_;
  CallContext& call_;
  Over over_;
  // Of whoever runs the stages.
  absl::Span<const Stage> stages_;
  size_t next_ = 0;
  size_t place_ = 0;  // of the next one in stage_took
  absl::Time began_;  // the stage under way
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<StageWait> wait_ ABSL_GUARDED_BY(mutex_);  // that was begun last
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_ADMISSION_STAGE_H_
