// What many calls say together.
#ifndef SALLYPORT_RECORDER_INDEX_CALL_STATISTICS_H_
#define SALLYPORT_RECORDER_INDEX_CALL_STATISTICS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "recorder/index/call_search.h"

namespace sallyport::recorder {

enum class StatisticsKey { kMethod, kIdentity, kUpstream, kStatus };

struct StatisticsQuery {
  // Which; order, `after` and `limit` mean nothing here. `since` and `until` are the time that is looked at.
  CallQuery calls;
  // How long each point is, more than 0; nothing: one point for all of the time. Points begin at multiples of it since
  // 1970.
  std::optional<absl::Duration> interval;
  std::vector<StatisticsKey> group_by;  // each at most once
  int most_series = 100;                // at least 1
};

// Within 5 % of what they stand for; `most` is exact.
struct LatencyPercentiles {
  absl::Duration p50;
  absl::Duration p90;
  absl::Duration p99;
  absl::Duration most;
};

// Calls that began in one interval.
struct StatisticsPoint {
  absl::Time start;  // of the interval; without intervals `since`, or when the first of the calls began
  uint64_t calls = 0;
  uint64_t errors = 0;   // ended with another status than OK
  uint64_t refused = 0;  // by the gateway
  uint64_t open = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  std::optional<LatencyPercentiles> latency;  // of those that ended; nothing if none did
};

struct StatisticsSeries {
  // In the order of `group_by`. A status is its number, and empty where a call has none, as it is open or shredded; the
  // names of shredded calls are kShreddedName. Empty without groups, and for what was left out.
  std::vector<std::string> group;
  std::vector<StatisticsPoint> points;  // in order of time, of those intervals that have calls
};

// How many calls match, counted no further than asked for.
struct CallCount {
  uint64_t calls = 0;
  bool more = false;
};

// A method that was called.
struct MethodSummary {
  std::string method;
  uint64_t calls = 0;
  absl::Time last_start;  // the latest
};

// The most points of all series together that are worked out at once: memory is bounded by that.
constexpr size_t kMostStatisticsPoints = 16384;

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_CALL_STATISTICS_H_
