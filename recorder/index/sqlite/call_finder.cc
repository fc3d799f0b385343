#include "recorder/index/sqlite/call_finder.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "recorder/format/call_columns.h"
#include "recorder/index/sqlite/call_stretch.h"

namespace sallyport::recorder {
namespace {

// Of more values it is not SQLite that tells which rows have one.
constexpr size_t kMostInSql = 16;
// Rows that stand together are read in one go where at least one in so many is wanted.
constexpr size_t kSparse = 8;

// The conditions that cost SQLite less than handing on a row that does not fulfil them. Made from numbers, so no text
// of a query gets into the SQL.
std::string SqlFor(const CallConditions& conditions) {
  std::string sql;
  const std::pair<absl::string_view, const std::optional<std::vector<int64_t>>*> names[] = {
      {"identity", &conditions.identities}, {"method", &conditions.methods}, {"upstream", &conditions.upstreams}};
  for (const auto& [column, numbers] : names) {
    if (!numbers->has_value() || (*numbers)->size() > kMostInSql) continue;
    absl::StrAppend(&sql, " AND ", column, " IN (", absl::StrJoin(**numbers, ","), ")");
  }
  if (conditions.session) absl::StrAppend(&sql, " AND session = ", *conditions.session);
  if (conditions.trace) {
    absl::StrAppend(&sql, " AND trace_high = ", conditions.trace->high, " AND trace_low = ", conditions.trace->low);
  }
  if (conditions.since_ns != std::numeric_limits<int64_t>::min()) {
    absl::StrAppend(&sql, " AND start_ns >= ", conditions.since_ns);
  }
  if (conditions.until_ns != std::numeric_limits<int64_t>::max()) {
    absl::StrAppend(&sql, " AND start_ns < ", conditions.until_ns);
  }
  if (conditions.status) {
    absl::StrAppend(&sql, " AND (status = ", *conditions.status, conditions.or_open ? " OR end_reason = 0)" : ")");
  }
  if (conditions.min_duration_ns) absl::StrAppend(&sql, " AND duration_ns >= ", *conditions.min_duration_ns);
  return sql;
}

bool IsLimited(const CallConditions& conditions) {
  return conditions.since_ns != std::numeric_limits<int64_t>::min() ||
         conditions.until_ns != std::numeric_limits<int64_t>::max();
}

}  // namespace

absl::StatusOr<CallFinder> CallFinder::Create(Database& database) {
  absl::StatusOr<PostingsReader> postings = PostingsReader::Create(database);
  if (!postings.ok()) return postings.status();
  CallFinder finder(database, *std::move(postings));
  const std::string calls = absl::StrCat("SELECT ", CallColumnNames(), " FROM calls NOT INDEXED WHERE id ");
  const std::string call = absl::StrCat(calls, "= ?1");
  const std::string calls_up = absl::StrCat(calls, "BETWEEN ?1 AND ?2 ORDER BY id");
  const std::string calls_down = absl::StrCat(calls_up, " DESC");
  const absl::Status status = database.PrepareAll({
      {&finder.select_call_, call},
      {&finder.select_calls_up_, calls_up},
      {&finder.select_calls_down_, calls_down},
      {&finder.select_heads_, "SELECT heads FROM chunks WHERE last_id = ?1"},
      {&finder.select_ids_, "SELECT bytes FROM postings WHERE key = ?1"},
      {&finder.last_chunk_, "SELECT max(last_id) FROM chunks HAVING count(*) > 0"},
  });
  if (!status.ok()) return status;
  return finder;
}

absl::Status CallFinder::Find(const CallConditions& conditions, TakeRow take_row) {
  if (conditions.first_id > conditions.last_id || conditions.since_ns >= conditions.until_ns) return absl::OkStatus();
  if (conditions.scope && conditions.scope->empty()) return absl::OkStatus();
  const Search search{conditions, take_row, PostingsReader::WantedBy(conditions)};
  int64_t chunked_to = 0;
  const bool all_rows = conditions.open_only || (!search.wanted.any() && !IsLimited(conditions));
  const absl::StatusOr<bool> chunked = all_rows ? false : last_chunk_.RunForInteger(chunked_to);
  if (!chunked.ok()) return chunked.status();
  if (!*chunked || conditions.first_id > chunked_to) {
    return SearchRows(search, conditions.first_id, conditions.last_id).status();
  }
  // The calls above `chunked_to` have no postings yet.
  for (const bool above : {conditions.newest_first, !conditions.newest_first}) {
    if (above && conditions.last_id <= chunked_to) continue;
    const absl::StatusOr<bool> more =
        above ? SearchRows(search, chunked_to + 1, conditions.last_id) : SearchChunks(search);
    if (!more.ok() || !*more) return more.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CallFinder::SearchRows(const Search& search, int64_t first_id, int64_t last_id) {
  const absl::string_view from = search.conditions.open_only ? "calls INDEXED BY calls_open WHERE end_reason = 0 AND "
                                                             : "calls NOT INDEXED WHERE ";
  absl::StatusOr<Statement> select = database_->Prepare(
      absl::StrCat("SELECT ", CallColumnNames(), " FROM ", from, "id BETWEEN ?1 AND ?2", SqlFor(search.conditions),
                   " ORDER BY id ", search.conditions.newest_first ? "DESC" : "ASC"));
  if (!select.ok()) return select.status();
  select->Bind(1, first_id);
  select->Bind(2, last_id);
  return HandOnFulfilling(search, *select);
}

absl::StatusOr<bool> CallFinder::HandOnFulfilling(const Search& search, Statement& rows) {
  absl::StatusOr<bool> more = true;
  while (more.ok() && *more) {
    const absl::StatusOr<bool> row = rows.Step();
    if (!row.ok()) more = row.status();
    if (!row.ok() || !*row) break;
    if (Fulfils(rows, search.conditions)) more = search.take_row(rows);
  }
  rows.Reset();
  return more;
}

absl::StatusOr<bool> CallFinder::SearchChunks(const Search& search) {
  // The first chunk that ends above the range still begins in it.
  absl::StatusOr<Statement> select = database_->Prepare(absl::StrCat(
      "SELECT last_id, number, length(heads) FROM chunks WHERE last_id >= ?1 AND last_id <= coalesce((SELECT "
      "min(last_id) FROM chunks WHERE last_id >= ?2), ?2) AND last_start_ns >= ?3 AND first_start_ns < ?4 "
      "ORDER BY last_id ",
      search.conditions.newest_first ? "DESC" : "ASC"));
  if (!select.ok()) return select.status();
  select->Bind(1, search.conditions.first_id);
  select->Bind(2, search.conditions.last_id);
  select->Bind(3, search.conditions.since_ns);
  select->Bind(4, search.conditions.until_ns);
  while (true) {
    absl::StatusOr<bool> more = select->Step();
    if (!more.ok()) return more.status();
    if (!*more) return true;
    more = SearchChunk(search, select->Integer(0), select->Integer(1), select->Unsigned(2) / StretchHead::kSize);
    if (!more.ok() || !*more) return more;
  }
}

absl::StatusOr<bool> CallFinder::SearchChunk(const Search& search, int64_t last_id, int64_t chunk, size_t stretches) {
  const size_t ordinals = stretches * kCallsPerStretch;
  if (ordinals > kMostOrdinals) return DamagedPostings();
  const absl::StatusOr<bool> any = postings_.Find(search.wanted, chunk, ordinals, found_);
  if (!any.ok()) return any.status();
  if (!*any) return true;
  select_heads_.Bind(1, last_id);
  const absl::StatusOr<bool> row = select_heads_.Step();
  if (row.ok() && *row) heads_ = select_heads_.Text(0);
  select_heads_.Reset();
  if (!row.ok()) return row.status();
  if (!*row || heads_.size() < stretches * StretchHead::kSize) return DamagedPostings();
  for (size_t i = 0; i < stretches; ++i) {
    const absl::StatusOr<bool> more =
        SearchStretch(search, chunk, search.conditions.newest_first ? stretches - 1 - i : i);
    if (!more.ok() || !*more) return more;
  }
  return true;
}

absl::StatusOr<bool> CallFinder::SearchStretch(const Search& search, int64_t chunk, size_t number) {
  const CallConditions& conditions = search.conditions;
  const size_t first_ordinal = number * kCallsPerStretch;
  if (!found_.HasAny(first_ordinal, first_ordinal + kCallsPerStretch)) return true;
  const StretchHead head = StretchHead::Of(heads_, number);
  if (head.starts.last_ns < conditions.since_ns || head.starts.first_ns >= conditions.until_ns) return true;
  if (head.first_id > conditions.last_id) return true;
  const bool is_last = (number + 1) * StretchHead::kSize >= heads_.size();
  if (!is_last && StretchHead::Of(heads_, number + 1).first_id <= conditions.first_id) return true;
  select_ids_.Bind(1, PostingKey(chunk, PostingKind::kStretch, static_cast<int64_t>(number)));
  const absl::StatusOr<bool> row = select_ids_.Step();
  const bool good = row.ok() && *row && DecodeIds(head.first_id, select_ids_.Text(0), ids_);
  select_ids_.Reset();
  if (!row.ok()) return row.status();
  if (!good) return DamagedPostings();
  size_t kept = 0;
  for (size_t i = 0; i < ids_.size(); ++i) {
    const int64_t id = ids_[i];
    if (id >= conditions.first_id && id <= conditions.last_id && found_.Contains(first_ordinal + i)) ids_[kept++] = id;
  }
  ids_.resize(kept);
  if (ids_.empty()) return true;
  if (ids_.size() * kSparse >= kCallsPerStretch) {
    Statement& rows = conditions.newest_first ? select_calls_down_ : select_calls_up_;
    rows.Bind(1, ids_.front());
    rows.Bind(2, ids_.back());
    return HandOnFulfilling(search, rows);
  }
  if (conditions.newest_first) std::reverse(ids_.begin(), ids_.end());
  for (int64_t id : ids_) {
    select_call_.Bind(1, id);
    const absl::StatusOr<bool> more = HandOnFulfilling(search, select_call_);
    if (!more.ok() || !*more) return more;
  }
  return true;
}

}  // namespace sallyport::recorder
