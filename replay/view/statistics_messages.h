// Counts, statistics and lists of methods, from messages and as messages.
#ifndef SALLYPORT_REPLAY_VIEW_STATISTICS_MESSAGES_H_
#define SALLYPORT_REPLAY_VIEW_STATISTICS_MESSAGES_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/call_statistics.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// How far COUNT_MODE_CAPPED counts, and how many series there are where nothing is said, and at most.
inline constexpr uint64_t kMostCounted = 10'000;
inline constexpr int kUsualSeries = 100;
inline constexpr int kMostSeries = 1000;

// INVALID_ARGUMENT names what of a filter the index alone cannot tell.
absl::Status CheckIndexed(const v1::Filter& filter);

// INVALID_ARGUMENT names the field that cannot be read.
absl::StatusOr<recorder::StatisticsQuery> ToQuery(const v1::StatisticsRequest& request);
absl::StatusOr<recorder::CallQuery> ToQuery(const v1::ListMethodsRequest& request);

v1::Statistics ToMessage(const std::vector<recorder::StatisticsSeries>& all);
v1::ListMethodsResponse ToMessage(const std::vector<recorder::MethodSummary>& methods);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_STATISTICS_MESSAGES_H_
