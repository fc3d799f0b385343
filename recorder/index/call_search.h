// What can be asked of an index of calls, and what it says.
#ifndef SALLYPORT_RECORDER_INDEX_CALL_SEARCH_H_
#define SALLYPORT_RECORDER_INDEX_CALL_SEARCH_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/format/log_format.h"
#include "recorder/index/call_scope.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// Stands in place of the names of a shredded call.
constexpr std::string_view kShreddedName = "(shredded)";

// One row of the index.
struct CallSummary {
  uint64_t id = 0;
  uint64_t session_id = 0;
  std::string identity;  // the subject, "issuer#subject" where there is an issuer, "anonymous" where nobody was proved
  std::string method;    // NameOfMethod
  std::string upstream;  // name, empty if none
  std::string peer;
  std::string trace_id;  // 16 bytes; empty if it is of no trace
  absl::Time start;
  // Part of what was recorded is destroyed: of the call nothing is known but its id, and the start which that tells.
  // Identity and method are then kShreddedName, and what follows means nothing.
  bool shredded = false;
  // What follows holds once the call has ended; until then it is open and `end_reason` is unspecified.
  v1::EndReason end_reason = v1::END_REASON_UNSPECIFIED;
  bool connection_lost = false;
  int status_code = 0;
  absl::Duration duration;
  uint64_t request_frames = 0;
  uint64_t response_frames = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
};

// Which calls. Members that are not set match everything; all that are set must match. Shredded calls match only where
// nothing but times is asked for.
struct CallQuery {
  std::string identity;  // glob: `*` any run, `?` any one character
  std::string method;    // glob over "package.Service/Method"
  std::string upstream;  // glob
  std::optional<int> status_code;
  std::optional<uint64_t> session_id;
  std::string trace_id;             // 16 bytes, not all of them 0
  std::optional<absl::Time> since;  // started at or after
  std::optional<absl::Time> until;  // started before
  std::optional<absl::Duration> min_duration;
  bool open_only = false;
  std::optional<CallScope> scope;  // nothing: all calls

  enum class Order { kNewestFirst, kOldestFirst };
  Order order = Order::kNewestFirst;
  // Where the previous page ended: only calls beyond this id in the given order.
  std::optional<uint64_t> after;
  int limit = 50;  // at least 1
};

// What the calls of a session that are in the store and not shredded say: identity, peer and first start are those of
// the call with the smallest id, the last start that of the call with the largest. A session without such calls is not
// listed.
struct SessionSummary {
  uint64_t id = 0;
  std::string identity;
  std::string name;  // the `sallyport-session` value, empty where the session is a connection's
  std::string peer;
  absl::Time first_start;
  absl::Time last_start;
  uint64_t calls = 0;
};

struct SessionQuery {
  std::string identity;             // glob
  std::optional<absl::Time> since;  // with a call at or after
  std::optional<CallScope> scope;   // only calls in it count, and are counted; nothing: all
  std::optional<uint64_t> after;    // where the previous page ended; newest first
  int limit = 50;
};

struct CallCount;  // call_statistics.h
struct MethodSummary;
struct StatisticsQuery;
struct StatisticsSeries;

// What calls without an end are.
enum class OpenCalls {
  kGoingOn,      // a gateway is running
  kInterrupted,  // none is: shown as ended with END_REASON_INTERRUPTED
};

// The index, open for reading, also while it is written. Pages by key, so that every page costs the same. Not
// thread-safe. An interface although there is only SQLite, as CallIndex is.
class CallSearch {
 public:
  virtual ~CallSearch() = default;

  virtual absl::StatusOr<std::vector<CallSummary>> Calls(const CallQuery& query, OpenCalls open_calls) = 0;
  // NOT_FOUND if there is no such call.
  virtual absl::StatusOr<CallSummary> Call(uint64_t id, OpenCalls open_calls) = 0;
  virtual absl::StatusOr<std::vector<SessionSummary>> Sessions(const SessionQuery& query) = 0;
  // False also if there is no such call, which takes as long.
  virtual absl::StatusOr<bool> InScope(uint64_t id, const CallScope& scope) = 0;

  // How many calls match, whatever the query's order, `after` and limit; counts up to `most` of them. Memory does not
  // grow with their number.
  virtual absl::StatusOr<CallCount> Count(const CallQuery& query, OpenCalls open_calls, uint64_t most) = 0;
  // The series with the most calls first, and last, where `most_series` leaves some out, one without a group of what
  // these say together. INVALID_ARGUMENT if that makes more than kMostStatisticsPoints.
  virtual absl::StatusOr<std::vector<StatisticsSeries>> Statistics(const StatisticsQuery& query,
                                                                   OpenCalls open_calls) = 0;
  // The methods of the calls that match, in the order of their names.
  virtual absl::StatusOr<std::vector<MethodSummary>> Methods(const CallQuery& query, OpenCalls open_calls) = 0;

  // The segments that may hold entries of the calls asked for, whatever the query's limit. A call has the segments from
  // its first to its last block; one that is open has all from its first on, up to that of Progress().
  virtual absl::StatusOr<std::set<uint64_t>> Segments(const CallQuery& query) = 0;

  // The first block of the log that the index does not know.
  virtual absl::StatusOr<Position> Progress() = 0;

  // Whether part of the log was damaged when it was indexed, so that calls may be missing.
  virtual absl::StatusOr<bool> MissesDamaged() = 0;

  // DATA_LOSS if the index is damaged. Reads all of it: for those who must not miss a row.
  virtual absl::Status CheckSound() = 0;

  // Where a call's entries are.
  struct CallPlace {
    Position last;      // a block with entries of the call: the last one, unless the call is open
    bool open = false;  // then later blocks, from `exact_to` on, may hold more
    bool shredded = false;
    Position exact_to;
  };
  // NOT_FOUND if there is no such call.
  virtual absl::StatusOr<CallPlace> Place(uint64_t id) = 0;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_CALL_SEARCH_H_
