// A call as part of a trace.
#ifndef SALLYPORT_GATEWAY_RELAY_CALL_TRACE_H_
#define SALLYPORT_GATEWAY_RELAY_CALL_TRACE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gateway/operations/tracing/tracer.h"
#include "recorder/format/entry_batch.h"

namespace sallyport::gateway {

struct CallContext;
struct Stage;

// What a call is within its trace, and where its time goes. Made where calls are traced; of calls that are not sampled
// only the ids. What is reported to it comes from the call's threads. Lives as long as the call.
class CallTrace {
 public:
  // Null unless the call's rules say that calls are traced.
  static std::unique_ptr<CallTrace> Of(const CallContext& call);

  CallTrace(Tracer& tracer, const TraceContext& context);

  // The 16 bytes of the trace's id, where the gateway began it; empty if the caller did.
  std::string OwnTraceId() const;
  bool sampled() const { return sampled_; }

  // What the upstream is told, in place of what the caller said (IsTraceHeader).
  void ForUpstream(absl::FunctionRef<void(std::string_view name, std::string_view value)> write) const;

  // A list of stages begins; it outlives the call.
  void OnStages(absl::Span<const Stage> stages) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnUpstreamOpened() ABSL_LOCKS_EXCLUDED(mutex_);
  // `code`: what the upstream's side ended with.
  void OnUpstreamDone(int code) ABSL_LOCKS_EXCLUDED(mutex_);
  // The last one: spans are made of all of this, and go to the exporter. `code`: what the caller is told.
  void OnEnd(const CallContext& call, int code) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Span = opentelemetry::proto::trace::v1::Span;
  struct Run {
    absl::Span<const Stage> stages;
    absl::Time began;
  };

  Span NewSpan(const SpanId& id, const SpanId& parent, std::string name, absl::Time began, absl::Time over) const;
  Span CallSpan(const CallContext& call, const std::string& method, int code, absl::Time over) const;
  void AddStages(const CallContext& call, std::vector<Span>& spans) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddUpstream(const CallContext& call, const std::string& method, absl::Time over, std::vector<Span>& spans) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Tracer& tracer_;
  const TraceContext context_;
  const TraceId trace_;
  const bool sampled_;
  const SpanId call_span_;
  const SpanId upstream_span_;  // the one that the upstream takes for its parent

  absl::Mutex mutex_;
  std::vector<Run> runs_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Time> upstream_opened_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Time> upstream_done_ ABSL_GUARDED_BY(mutex_);
  int upstream_code_ ABSL_GUARDED_BY(mutex_) = 0;
};

// The call's method for those who are told of it besides the record: as the record shows it, and "(malformed)" for a
// path that is none.
std::string MethodForReports(const CallContext& call);

// The 16 bytes that the record has as the id of a call's trace, empty for none: what the caller says of it, as far as
// the record shows that (`metadata`), or else what the gateway began.
std::string TraceIdForRecord(const CallContext& call, recorder::MetadataView metadata);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_CALL_TRACE_H_
