// Which calls are traced, and under what ids.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_TRACING_TRACER_H_
#define SALLYPORT_GATEWAY_OPERATIONS_TRACING_TRACER_H_

#include <memory>
#include <vector>

#include "gateway/operations/tracing/span_exporter.h"
#include "gateway/operations/tracing/trace_context.h"
#include "gateway/operations/tracing/tracing_options.h"

namespace sallyport::gateway {

// Ids that nobody else has. Not secrets. Thread-safe.
TraceId NewTraceId();
SpanId NewSpanId();

// Whether a trace is one of the share `sample` (0 to 1) of all. The id decides, by its last 7 bytes, so that everybody
// who asks for a share at least as large says yes too.
bool IsSampled(const TraceId& trace, double sample);

// Tracing as the configuration wants it. Thread-safe; outlives the calls that use it.
class Tracer {
 public:
  explicit Tracer(const TracingOptions& options, SpanExporter::Options exporter = {});
  // Of tests: sends elsewhere.
  Tracer(const TracingOptions& options, std::unique_ptr<SpanSink> sink, SpanExporter::Options exporter);

  const TracingOptions& options() const { return options_; }
  // What the caller says, and otherwise the trace's id.
  bool Samples(const TraceContext& context, const TraceId& trace) const {
    return context.sampled.value_or(IsSampled(trace, options_.sample));
  }
  SpanExporter& exporter() { return exporter_; }

 private:
  const TracingOptions options_;
  SpanExporter exporter_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_TRACING_TRACER_H_
