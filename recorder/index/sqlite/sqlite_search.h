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
#include "recorder/format/call_columns.h"
#include "recorder/format/log_format.h"
#include "recorder/format/name_sealer.h"
#include "recorder/index/call_search.h"
#include "recorder/index/call_statistics.h"
#include "recorder/index/sqlite/call_finder.h"
#include "recorder/index/sqlite/call_meter.h"
#include "recorder/index/sqlite/name_reader.h"
#include "recorder/index/sqlite/statistics_sums.h"
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
  absl::StatusOr<bool> InScope(uint64_t id, const CallScope& scope) override;
  absl::StatusOr<CallCount> Count(const CallQuery& query, OpenCalls open_calls, uint64_t most) override;
  absl::StatusOr<std::vector<StatisticsSeries>> Statistics(const StatisticsQuery& query, OpenCalls open_calls) override;
  absl::StatusOr<std::vector<MethodSummary>> Methods(const CallQuery& query, OpenCalls open_calls) override;
  absl::StatusOr<std::set<uint64_t>> Segments(const CallQuery& query) override;
  absl::StatusOr<Position> Progress() override;
  absl::StatusOr<bool> MissesDamaged() override;
  absl::Status CheckSound() override { return database_->CheckSound(); }
  absl::StatusOr<CallPlace> Place(uint64_t id) override;

 private:
  SqliteSearch(std::shared_ptr<const NameSealer> sealer, std::unique_ptr<Database> database, NameReader names,
               std::unique_ptr<CallFinder> finder, CallMeter meter)
      : sealer_(std::move(sealer)),
        database_(std::move(database)),
        names_(std::move(names)),
        finder_(std::move(finder)),
        meter_(std::move(meter)) {}

  // Runs something that takes several statements on one state of the index.
  absl::Status InOneTransaction(absl::FunctionRef<absl::Status()> action);
  // Nothing if no call can be meant.
  absl::StatusOr<std::optional<CallConditions>> ConditionsFor(const CallQuery& query, OpenCalls open_calls);
  // Narrows ids down to those of a session; false if there is none.
  absl::StatusOr<bool> AddSession(int64_t session, CallConditions& conditions);
  absl::Status FindCalls(const CallQuery& query, OpenCalls open_calls, CallFinder::TakeRow take_row);
  // All that match, whatever the query's order, `after` and limit.
  absl::Status MeasureCalls(const CallQuery& query, OpenCalls open_calls, CallMeter::Names names, CallMeter::Take take);
  // sqlite_statistics.cc.
  absl::StatusOr<std::vector<StatisticsGroup>> LargestGroups(const StatisticsQuery& query, OpenCalls open_calls,
                                                             const StatisticsSums& sums, bool& more);
  absl::StatusOr<std::vector<std::string>> GroupTexts(const std::vector<StatisticsKey>& keys,
                                                      const StatisticsGroup& group);
  // scoped_sessions.cc.
  absl::Status AddScopedSessions(const SessionQuery& query, const std::vector<ScopeNumbers>& scope,
                                 std::vector<SessionSummary>& sessions);
  absl::StatusOr<std::vector<int64_t>> SessionsInScope(const SessionQuery& query, CallConditions conditions,
                                                       int64_t below);
  absl::StatusOr<std::optional<SessionSummary>> SessionInScope(const SessionQuery& query, int64_t session,
                                                               CallConditions conditions);
  absl::StatusOr<std::optional<SessionSummary>> NamedSession(int64_t session, const CallRow& first,
                                                             int64_t last_start_ns, SessionSummary summary);
  absl::StatusOr<CallSummary> Summary(const Statement& row, OpenCalls open_calls);

  const std::shared_ptr<const NameSealer> sealer_;
  std::unique_ptr<Database> database_;
  NameReader names_;
  const std::unique_ptr<CallFinder> finder_;
  CallMeter meter_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_SEARCH_H_
