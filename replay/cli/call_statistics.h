// Calls in numbers.
#ifndef SALLYPORT_REPLAY_CLI_CALL_STATISTICS_H_
#define SALLYPORT_REPLAY_CLI_CALL_STATISTICS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "replay/cli/call_list.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// What was typed. A value.
struct StatisticsOptions {
  bool stats = false;
  std::string group_by;
  std::string interval;

  bool given() const { return stats || !group_by.empty() || !interval.empty(); }
};

// By method where neither a group nor an interval is given, and all together where an interval is and no group.
// INVALID_ARGUMENT names the option that cannot be read.
absl::StatusOr<v1::StatisticsRequest> ToStatisticsRequest(const StatisticsOptions& options, const v1::Filter& filter);

// Prints them to stdout. `request` is what was asked. DATA_LOSS if the answer is none to it.
absl::Status PrintStatistics(const v1::StatisticsRequest& request, const v1::Statistics& statistics, ListForm form);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_CALL_STATISTICS_H_
