#include "gateway/operations/metrics/metric_families.h"

#include <prometheus/text_serializer.h>

#include <limits>

namespace sallyport::gateway {
namespace {

constexpr double kNanosecond = 1e-9;

}  // namespace

prometheus::ClientMetric& MetricFamilies::NewMetric(const Labels& labels) {
  prometheus::ClientMetric& metric = families_.back().metric.emplace_back();
  metric.label.reserve(labels.size());
  for (const auto& [name, value] : labels) metric.label.push_back({name, std::string(value)});
  return metric;
}

void MetricFamilies::AddValue(const Labels& labels, double value) {
  const bool counter = families_.back().type == Type::Counter;
  prometheus::ClientMetric& metric = NewMetric(labels);
  if (counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

void MetricFamilies::AddTimes(const Labels& labels, absl::Span<const int64_t> bounds, absl::Span<const uint64_t> counts,
                              uint64_t nanoseconds) {
  prometheus::ClientMetric::Histogram& histogram = NewMetric(labels).histogram;
  uint64_t so_far = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    so_far += counts[i];
    // Divided, for a product of 5'000'000 and a rounded billionth is not 0.005.
    const double bound =
        i < bounds.size() ? static_cast<double>(bounds[i]) / 1e9 : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({so_far, bound});
  }
  histogram.sample_count = so_far;
  histogram.sample_sum = static_cast<double>(nanoseconds) * kNanosecond;
}

std::string MetricFamilies::Text() const { return prometheus::TextSerializer().Serialize(families_); }

}  // namespace sallyport::gateway
