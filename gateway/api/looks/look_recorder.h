// Looks at the record, as the record has them.
#ifndef SALLYPORT_GATEWAY_API_LOOKS_LOOK_RECORDER_H_
#define SALLYPORT_GATEWAY_API_LOOKS_LOOK_RECORDER_H_

#include <grpcpp/support/status.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/api/api_call.h"
#include "gateway/api/looks/shown_calls.h"
#include "gateway/relay/recording/refusal_flood.h"
#include "recorder/recorder.h"

namespace sallyport::gateway {

class LookInHand;

// Records each call of the services as a call in the same log: its start, what was decided, the request, what was
// shown, and its end. What was answered is not recorded: `record_rule` says kLookRule, and the end counts no response
// frames. Nothing is shown that is not on disk before, but by calls that last. Blocks; thread-safe; outlives the calls.
class LookRecorder {
 public:
  // Both outlive it. `descriptors`: the version of the set that the services' requests can be read with.
  LookRecorder(recorder::Recorder* recorder, RefusalFlood* refusals, std::string descriptors)
      : recorder_(recorder), refusals_(refusals), descriptors_(std::move(descriptors)) {}

  // A whole look, of which nothing has been shown yet; `status` is what the caller is going to be told. UNAVAILABLE if
  // it cannot be recorded: then nothing may be shown.
  absl::Status Record(const ApiCall& call, const grpc::Status& status, ShownCalls& shown);

  // The beginning of one that lasts, with what is known that it shows. UNAVAILABLE likewise.
  absl::StatusOr<std::unique_ptr<LookInHand>> Begin(const ApiCall& call, ShownCalls& shown);

  // One that was refused, before anything was looked at; bounded as other refused calls are, and so not always on its
  // own. Does not wait for the disk.
  struct Refused {
    recorder::DecisionOutcome outcome = recorder::DecisionOutcome::kUnauthenticated;
    RefusalReason reason = RefusalReason::kUnauthenticated;
    const grpc::Status* status = nullptr;
  };
  void RecordRefused(const ApiCall& call, const Refused& refused);

 private:
  friend class LookInHand;

  void AddStart(recorder::EntryBatch& batch, const ApiCall& call) const;
  void AddRequest(recorder::EntryBatch& batch, const ApiCall& call) const;
  void AddEnd(recorder::EntryBatch& batch, const ApiCall& call, const grpc::Status& status) const;
  // Returns when it is on disk, or taken.
  absl::Status Append(recorder::EntryBatch batch, recorder::Until until) const;

  recorder::Recorder* const recorder_;
  RefusalFlood* const refusals_;
  const std::string descriptors_;
};

// A look that lasts, while it does. What it has shown is recorded at most every kInterval while there is something to
// be listed, and when it ends. Thread-safe.
class LookInHand {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(10);

  LookInHand(const LookRecorder* recorder, const ApiCall* call, uint64_t id, absl::Time now)
      : recorder_(recorder), call_(call), id_(id), kept_(now) {}

  void Show(std::string_view id, std::string_view method) ABSL_LOCKS_EXCLUDED(mutex_);
  // Records what was shown, if it is time; does not wait for the disk. UNAVAILABLE if that cannot be: nothing more may
  // be shown.
  absl::Status Keep(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);
  // Once, at last.
  absl::Status End(const grpc::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const LookRecorder* const recorder_;
  const ApiCall* const call_;
  const uint64_t id_;
  absl::Mutex writing_ ABSL_ACQUIRED_BEFORE(mutex_);  // for the order of entries
  bool ended_ ABSL_GUARDED_BY(writing_) = false;
  absl::Mutex mutex_;
  ShownCalls shown_ ABSL_GUARDED_BY(mutex_);
  absl::Time kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_LOOKS_LOOK_RECORDER_H_
