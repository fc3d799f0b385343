#include "gateway/operations/tracing/tracer.h"

#include <cstring>
#include <utility>

#include "absl/random/random.h"
#include "gateway/operations/tracing/otlp_sink.h"

namespace sallyport::gateway {
namespace {

template <typename Id>
Id NewId() {
  thread_local absl::BitGen random;
  Id id = {};
  while (id == Id()) {
    for (size_t i = 0; i < id.size(); i += sizeof(uint64_t)) {
      const auto number = absl::Uniform<uint64_t>(random);
      std::memcpy(id.data() + i, &number, sizeof(number));
    }
  }
  return id;
}

}  // namespace

TraceId NewTraceId() { return NewId<TraceId>(); }

SpanId NewSpanId() { return NewId<SpanId>(); }

bool IsSampled(const TraceId& trace, double sample) {
  constexpr int kRandomBytes = 7;
  constexpr auto kAll = static_cast<double>(uint64_t{1} << (8 * kRandomBytes));
  uint64_t place = 0;
  for (size_t i = trace.size() - kRandomBytes; i < trace.size(); ++i) place = place << 8 | trace[i];
  return static_cast<double>(place) < sample * kAll;
}

Tracer::Tracer(const TracingOptions& options, SpanExporter::Options exporter)
    : Tracer(options, std::make_unique<OtlpSink>(options), exporter) {}

Tracer::Tracer(const TracingOptions& options, std::unique_ptr<SpanSink> sink, SpanExporter::Options exporter)
    : options_(options), exporter_(std::move(sink), exporter) {}

}  // namespace sallyport::gateway
