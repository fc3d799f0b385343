// What callers say of the trace that a call belongs to, and how it is said to upstreams.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_TRACING_TRACE_CONTEXT_H_
#define SALLYPORT_GATEWAY_OPERATIONS_TRACING_TRACE_CONTEXT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace sallyport::gateway {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

// The bytes of an id, and its digits in hex, in lower case.
std::string Bytes(const TraceId& id);
std::string Bytes(const SpanId& id);
std::string Hex(const TraceId& id);
std::string Hex(const SpanId& id);

// In what notations a call names its trace: W3C Trace Context (`traceparent`, `tracestate`), and B3 in one header
// (`b3`) or in several (`x-b3-traceid` and so on). A call may use more than one.
struct TraceNotations {
  bool w3c = false;
  bool b3_single = false;
  bool b3_multi = false;
};

// What a call says of its trace. A value.
struct TraceContext {
  // Those that were used, be what they say legal or not.
  TraceNotations notations;
  // Nothing where no notation has a legal id: the call then belongs to no trace.
  std::optional<TraceId> trace_id;
  SpanId parent = {};           // of the caller's span; zeros where there is no trace
  std::optional<bool> sampled;  // what the caller has decided; nothing if it leaves that to others
  bool debug = false;           // B3's: sampled, whatever anybody else says
  bool short_id = false;        // B3's of 8 bytes, written as 16 digits
  std::string state;            // of `tracestate`, where it and `traceparent` are legal
};

// Takes a call's metadata, pair by pair, and says what it means. Whatever was sent: what is not legal counts as not
// sent. `traceparent` comes before `b3`, and that before `x-b3-…`. Names are in lower case, as gRPC delivers them. The
// views must live until Read.
class TraceHeaders {
 public:
  // A `tracestate` that is longer, or has more members, counts as not legal.
  static constexpr size_t kMostStateBytes = 4096;
  static constexpr size_t kMostStateMembers = 32;

  void Add(std::string_view name, std::string_view value);
  TraceContext Read() const;

 private:
  struct Header {
    std::string_view name;
    std::string_view value;
    int times = 0;
  };
  // The value of a header that was sent once; nothing if it was not sent, or several times.
  std::optional<std::string_view> Once(size_t header) const;

  std::array<Header, 6> headers_ = {{{"traceparent", {}, 0},
                                     {"b3", {}, 0},
                                     {"x-b3-traceid", {}, 0},
                                     {"x-b3-spanid", {}, 0},
                                     {"x-b3-sampled", {}, 0},
                                     {"x-b3-flags", {}, 0}}};
  std::string state_;
  bool state_too_long_ = false;
};

// Whether a name is one of those that say what trace a call belongs to, `tracestate` included.
bool IsTraceHeader(std::string_view name);

// What the receiver of a call is told: that it belongs to the trace, and that `span` is its parent. In the notations of
// `context`, or in W3C's if it has none; of a trace that is not the caller's without its `tracestate`.
void WriteTraceHeaders(const TraceContext& context, const TraceId& trace, const SpanId& span, bool sampled,
                       absl::FunctionRef<void(std::string_view name, std::string_view value)> write);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_TRACING_TRACE_CONTEXT_H_
