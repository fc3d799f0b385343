#include "recorder/index/queries.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "recorder/index/glob.h"
#include "recorder/index/schema.h"

namespace sallyport::recorder {
namespace {

constexpr char kColumns[] =
    "id, session, identity, method, upstream, peer, start_ns, end_reason, status, duration_ns, request_frames, "
    "response_frames, request_bytes, response_bytes";
// With at most so many names, each one's calls are read from the name's own index and merged; with more, calls are
// read in order of time and the others passed over.
constexpr size_t kMostMerged = 16;
constexpr size_t kRememberedNames = 16384;
constexpr int kInterruptedStatus = 14;

// Everything below is built from numbers, so no text of a query gets into the SQL.
std::string IsOneOf(absl::string_view column, const std::vector<int64_t>& ids) {
  return absl::StrCat(column, " IN (", absl::StrJoin(ids, ","), ")");
}

int64_t SaturatingNanos(absl::Time time) { return absl::ToUnixNanos(time); }

}  // namespace

absl::StatusOr<std::unique_ptr<IndexQueries>> IndexQueries::Open(const std::string& path, Database::Mode mode) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, mode);
  if (!database.ok()) return database.status();
  // The first statement is what opens the write-ahead log.
  absl::StatusOr<Statement> progress = (*database)->Prepare("SELECT version FROM progress");
  if (!progress.ok()) return progress.status();
  absl::StatusOr<bool> row = progress->Step();
  if (!row.ok()) return row.status();
  if (!*row || progress->Integer(0) != kIndexVersion) {
    return absl::DataLossError("the index is of another version: `sallyport index rebuild` makes it again");
  }
  return std::unique_ptr<IndexQueries>(new IndexQueries(*std::move(database)));
}

absl::StatusOr<std::string> IndexQueries::Name(Names& names, int64_t id) {
  if (auto found = names.by_id.find(id); found != names.by_id.end()) return found->second;
  absl::StatusOr<Statement> select =
      database_->Prepare(absl::StrCat("SELECT name FROM ", names.table, " WHERE id = ?1"));
  if (!select.ok()) return select.status();
  select->Bind(1, id);
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::DataLossError(absl::StrCat("the index lacks name ", id, " of its ", names.table));
  if (names.by_id.size() >= kRememberedNames) names.by_id.clear();
  return names.by_id.emplace(id, select->Text(0)).first->second;
}

absl::StatusOr<std::optional<std::vector<int64_t>>> IndexQueries::Matching(const Names& names,
                                                                           const std::string& pattern) {
  if (pattern.empty() || pattern == "*") return std::nullopt;
  absl::StatusOr<Statement> select = database_->Prepare(absl::StrCat("SELECT id, name FROM ", names.table));
  if (!select.ok()) return select.status();
  std::vector<int64_t> ids;
  while (true) {
    absl::StatusOr<bool> row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return std::optional(std::move(ids));
    if (GlobMatches(pattern, select->Text(1))) ids.push_back(select->Integer(0));
  }
}

absl::StatusOr<std::optional<std::string>> IndexQueries::BuildCallsSql(const CallQuery& query, OpenCalls open_calls) {
  absl::StatusOr<std::optional<std::vector<int64_t>>> identities = Matching(identities_, query.identity);
  if (!identities.ok()) return identities.status();
  absl::StatusOr<std::optional<std::vector<int64_t>>> methods = Matching(methods_, query.method);
  if (!methods.ok()) return methods.status();
  absl::StatusOr<std::optional<std::vector<int64_t>>> upstreams = Matching(upstreams_, query.upstream);
  if (!upstreams.ok()) return upstreams.status();

  std::vector<std::string> conditions;
  if (identities->has_value()) conditions.push_back(IsOneOf("identity", **identities));
  if (methods->has_value()) conditions.push_back(IsOneOf("method", **methods));
  if (upstreams->has_value()) conditions.push_back(IsOneOf("upstream", **upstreams));
  const bool open_as_ended = open_calls == OpenCalls::kInterrupted;
  if (query.status_code.has_value()) {
    const std::string status = absl::StrCat("status = ", *query.status_code);
    if (open_as_ended && *query.status_code == kInterruptedStatus) {
      conditions.push_back(absl::StrCat("(", status, " OR end_reason = 0)"));
    } else {
      conditions.push_back(absl::StrCat(status, " AND end_reason <> 0"));
    }
  }
  if (query.open_only) conditions.push_back(open_as_ended ? "0" : "end_reason = 0");
  if (query.session_id.has_value()) {
    conditions.push_back(absl::StrCat("session = ", static_cast<int64_t>(*query.session_id)));
  }
  if (query.min_duration.has_value()) {
    conditions.push_back(
        absl::StrCat("end_reason <> 0 AND duration_ns >= ", absl::ToInt64Nanoseconds(*query.min_duration)));
  }
  // Ids follow the start up to the bounds kept with the index, so a range of times is nearly a range of ids.
  if (query.since.has_value()) {
    const int64_t since_ns = SaturatingNanos(*query.since);
    conditions.push_back(absl::StrCat("start_ns >= ", since_ns, " AND id >= ", since_ns / 1000 - 1,
                                      " - (SELECT behind_us FROM progress)"));
  }
  if (query.until.has_value()) {
    const int64_t until_ns = SaturatingNanos(*query.until);
    conditions.push_back(absl::StrCat("start_ns < ", until_ns, " AND id <= ", until_ns / 1000 + 1,
                                      " + (SELECT ahead_us FROM progress)"));
  }
  const bool newest_first = query.order == CallQuery::Order::kNewestFirst;
  if (query.after.has_value()) {
    conditions.push_back(absl::StrCat("id ", newest_first ? "<" : ">", " ",
                                      static_cast<int64_t>(std::min(*query.after, uint64_t{INT64_MAX}))));
  }
  const std::string rest = conditions.empty() ? "1" : absl::StrJoin(conditions, " AND ");
  const std::string order =
      absl::StrCat(" ORDER BY id ", newest_first ? "DESC" : "ASC", " LIMIT ", std::max(query.limit, 1));

  // The narrowest way in, by what usually is.
  const auto from = [&](absl::string_view index, absl::string_view condition) {
    return absl::StrCat("SELECT ", kColumns, " FROM calls INDEXED BY ", index, " WHERE ", condition, " AND ", rest);
  };
  const auto merged = [&](absl::string_view index, absl::string_view column, const std::vector<int64_t>& ids) {
    return absl::StrJoin(ids, " UNION ALL ", [&](std::string* out, int64_t id) {
      absl::StrAppend(out, from(index, absl::StrCat(column, " = ", id)));
    });
  };
  for (const auto* ids : {&*identities, &*methods, &*upstreams}) {
    if (ids->has_value() && (*ids)->empty()) return std::nullopt;
  }
  if (query.open_only) return absl::StrCat(from("calls_open", "end_reason = 0"), order);
  if (query.session_id.has_value()) return absl::StrCat(from("calls_session", "1"), order);
  if (query.status_code.value_or(0) != 0 && !open_as_ended) {
    return absl::StrCat(from("calls_failed", "status <> 0"), order);
  }
  if (query.min_duration.has_value() && absl::ToInt64Nanoseconds(*query.min_duration) >= kSlowCallNs) {
    return absl::StrCat(from("calls_slow", absl::StrCat("duration_ns >= ", kSlowCallNs)), order);
  }
  if (identities->has_value() && (*identities)->size() <= kMostMerged &&
      !(methods->has_value() && (*methods)->size() < (*identities)->size())) {
    return absl::StrCat(merged("calls_identity", "identity", **identities), order);
  }
  if (methods->has_value() && (*methods)->size() <= kMostMerged) {
    return absl::StrCat(merged("calls_method", "method", **methods), order);
  }
  return absl::StrCat("SELECT ", kColumns, " FROM calls NOT INDEXED WHERE ", rest, order);
}

absl::StatusOr<CallSummary> IndexQueries::Summary(const Statement& row, OpenCalls open_calls) {
  CallSummary call;
  call.id = row.Unsigned(0);
  call.session_id = row.Unsigned(1);
  const std::pair<Names*, std::string*> names[] = {
      {&identities_, &call.identity}, {&methods_, &call.method}, {&upstreams_, &call.upstream}};
  for (int i = 0; i < 3; ++i) {
    absl::StatusOr<std::string> name = Name(*names[i].first, row.Integer(2 + i));
    if (!name.ok()) return name.status();
    *names[i].second = *std::move(name);
  }
  call.peer = std::string(row.Text(5));
  call.start = absl::FromUnixNanos(row.Integer(6));
  call.end_reason = static_cast<v1::EndReason>(row.Integer(7));
  call.status_code = static_cast<int>(row.Integer(8));
  call.duration = absl::Nanoseconds(row.Integer(9));
  call.request_frames = row.Unsigned(10);
  call.response_frames = row.Unsigned(11);
  call.request_bytes = row.Unsigned(12);
  call.response_bytes = row.Unsigned(13);
  if (call.end_reason == v1::END_REASON_UNSPECIFIED && open_calls == OpenCalls::kInterrupted) {
    call.end_reason = v1::END_REASON_INTERRUPTED;
    call.status_code = kInterruptedStatus;
  }
  return call;
}

absl::StatusOr<std::vector<CallSummary>> IndexQueries::Calls(const CallQuery& query, OpenCalls open_calls) {
  absl::StatusOr<std::optional<std::string>> sql = BuildCallsSql(query, open_calls);
  if (!sql.ok()) return sql.status();
  std::vector<CallSummary> calls;
  if (!sql->has_value()) return calls;
  absl::StatusOr<Statement> select = database_->Prepare(**sql);
  if (!select.ok()) return select.status();
  while (true) {
    absl::StatusOr<bool> row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return calls;
    absl::StatusOr<CallSummary> call = Summary(*select, open_calls);
    if (!call.ok()) return call.status();
    calls.push_back(*std::move(call));
  }
}

absl::StatusOr<CallSummary> IndexQueries::Call(uint64_t id, OpenCalls open_calls) {
  absl::StatusOr<Statement> select = database_->Prepare(absl::StrCat("SELECT ", kColumns, " FROM calls WHERE id = ?1"));
  if (!select.ok()) return select.status();
  select->Bind(1, id);
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError("there is no such call");
  return Summary(*select, open_calls);
}

absl::StatusOr<IndexQueries::CallPlace> IndexQueries::Place(uint64_t id) {
  absl::StatusOr<Statement> select = database_->Prepare(
      "SELECT calls.position, end_reason, positions_exact_to FROM calls, progress WHERE calls.id = ?1");
  if (!select.ok()) return select.status();
  select->Bind(1, id);
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError("there is no such call");
  CallPlace place;
  place.last = Position::FromPacked(select->Unsigned(0));
  place.open = select->Integer(1) == 0;
  place.exact_to = Position::FromPacked(select->Unsigned(2));
  return place;
}

absl::StatusOr<Position> IndexQueries::Progress() {
  absl::StatusOr<Statement> select = database_->Prepare("SELECT position FROM progress");
  if (!select.ok()) return select.status();
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  return Position::FromPacked(*row ? select->Unsigned(0) : 0);
}

absl::StatusOr<std::vector<SessionSummary>> IndexQueries::Sessions(const SessionQuery& query) {
  absl::StatusOr<std::optional<std::vector<int64_t>>> identities = Matching(identities_, query.identity);
  if (!identities.ok()) return identities.status();
  std::string sql = "SELECT id, identity, name, peer, first_start_ns, last_start_ns, calls FROM sessions WHERE 1";
  if (identities->has_value()) absl::StrAppend(&sql, " AND ", IsOneOf("identity", **identities));
  if (query.since.has_value()) absl::StrAppend(&sql, " AND last_start_ns >= ", SaturatingNanos(*query.since));
  if (query.after.has_value()) {
    absl::StrAppend(&sql, " AND id < ", static_cast<int64_t>(std::min(*query.after, uint64_t{INT64_MAX})));
  }
  absl::StrAppend(&sql, " ORDER BY id DESC LIMIT ", std::max(query.limit, 1));
  absl::StatusOr<Statement> select = database_->Prepare(sql);
  if (!select.ok()) return select.status();
  std::vector<SessionSummary> sessions;
  while (true) {
    absl::StatusOr<bool> row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return sessions;
    SessionSummary session;
    session.id = select->Unsigned(0);
    absl::StatusOr<std::string> identity = Name(identities_, select->Integer(1));
    if (!identity.ok()) return identity.status();
    session.identity = *std::move(identity);
    session.name = std::string(select->Text(2));
    session.peer = std::string(select->Text(3));
    session.first_start = absl::FromUnixNanos(select->Integer(4));
    session.last_start = absl::FromUnixNanos(select->Integer(5));
    session.calls = select->Unsigned(6);
    sessions.push_back(std::move(session));
  }
}

}  // namespace sallyport::recorder
