// What became of spans.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_TRACING_SPAN_COUNTS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_TRACING_SPAN_COUNTS_H_

#include <cstdint>

namespace sallyport::gateway {

// Since the exporter began.
struct SpanCounts {
  uint64_t exported = 0;
  uint64_t dropped = 0;  // because there was no room, or the collector did not take them
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_TRACING_SPAN_COUNTS_H_
