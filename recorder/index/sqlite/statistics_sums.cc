#include "recorder/index/sqlite/statistics_sums.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_columns.h"

namespace sallyport::recorder {
namespace {

constexpr int kStepBits = 4;
constexpr uint64_t kSteps = uint64_t{1} << kStepBits;  // buckets between a power of two and the next

size_t BucketOf(int64_t nanoseconds) {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(nanoseconds, 0));
  if (value < kSteps) return value;
  const int shift = std::bit_width(value) - 1 - kStepBits;
  return (static_cast<size_t>(shift) + 1) * kSteps + (value >> shift & (kSteps - 1));
}

// The middle of a bucket: no further from what is in it than 1/32 of that.
int64_t MiddleOf(size_t bucket) {
  if (bucket < kSteps) return static_cast<int64_t>(bucket);
  const size_t shift = bucket / kSteps - 1;
  const uint64_t first = (kSteps + bucket % kSteps) << shift;
  return static_cast<int64_t>(first + ((uint64_t{1} << shift) >> 1));
}

// Rounds down.
int64_t Quotient(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// What one more is to a sum that stays where it cannot grow.
void AddTo(uint64_t& sum, int64_t more) {
  const auto added = static_cast<uint64_t>(std::max<int64_t>(more, 0));
  sum = sum > std::numeric_limits<uint64_t>::max() - added ? std::numeric_limits<uint64_t>::max() : sum + added;
}

}  // namespace

void LatencyHistogram::Add(int64_t nanoseconds) {
  const size_t bucket = BucketOf(nanoseconds);
  if (counts_.empty()) first_ = bucket;
  if (bucket < first_) {
    counts_.insert(counts_.begin(), first_ - bucket, 0);
    first_ = bucket;
  }
  if (bucket - first_ >= counts_.size()) counts_.resize(bucket - first_ + 1);
  ++counts_[bucket - first_];
  ++total_;
  most_ = std::max(most_, nanoseconds);
}

std::optional<LatencyPercentiles> LatencyHistogram::Percentiles() const {
  if (total_ == 0) return std::nullopt;
  const auto at = [this](uint64_t percent) {
    const uint64_t rank = total_ / 100 * percent + (total_ % 100 * percent + 99) / 100;
    return absl::Nanoseconds(AtRank(rank));
  };
  return LatencyPercentiles{at(50), at(90), at(99), absl::Nanoseconds(most_)};
}

int64_t LatencyHistogram::AtRank(uint64_t rank) const {
  uint64_t passed = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    passed += counts_[i];
    if (passed >= rank) return std::min(MiddleOf(first_ + i), most_);
  }
  return most_;
}

StatisticsSums::StatisticsSums(const StatisticsQuery& query, OpenCalls open_calls)
    : group_by_(query.group_by),
      interval_ns_(query.interval ? std::max<int64_t>(absl::ToInt64Nanoseconds(*query.interval), 1) : 0),
      since_(query.calls.since),
      open_as_ended_(open_calls == OpenCalls::kInterrupted) {}

bool StatisticsSums::IsOpen(const CallMeasures& call) const { return call.end_reason == kOpen && !open_as_ended_; }

int64_t StatisticsSums::StatusOf(const CallMeasures& call) const {
  if (call.end_reason == kShredded || IsOpen(call)) return kNoStatusGroup;
  return call.end_reason == kOpen ? kInterruptedStatus : call.status;
}

StatisticsGroup StatisticsSums::GroupOf(const MeasuredCall& call) const {
  const bool shredded = call.measures.end_reason == kShredded;
  StatisticsGroup group = {};
  for (size_t i = 0; i < group_by_.size() && i < group.size(); ++i) {
    switch (group_by_[i]) {
      case StatisticsKey::kMethod:
        group[i] = shredded ? kShreddedGroup : call.method;
        break;
      case StatisticsKey::kIdentity:
        group[i] = shredded ? kShreddedGroup : call.identity;
        break;
      case StatisticsKey::kUpstream:
        group[i] = shredded ? kShreddedGroup : call.upstream;
        break;
      case StatisticsKey::kStatus:
        group[i] = StatusOf(call.measures);
        break;
    }
  }
  return group;
}

// Times at the ends of their range may begin beyond it, and wrap.
int64_t StatisticsSums::BeginOf(int64_t number) const {
  return static_cast<int64_t>(static_cast<uint64_t>(number) * static_cast<uint64_t>(interval_ns_));
}

absl::StatusOr<StatisticsSums::Point*> StatisticsSums::PointAt(size_t series, int64_t start_ns) {
  if (series >= last_.size()) last_.resize(series + 1);
  Last& last = last_[series];
  if (start_ns >= last.begin_ns && start_ns < last.end_ns) return &points_[last.point];
  const int64_t number = interval_ns_ == 0 ? 0 : Quotient(start_ns, interval_ns_);
  const auto [found, fresh] = by_number_.try_emplace({series, number}, points_.size());
  if (fresh) {
    if (points_.size() >= kMostStatisticsPoints) {
      return absl::InvalidArgumentError(
          absl::StrCat("interval: more than ", kMostStatisticsPoints,
                       " points: choose a longer interval, a shorter time or fewer series"));
    }
    points_.emplace_back();
    points_.back().number = number;
    points_.back().series = series;
  }
  last.point = found->second;
  last.begin_ns = interval_ns_ == 0 ? INT64_MIN : BeginOf(number);
  last.end_ns =
      interval_ns_ == 0 || last.begin_ns > INT64_MAX - interval_ns_ ? INT64_MAX : last.begin_ns + interval_ns_;
  return &points_[found->second];
}

absl::Status StatisticsSums::Add(size_t series, const CallMeasures& call) {
  const absl::StatusOr<Point*> found = PointAt(series, call.start_ns);
  if (!found.ok()) return found.status();
  Point& point = **found;
  StatisticsPoint& sums = point.sums;
  ++sums.calls;
  point.first_start_ns = std::min(point.first_start_ns, call.start_ns);
  if (call.end_reason == kShredded) return absl::OkStatus();
  if (call.end_reason == kOpen) {
    ++(open_as_ended_ ? sums.errors : sums.open);
    return absl::OkStatus();
  }
  if (call.status != 0) ++sums.errors;
  if (call.end_reason == v1::END_REASON_REFUSED) ++sums.refused;
  AddTo(sums.request_bytes, call.request_bytes);
  AddTo(sums.response_bytes, call.response_bytes);
  point.latency.Add(call.duration_ns);
  return absl::OkStatus();
}

std::vector<std::vector<StatisticsPoint>> StatisticsSums::Points(size_t series) const {
  std::vector<const Point*> ordered;
  for (const Point& point : points_) ordered.push_back(&point);
  std::sort(ordered.begin(), ordered.end(), [](const Point* a, const Point* b) { return a->number < b->number; });
  std::vector<std::vector<StatisticsPoint>> points(series);
  for (const Point* point : ordered) {
    if (point->series >= series) continue;
    StatisticsPoint& sums = points[point->series].emplace_back(point->sums);
    sums.latency = point->latency.Percentiles();
    sums.start = interval_ns_ != 0 ? absl::FromUnixNanos(BeginOf(point->number))
                                   : since_.value_or(absl::FromUnixNanos(point->first_start_ns));
  }
  return points;
}

}  // namespace sallyport::recorder
