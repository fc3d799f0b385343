#include "gateway/relay/call_trace.h"

#include <grpcpp/support/status.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/relay/admission/stage.h"
#include "gateway/relay/call_context.h"
#include "gateway/relay/frames/metadata_views.h"
#include "gateway/relay/legs/metadata_rules.h"

namespace sallyport::gateway {
namespace {

namespace otlp = opentelemetry::proto;
using otlp::trace::v1::Span;

// A trace's `tracestate` beyond this is left out of spans.
constexpr size_t kMostState = 512;

void AddText(Span& span, const char* key, std::string_view value) {
  otlp::common::v1::KeyValue& attribute = *span.add_attributes();
  attribute.set_key(key);
  attribute.mutable_value()->set_string_value(recorder::ValidText(value));
}

void AddNumber(Span& span, const char* key, int64_t value) {
  otlp::common::v1::KeyValue& attribute = *span.add_attributes();
  attribute.set_key(key);
  attribute.mutable_value()->set_int_value(value);
}

// As the conventions for RPC have it: what is the caller's own fault is no error of the server's.
bool IsServersFault(int code) {
  switch (code) {
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DATA_LOSS:
      return true;
    default:
      return false;
  }
}

void AddMethod(Span& span, const std::string& method, int code) {
  AddText(span, "rpc.system", "grpc");
  const size_t slash = method.rfind('/');
  if (slash != std::string::npos) {
    AddText(span, "rpc.service", std::string_view(method).substr(0, slash));
    AddText(span, "rpc.method", std::string_view(method).substr(slash + 1));
  }
  AddNumber(span, "rpc.grpc.status_code", code);
}

void SetError(Span& span, bool error) {
  // Without what was said: it may be secret.
  if (error) span.mutable_status()->set_code(otlp::trace::v1::Status::STATUS_CODE_ERROR);
}

}  // namespace

std::unique_ptr<CallTrace> CallTrace::Of(const CallContext& call) {
  Tracer* const tracer = call.rules == nullptr ? nullptr : call.rules->tracer.get();
  if (tracer == nullptr) return nullptr;
  TraceHeaders headers;
  for (const auto& [name, value] : call.caller.metadata()) headers.Add(View(name), View(value));
  return std::make_unique<CallTrace>(*tracer, headers.Read());
}

CallTrace::CallTrace(Tracer& tracer, const TraceContext& context)
    : tracer_(tracer),
      context_(context),
      trace_(context.trace_id.has_value() ? *context.trace_id : NewTraceId()),
      sampled_(tracer.Samples(context, trace_)),
      call_span_(NewSpanId()),
      upstream_span_(NewSpanId()) {}

std::string CallTrace::OwnTraceId() const { return context_.trace_id.has_value() ? "" : Bytes(trace_); }

void CallTrace::ForUpstream(absl::FunctionRef<void(std::string_view name, std::string_view value)> write) const {
  WriteTraceHeaders(context_, trace_, upstream_span_, sampled_, write);
}

void CallTrace::OnStages(absl::Span<const Stage> stages) {
  if (!sampled_) return;
  absl::MutexLock lock(&mutex_);
  runs_.push_back({stages, absl::Now()});
}

void CallTrace::OnUpstreamOpened() {
  if (!sampled_) return;
  absl::MutexLock lock(&mutex_);
  upstream_opened_ = absl::Now();
}

void CallTrace::OnUpstreamDone(int code) {
  if (!sampled_) return;
  absl::MutexLock lock(&mutex_);
  upstream_done_ = absl::Now();
  upstream_code_ = code;
}

void CallTrace::OnEnd(const CallContext& call, int code) {
  if (!sampled_) return;
  const std::string method = MethodForReports(call);
  const absl::Time over = call.start + call.Elapsed();
  std::vector<Span> spans;
  spans.push_back(CallSpan(call, method, code, over));
  {
    absl::MutexLock lock(&mutex_);
    AddStages(call, spans);
    AddUpstream(call, method, over, spans);
  }
  tracer_.exporter().Add(std::move(spans));
}

Span CallTrace::NewSpan(const SpanId& id, const SpanId& parent, std::string name, absl::Time began,
                        absl::Time over) const {
  Span span;
  span.set_trace_id(Bytes(trace_));
  span.set_span_id(Bytes(id));
  if (parent != SpanId()) span.set_parent_span_id(Bytes(parent));
  if (context_.state.size() <= kMostState) span.set_trace_state(context_.state);
  span.set_name(std::move(name));
  span.set_start_time_unix_nano(static_cast<uint64_t>(absl::ToUnixNanos(began)));
  span.set_end_time_unix_nano(static_cast<uint64_t>(absl::ToUnixNanos(std::max(began, over))));
  return span;
}

Span CallTrace::CallSpan(const CallContext& call, const std::string& method, int code, absl::Time over) const {
  Span span = NewSpan(call_span_, context_.parent, recorder::ValidText(method), call.start, over);
  span.set_kind(Span::SPAN_KIND_SERVER);
  AddMethod(span, method, code);
  if (const std::string id = call.IdText(); !id.empty()) AddText(span, "sallyport.call_id", id);
  if (call.upstream() != nullptr) AddText(span, "sallyport.upstream", call.upstream()->name());
  if (call.proof.proved && !call.proof.caller.anonymous()) {
    const ProvedIdentity& identity = call.proof.caller.named();
    AddText(span, "sallyport.identity.issuer", identity.issuer);
    AddText(span, "sallyport.identity.subject", identity.subject);
  }
  SetError(span, IsServersFault(code));
  return span;
}

void CallTrace::AddStages(const CallContext& call, std::vector<Span>& spans) const {
  size_t place = 0;
  for (const Run& run : runs_) {
    absl::Time began = run.began;
    for (const Stage& stage : run.stages) {
      if (place == call.stage_took.size()) return;
      const absl::Duration took = call.stage_took[place];
      // It did not run to its end, and none did after it.
      if (took == absl::ZeroDuration()) return;
      ++place;
      Span span = NewSpan(NewSpanId(), call_span_, std::string(stage.name), began, began + took);
      span.set_kind(Span::SPAN_KIND_INTERNAL);
      spans.push_back(std::move(span));
      began += took;
    }
  }
}

void CallTrace::AddUpstream(const CallContext& call, const std::string& method, absl::Time over,
                            std::vector<Span>& spans) const {
  if (!upstream_opened_.has_value()) return;
  Span span = NewSpan(upstream_span_, call_span_, recorder::ValidText(method), *upstream_opened_,
                      upstream_done_.value_or(over));
  span.set_kind(Span::SPAN_KIND_CLIENT);
  // Of a call that ended before its upstream's side, nobody waits for that.
  const int code = upstream_done_.has_value() ? upstream_code_ : int{grpc::StatusCode::CANCELLED};
  AddMethod(span, method, code);
  if (call.upstream() != nullptr) AddText(span, "sallyport.upstream", call.upstream()->name());
  SetError(span, code != grpc::StatusCode::OK);
  spans.push_back(std::move(span));
}

std::string MethodForReports(const CallContext& call) {
  if (!CheckPath(call.caller.path()).ok()) return "(malformed)";
  const std::string path = PathForRecord(call);
  return path.substr(path.starts_with('/') ? 1 : 0);
}

std::string TraceIdForRecord(const CallContext& call, recorder::MetadataView metadata) {
  if (call.trace != nullptr) {
    if (std::string own = call.trace->OwnTraceId(); !own.empty()) return own;
  }
  TraceHeaders headers;
  for (const recorder::Metadatum& pair : metadata) {
    if (!pair.credential) headers.Add(pair.key, pair.value);
  }
  const TraceContext context = headers.Read();
  return context.trace_id.has_value() ? Bytes(*context.trace_id) : "";
}

}  // namespace sallyport::gateway
