// What calls are searched for.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CALL_CONDITIONS_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CALL_CONDITIONS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "recorder/format/trace_id.h"
#include "recorder/index/sqlite/scope_numbers.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// The status of a call that no gateway is left to end.
constexpr int64_t kInterruptedStatus = 14;

// Conditions in the index's own numbers. All that are set must hold.
struct CallConditions {
  // Numbers of names, in order.
  std::optional<std::vector<int64_t>> identities;
  std::optional<std::vector<int64_t>> methods;
  std::optional<std::vector<int64_t>> upstreams;
  std::optional<int64_t> session;
  std::optional<TraceNumbers> trace;
  std::optional<int64_t> status;
  bool or_open = false;  // with `status`: an open call has it as well
  std::optional<int64_t> min_duration_ns;
  bool open_only = false;
  std::optional<std::vector<ScopeNumbers>> scope;  // one part that holds is enough
  int64_t since_ns = std::numeric_limits<int64_t>::min();
  int64_t until_ns = std::numeric_limits<int64_t>::max();  // its time is not included
  int64_t first_id = 0;
  int64_t last_id = std::numeric_limits<int64_t>::max();
  bool newest_first = true;
};

// Whether a row with all columns of calls fulfils the conditions, but for the bounds of its id.
bool Fulfils(const Statement& row, const CallConditions& conditions);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CALL_CONDITIONS_H_
