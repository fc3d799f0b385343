// Answers questions from the index.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_QUERIES_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_QUERIES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/log_format.h"
#include "recorder/format/name_sealer.h"
#include "recorder/index/call_search.h"
#include "recorder/index/sqlite/call_finder.h"
#include "recorder/index/sqlite/name_reader.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// The index, open for reading. Pages by key, so that every page costs the same. Not thread-safe.
class IndexQueries {
 public:
  // NOT_FOUND if there is no index, DATA_LOSS if it is of another version or store.
  static absl::StatusOr<std::unique_ptr<IndexQueries>> Open(const std::string& path, Database::Mode mode,
                                                            std::shared_ptr<const NameSealer> sealer);

  absl::StatusOr<std::vector<CallSummary>> Calls(const CallQuery& query, OpenCalls open_calls);
  absl::StatusOr<CallSummary> Call(uint64_t id, OpenCalls open_calls);
  absl::StatusOr<std::vector<SessionSummary>> Sessions(const SessionQuery& query);

  // The segments that may hold entries of the calls asked for, whatever the query's limit. A call has the segments from
  // its first to its last block; one that is open has all from its first on, up to that of Progress().
  absl::StatusOr<std::set<uint64_t>> Segments(const CallQuery& query);

  // The first block of the log that the index does not know.
  absl::StatusOr<Position> Progress();

  // Whether part of the log was damaged when it was indexed, so that calls may be missing.
  absl::StatusOr<bool> MissesDamaged();

  // DATA_LOSS if the index is damaged. Reads all of it: for those who must not miss a row.
  absl::Status CheckSound() { return database_->CheckSound(); }

  // Where a call's entries are.
  struct CallPlace {
    Position last;      // a block with entries of the call: the last one, unless the call is open
    bool open = false;  // then later blocks, from `exact_to` on, may hold more
    bool shredded = false;
    Position exact_to;
  };
  // NOT_FOUND if there is no such call.
  absl::StatusOr<CallPlace> Place(uint64_t id);

 private:
  IndexQueries(std::shared_ptr<const NameSealer> sealer, std::unique_ptr<Database> database, NameReader names,
               CallFinder finder)
      : sealer_(std::move(sealer)),
        database_(std::move(database)),
        names_(std::move(names)),
        finder_(std::move(finder)) {}

  // Runs something that takes several statements on one state of the index.
  absl::Status InOneTransaction(absl::FunctionRef<absl::Status()> action);
  // Nothing if no call can be meant.
  absl::StatusOr<std::optional<CallConditions>> ConditionsFor(const CallQuery& query, OpenCalls open_calls);
  // Narrows ids down to those of a session; false if there is none.
  absl::StatusOr<bool> AddSession(int64_t session, CallConditions& conditions);
  absl::Status FindCalls(const CallQuery& query, OpenCalls open_calls, CallFinder::Visit visit);
  absl::StatusOr<CallSummary> Summary(const Statement& row, OpenCalls open_calls);

  const std::shared_ptr<const NameSealer> sealer_;
  std::unique_ptr<Database> database_;
  NameReader names_;
  CallFinder finder_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_QUERIES_H_
