// Adds up what calls say.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_STATISTICS_SUMS_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_STATISTICS_SUMS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/call_statistics.h"
#include "recorder/index/sqlite/call_meter.h"

namespace sallyport::recorder {

// How often each latency occurred, in buckets whose ends are at most 1/16 apart. A value of some KiB.
class LatencyHistogram {
 public:
  void Add(int64_t nanoseconds);
  // Nothing if nothing was added.
  std::optional<LatencyPercentiles> Percentiles() const;

 private:
  // What stands for those that are at `rank`, counted from 1.
  int64_t AtRank(uint64_t rank) const;

  size_t first_ = 0;              // the bucket of counts_[0]
  std::vector<uint64_t> counts_;  // of the buckets that are used, and those between
  uint64_t total_ = 0;
  int64_t most_ = 0;
};

// What groups a call: values in the order of `group_by`, those beyond are 0.
using StatisticsGroup = std::array<int64_t, 4>;
// In place of a value: of a shredded call, and of one without a status.
constexpr int64_t kShreddedGroup = -1;
constexpr int64_t kNoStatusGroup = INT64_MIN;

// Points of series by number. Not thread-safe.
class StatisticsSums {
 public:
  StatisticsSums(const StatisticsQuery& query, OpenCalls open_calls);

  StatisticsGroup GroupOf(const MeasuredCall& call) const;
  // INVALID_ARGUMENT if it would make more than kMostStatisticsPoints.
  absl::Status Add(size_t series, const CallMeasures& call);
  // Of the series below `series`, in order of time.
  std::vector<std::vector<StatisticsPoint>> Points(size_t series) const;

 private:
  struct Point {
    StatisticsPoint sums;
    LatencyHistogram latency;
    int64_t number = 0;
    size_t series = 0;
    int64_t first_start_ns = INT64_MAX;
  };
  // Where the call before was counted: the next one mostly belongs there too.
  struct Last {
    int64_t begin_ns = 0;
    int64_t end_ns = 0;  // not included
    size_t point = 0;
  };

  bool IsOpen(const CallMeasures& call) const;
  int64_t StatusOf(const CallMeasures& call) const;
  int64_t BeginOf(int64_t number) const;
  absl::StatusOr<Point*> PointAt(size_t series, int64_t start_ns);

  const std::vector<StatisticsKey> group_by_;
  const int64_t interval_ns_;  // 0: one point
  const std::optional<absl::Time> since_;
  const bool open_as_ended_;
  std::vector<Point> points_;
  std::vector<Last> last_;  // by series
  absl::flat_hash_map<std::pair<size_t, int64_t>, size_t> by_number_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_STATISTICS_SUMS_H_
