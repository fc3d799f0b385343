// What the gateway tells monitoring about itself.
#ifndef SALLYPORT_GATEWAY_ADMIN_METRICS_H_
#define SALLYPORT_GATEWAY_ADMIN_METRICS_H_

#include <string>

#include "gateway/relay/refusal_limits.h"
#include "policy/masking/detection_counts.h"
#include "recorder/recorder.h"

namespace sallyport::gateway {

inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// In the text format of Prometheus (version 0.0.4). No label has a value that came from a caller: labels are names of
// fields, of detectors and of reasons. `recorder` is null where nothing is recorded.
std::string MetricsText(const recorder::Recorder* recorder, const policy::DetectionCounts& detections,
                        const RefusalCounts& refusals);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_ADMIN_METRICS_H_
