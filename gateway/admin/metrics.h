// What the gateway tells monitoring about itself.
#ifndef SALLYPORT_GATEWAY_ADMIN_METRICS_H_
#define SALLYPORT_GATEWAY_ADMIN_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/operations/events/event_numbers.h"
#include "gateway/operations/tracing/span_counts.h"
#include "gateway/relay/recording/refusal_limits.h"
#include "policy/masking/detection_counts.h"
#include "recorder/recorder.h"

namespace sallyport::gateway {

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// How the listener is.
struct ListenerNumbers {
  uint64_t connections = 0;          // open now
  uint64_t most_connections = 0;     // that may be
  uint64_t connections_refused = 0;  // since the start
  uint64_t memory_used = 0;          // bytes, resident and promised
  uint64_t memory_budget = 0;
};

// How an upstream is; names are those of the configuration.
struct UpstreamNumbers {
  std::string name;
  uint64_t calls_sent_again = 0;
};

// How settings were read again, and whether the gateway is about to stop.
struct LifetimeNumbers {
  uint64_t reloads_taken = 0;    // since the start
  uint64_t reloads_refused = 0;  // since the start
  bool reload_ok = true;         // what was read last is in force
  bool draining = false;
  uint64_t former_servers = 0;  // of settings that have changed, whose callers have not all left
};

// What there is to tell at one moment.
struct GatewayNumbers {
  std::optional<recorder::RecorderStats> recorder;  // nothing where nothing is recorded
  std::vector<policy::DetectionCounts::Count> detections;
  RefusalCounts refusals;
  ListenerNumbers listener;
  std::vector<UpstreamNumbers> upstreams;
  size_t odd_settings = 0;
  std::optional<SpanCounts> spans;  // nothing where calls are not traced
  std::vector<EventStreamNumbers> events;
  LifetimeNumbers lifetime;
};

// In the text format of Prometheus (version 0.0.4). No label has a value that came from a caller: labels are names of
// fields, of detectors and of reasons.
std::string MetricsText(const GatewayNumbers& numbers);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_ADMIN_METRICS_H_
