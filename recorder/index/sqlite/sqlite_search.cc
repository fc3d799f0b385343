#include "recorder/index/sqlite/sqlite_search.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "recorder/crypto/text.h"
#include "recorder/format/call_columns.h"
#include "recorder/format/index_schema.h"
#include "recorder/format/store_version.h"
#include "recorder/index/sqlite/call_rows.h"
#include "recorder/index/sqlite/call_summary.h"

namespace sallyport::recorder {
namespace {

int64_t Clamped(uint64_t id) { return static_cast<int64_t>(std::min(id, uint64_t{INT64_MAX})); }

// `a` - `b` and `a` + `b` for `b` of at least 0, at the ends of the range where they would pass them.
int64_t Less(int64_t a, int64_t b) { return a < INT64_MIN + b ? INT64_MIN : a - b; }
int64_t More(int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteSearch>> SqliteSearch::Open(const std::string& path, Database::Mode mode,
                                                                 std::shared_ptr<const NameSealer> sealer) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, mode);
  if (!database.ok()) return database.status();
  // The first statement is what opens the write-ahead log.
  absl::StatusOr<Statement> progress = (*database)->Prepare("SELECT version, store_id FROM progress");
  if (!progress.ok()) return progress.status();
  absl::StatusOr<bool> row = progress->Step();
  if (!row.ok()) return row.status();
  if (*row && progress->Integer(0) > kIndexVersion) return NewerIndex(progress->Integer(0));
  if (!*row || progress->Integer(0) != kIndexVersion || progress->Text(1) != StoreIdText(sealer->store_id())) {
    return absl::DataLossError(
        "the index is of another version or of another store: `sallyport index rebuild` makes it again");
  }
  progress->Reset();
  absl::StatusOr<NameReader> names = NameReader::Create(**database, *sealer);
  if (!names.ok()) return names.status();
  absl::StatusOr<CallFinder> created = CallFinder::Create(**database);
  if (!created.ok()) return created.status();
  auto finder = std::make_unique<CallFinder>(*std::move(created));
  absl::StatusOr<CallMeter> meter = CallMeter::Create(**database, *finder);
  if (!meter.ok()) return meter.status();
  return std::unique_ptr<SqliteSearch>(new SqliteSearch(std::move(sealer), *std::move(database), *std::move(names),
                                                        std::move(finder), *std::move(meter)));
}

absl::Status SqliteSearch::InOneTransaction(absl::FunctionRef<absl::Status()> action) {
  if (absl::Status status = database_->Execute("BEGIN"); !status.ok()) return status;
  const absl::Status status = action();
  const absl::Status end = database_->Execute("COMMIT");
  return status.ok() ? end : status;
}

absl::StatusOr<std::optional<CallConditions>> SqliteSearch::ConditionsFor(const CallQuery& query,
                                                                          OpenCalls open_calls) {
  const bool open_as_ended = open_calls == OpenCalls::kInterrupted;
  if (query.open_only && open_as_ended) return std::nullopt;
  CallConditions conditions;
  const std::pair<NameKind, const std::string*> patterns[] = {{NameKind::kIdentity, &query.identity},
                                                              {NameKind::kMethod, &query.method},
                                                              {NameKind::kUpstream, &query.upstream}};
  std::optional<std::vector<int64_t>>* const matching[] = {&conditions.identities, &conditions.methods,
                                                           &conditions.upstreams};
  for (size_t i = 0; i < 3; ++i) {
    absl::StatusOr<std::optional<std::vector<int64_t>>> ids = names_.Matching(patterns[i].first, *patterns[i].second);
    if (!ids.ok()) return ids.status();
    if (ids->has_value() && (*ids)->empty()) return std::nullopt;
    *matching[i] = *std::move(ids);
  }
  if (query.scope.has_value()) {
    absl::StatusOr<ResolvedScope> scope = ResolveScope(*query.scope, names_);
    if (!scope.ok()) return scope.status();
    if (scope->has_value() && (*scope)->empty()) return std::nullopt;
    conditions.scope = *std::move(scope);
  }
  conditions.status = query.status_code;
  conditions.or_open = open_as_ended && query.status_code == kInterruptedStatus;
  conditions.open_only = query.open_only;
  if (!query.trace_id.empty()) conditions.trace = TraceNumbersOf(query.trace_id);
  if (query.session_id.has_value()) {
    const absl::StatusOr<bool> known = AddSession(static_cast<int64_t>(*query.session_id), conditions);
    if (!known.ok()) return known.status();
    if (!*known) return std::nullopt;
  }
  if (query.min_duration.has_value()) conditions.min_duration_ns = absl::ToInt64Nanoseconds(*query.min_duration);
  conditions.newest_first = query.order == CallQuery::Order::kNewestFirst;
  if (query.since.has_value()) conditions.since_ns = absl::ToUnixNanos(*query.since);
  if (query.until.has_value()) conditions.until_ns = absl::ToUnixNanos(*query.until);
  if (query.after.has_value()) {
    const int64_t after = Clamped(*query.after);
    if (conditions.newest_first) {
      conditions.last_id = std::min(conditions.last_id, Less(after, 1));
    } else {
      conditions.first_id = std::max(conditions.first_id, More(after, 1));
    }
  }
  return conditions;
}

absl::StatusOr<bool> SqliteSearch::AddSession(int64_t session, CallConditions& conditions) {
  conditions.session = session;
  // Calls without a session have no row there.
  if (session == 0) return true;
  absl::StatusOr<Statement> select = database_->Prepare("SELECT first_call, last_call FROM sessions WHERE id = ?1");
  if (!select.ok()) return select.status();
  select->Bind(1, session);
  const absl::StatusOr<bool> row = select->Step();
  if (!row.ok() || !*row) return row;
  conditions.first_id = std::max(conditions.first_id, select->Integer(0));
  conditions.last_id = std::min(conditions.last_id, select->Integer(1));
  return true;
}

absl::Status SqliteSearch::FindCalls(const CallQuery& query, OpenCalls open_calls, CallFinder::TakeRow take_row) {
  return InOneTransaction([&] {
    absl::StatusOr<std::optional<CallConditions>> conditions = ConditionsFor(query, open_calls);
    if (!conditions.ok()) return conditions.status();
    return conditions->has_value() ? finder_->Find(**conditions, take_row) : absl::OkStatus();
  });
}

absl::Status SqliteSearch::MeasureCalls(const CallQuery& query, OpenCalls open_calls, CallMeter::Names names,
                                        CallMeter::Take take) {
  CallQuery all = query;
  all.after.reset();
  absl::StatusOr<std::optional<CallConditions>> conditions = ConditionsFor(all, open_calls);
  if (!conditions.ok()) return conditions.status();
  return conditions->has_value() ? meter_.Measure(**conditions, names, take) : absl::OkStatus();
}

absl::StatusOr<CallSummary> SqliteSearch::Summary(const Statement& row, OpenCalls open_calls) {
  absl::StatusOr<CallSummary> call = SummaryOf(CallRowOf(row), names_);
  if (call.ok() && !call->shredded && call->end_reason == v1::END_REASON_UNSPECIFIED &&
      open_calls == OpenCalls::kInterrupted) {
    call->end_reason = v1::END_REASON_INTERRUPTED;
    call->status_code = static_cast<int>(kInterruptedStatus);
  }
  return call;
}

absl::StatusOr<std::vector<CallSummary>> SqliteSearch::Calls(const CallQuery& query, OpenCalls open_calls) {
  const auto limit = static_cast<size_t>(std::max(query.limit, 1));
  std::vector<CallSummary> calls;
  const absl::Status status = FindCalls(query, open_calls, [&](const Statement& row) -> absl::StatusOr<bool> {
    absl::StatusOr<CallSummary> call = Summary(row, open_calls);
    if (!call.ok()) return call.status();
    calls.push_back(*std::move(call));
    return calls.size() < limit;
  });
  if (!status.ok()) return status;
  return calls;
}

absl::StatusOr<std::set<uint64_t>> SqliteSearch::Segments(const CallQuery& query) {
  const absl::StatusOr<Position> end = Progress();
  if (!end.ok()) return end.status();
  std::set<uint64_t> segments;
  const absl::Status status = FindCalls(query, OpenCalls::kGoingOn, [&](const Statement& row) -> absl::StatusOr<bool> {
    const CallRow call = CallRowOf(row);
    const auto first = static_cast<uint64_t>(call.first_segment);
    const uint64_t last = call.end_reason == kOpen ? end->segment() : PositionOf(call).segment();
    for (uint64_t segment = first; segment <= last; ++segment) segments.insert(segment);
    return true;
  });
  if (!status.ok()) return status;
  return segments;
}

absl::StatusOr<CallSummary> SqliteSearch::Call(uint64_t id, OpenCalls open_calls) {
  absl::StatusOr<Statement> select =
      database_->Prepare(absl::StrCat("SELECT ", CallColumnNames(), " FROM calls WHERE id = ?1"));
  if (!select.ok()) return select.status();
  select->Bind(1, id);
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError("there is no such call");
  return Summary(*select, open_calls);
}

absl::StatusOr<bool> SqliteSearch::InScope(uint64_t id, const CallScope& scope) {
  bool is_in_scope = false;
  const absl::Status status = InOneTransaction([&] {
    const absl::StatusOr<ResolvedScope> parts = ResolveScope(scope, names_);
    if (!parts.ok()) return parts.status();
    absl::StatusOr<Statement> select = database_->Prepare(absl::StrCat(
        "SELECT ", CallColumnNames({&CallRow::end_reason, &CallRow::identity, &CallRow::method, &CallRow::upstream}),
        " FROM calls WHERE id = ?1"));
    if (!select.ok()) return select.status();
    select->Bind(1, id);
    const absl::StatusOr<bool> row = select->Step();
    if (!row.ok() || !*row) return row.status();
    is_in_scope = !parts->has_value() ||
                  IsInScope(**parts, select->Integer(0), select->Integer(1), select->Integer(2), select->Integer(3));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return is_in_scope;
}

absl::StatusOr<SqliteSearch::CallPlace> SqliteSearch::Place(uint64_t id) {
  absl::StatusOr<Statement> select = database_->Prepare(
      "SELECT calls.position, end_reason, positions_exact_to FROM calls, progress WHERE calls.id = ?1");
  if (!select.ok()) return select.status();
  select->Bind(1, id);
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError("there is no such call");
  CallPlace place;
  place.last = Position::FromPacked(select->Unsigned(0));
  place.open = select->Integer(1) == kOpen;
  place.shredded = select->Integer(1) == kShredded;
  place.exact_to = Position::FromPacked(select->Unsigned(2));
  return place;
}

absl::StatusOr<bool> SqliteSearch::MissesDamaged() {
  absl::StatusOr<Statement> select = database_->Prepare("PRAGMA user_version");
  if (!select.ok()) return select.status();
  const absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  return *row && select->Integer(0) == kMissesDamaged;
}

absl::StatusOr<Position> SqliteSearch::Progress() {
  absl::StatusOr<Statement> select = database_->Prepare("SELECT position FROM progress");
  if (!select.ok()) return select.status();
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  return Position::FromPacked(*row ? select->Unsigned(0) : 0);
}

absl::StatusOr<std::vector<SessionSummary>> SqliteSearch::Sessions(const SessionQuery& query) {
  std::vector<SessionSummary> sessions;
  const absl::Status status = InOneTransaction([&] {
    const absl::StatusOr<std::optional<std::vector<int64_t>>> identities =
        names_.Matching(NameKind::kIdentity, query.identity);
    if (!identities.ok()) return identities.status();
    if (query.scope.has_value()) {
      const absl::StatusOr<ResolvedScope> scope = ResolveScope(*query.scope, names_);
      if (!scope.ok()) return scope.status();
      if (scope->has_value()) return AddScopedSessions(query, **scope, sessions);
    }
    // Built from numbers, so no text of a query gets into the SQL.
    std::string sql = absl::StrCat("SELECT ", kSessionColumns, " FROM sessions WHERE 1");
    if (identities->has_value()) absl::StrAppend(&sql, " AND identity IN (", absl::StrJoin(**identities, ","), ")");
    if (query.since.has_value()) absl::StrAppend(&sql, " AND last_start_ns >= ", absl::ToUnixNanos(*query.since));
    if (query.after.has_value()) absl::StrAppend(&sql, " AND id < ", Clamped(*query.after));
    absl::StrAppend(&sql, " ORDER BY id DESC LIMIT ", std::max(query.limit, 1));
    absl::StatusOr<Statement> select = database_->Prepare(sql);
    if (!select.ok()) return select.status();
    while (true) {
      const absl::StatusOr<bool> row = select->Step();
      if (!row.ok() || !*row) return row.status();
      absl::StatusOr<SessionSummary> session = SessionSummaryOf(*select, names_);
      if (!session.ok()) return session.status();
      sessions.push_back(*std::move(session));
    }
  });
  if (!status.ok()) return status;
  return sessions;
}

}  // namespace sallyport::recorder
