// Metrics as Prometheus reads them. Behind this header stands prometheus-cpp.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_METRICS_METRIC_FAMILIES_H_
#define SALLYPORT_GATEWAY_OPERATIONS_METRICS_METRIC_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace sallyport::gateway {

// Families in the order in which they are begun, each with its metrics. Not thread-safe.
class MetricFamilies {
 public:
  using Type = prometheus::MetricType;
  using Labels = std::vector<std::pair<const char*, std::string_view>>;

  void Begin(const char* name, const char* help, Type type) { families_.push_back({name, help, type, {}}); }
  // Of the family that was begun last, which is of counters or of gauges.
  template <typename Value>
  void Add(const Labels& labels, Value value) {
    AddValue(labels, static_cast<double>(value));
  }
  // The same of a histogram: `counts` has one more than there are `bounds` (in nanoseconds), for what is larger.
  void AddTimes(const Labels& labels, absl::Span<const int64_t> bounds, absl::Span<const uint64_t> counts,
                uint64_t nanoseconds);
  // A family of one metric without labels.
  template <typename Value>
  void Gauge(const char* name, const char* help, Value value) {
    Begin(name, help, Type::Gauge);
    Add({}, value);
  }
  template <typename Value>
  void Counter(const char* name, const char* help, Value value) {
    Begin(name, help, Type::Counter);
    Add({}, value);
  }

  // In the text format (version 0.0.4).
  std::string Text() const;

 private:
  void AddValue(const Labels& labels, double value);
  prometheus::ClientMetric& NewMetric(const Labels& labels);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_METRICS_METRIC_FAMILIES_H_
