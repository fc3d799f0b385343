// Answers questions from the index in SQLite.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_SEARCH_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_SEARCH_H_

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

// Reads what SqliteIndex writes.
class SqliteSearch : public CallSearch {
 public:
  // NOT_FOUND if there is no index, DATA_LOSS if it is of another version or store.
  static absl::StatusOr<std::unique_ptr<SqliteSearch>> Open(const std::string& path, Database::Mode mode,
                                                            std::shared_ptr<const NameSealer> sealer);

  absl::StatusOr<std::vector<CallSummary>> Calls(const CallQuery& query, OpenCalls open_calls) override;
  absl::StatusOr<CallSummary> Call(uint64_t id, OpenCalls open_calls) override;
  absl::StatusOr<std::vector<SessionSummary>> Sessions(const SessionQuery& query) override;
  absl::StatusOr<std::set<uint64_t>> Segments(const CallQuery& query) override;
  absl::StatusOr<Position> Progress() override;
  absl::StatusOr<bool> MissesDamaged() override;
  absl::Status CheckSound() override { return database_->CheckSound(); }
  absl::StatusOr<CallPlace> Place(uint64_t id) override;

 private:
  SqliteSearch(std::shared_ptr<const NameSealer> sealer, std::unique_ptr<Database> database, NameReader names,
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
  absl::Status FindCalls(const CallQuery& query, OpenCalls open_calls, CallFinder::TakeRow take_row);
  absl::StatusOr<CallSummary> Summary(const Statement& row, OpenCalls open_calls);

  const std::shared_ptr<const NameSealer> sealer_;
  std::unique_ptr<Database> database_;
  NameReader names_;
  CallFinder finder_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_SEARCH_H_
