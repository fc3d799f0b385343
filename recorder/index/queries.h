// Answers questions from the index.
#ifndef SALLYPORT_RECORDER_INDEX_QUERIES_H_
#define SALLYPORT_RECORDER_INDEX_QUERIES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "recorder/index/database.h"
#include "recorder/log/log_format.h"
#include "recorder/record_reader.h"

namespace sallyport::recorder {

// What calls without an end are.
enum class OpenCalls {
  kGoingOn,      // a gateway is running
  kInterrupted,  // none is: shown as ended with END_REASON_INTERRUPTED
};

// The index, open for reading. Pages by key, so that every page costs the same. Not thread-safe.
class IndexQueries {
 public:
  static absl::StatusOr<std::unique_ptr<IndexQueries>> Open(const std::string& path, Database::Mode mode);

  absl::StatusOr<std::vector<CallSummary>> Calls(const CallQuery& query, OpenCalls open_calls);
  absl::StatusOr<CallSummary> Call(uint64_t id, OpenCalls open_calls);
  absl::StatusOr<std::vector<SessionSummary>> Sessions(const SessionQuery& query);

  // The first block of the log that the index does not know.
  absl::StatusOr<Position> Progress();

  // Where a call's entries are.
  struct CallPlace {
    Position last;      // a block with entries of the call: the last one, unless the call is open
    bool open = false;  // then later blocks, from `exact_to` on, may hold more
    Position exact_to;
  };
  // NOT_FOUND if there is no such call.
  absl::StatusOr<CallPlace> Place(uint64_t id);

 private:
  // A dictionary table seen from the reading side.
  struct Names {
    std::string table;
    absl::flat_hash_map<int64_t, std::string> by_id;
  };

  explicit IndexQueries(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  absl::StatusOr<std::string> Name(Names& names, int64_t id);
  // The ids of the names that a pattern matches. Nothing if the pattern is empty, which matches all.
  absl::StatusOr<std::optional<std::vector<int64_t>>> Matching(const Names& names, const std::string& pattern);
  absl::StatusOr<std::optional<std::string>> BuildCallsSql(const CallQuery& query, OpenCalls open_calls);
  absl::StatusOr<CallSummary> Summary(const Statement& row, OpenCalls open_calls);

  std::unique_ptr<Database> database_;
  Names identities_{"identities", {}};
  Names methods_{"methods", {}};
  Names upstreams_{"upstreams", {}};
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_QUERIES_H_
