// Sessions as somebody sees them who may be told of some calls only.
//
// What the table `sessions` says is of all calls, so it is not used: rows of hidden sessions would be passed over, in
// time that tells of them. Sessions are found through the calls in scope, newest first.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "recorder/format/call_columns.h"
#include "recorder/format/peer_address.h"
#include "recorder/index/sqlite/call_rows.h"
#include "recorder/index/sqlite/sqlite_search.h"

namespace sallyport::recorder {
namespace {

// In ids, which are microseconds. A session has the id of the call that began it. Others that join it have larger ones,
// but for those that had come shortly before and were still being proved.
constexpr int64_t kLateToJoin = 60'000'000;

}  // namespace

absl::Status SqliteSearch::AddScopedSessions(const SessionQuery& query, const std::vector<ScopeNumbers>& scope,
                                             std::vector<SessionSummary>& sessions) {
  CallConditions conditions;
  conditions.scope = scope;
  const size_t limit = static_cast<size_t>(std::max(query.limit, 1));
  int64_t below = std::numeric_limits<int64_t>::max();
  if (query.after.has_value()) below = static_cast<int64_t>(std::min<uint64_t>(*query.after, INT64_MAX));
  // A session is listed by the identity of its first call, so that some of those that are found are not.
  while (sessions.size() < limit) {
    const absl::StatusOr<std::vector<int64_t>> found = SessionsInScope(query, conditions, below);
    if (!found.ok()) return found.status();
    for (int64_t session : *found) {
      absl::StatusOr<std::optional<SessionSummary>> summary = SessionInScope(query, session, conditions);
      if (!summary.ok()) return summary.status();
      if (summary->has_value()) sessions.push_back(**std::move(summary));
      if (sessions.size() == limit) break;
    }
    if (found->size() < limit) break;
    below = found->back();
  }
  return absl::OkStatus();
}

// The largest below `below` of the sessions that have calls in scope which fulfil what is asked for, as many as a page
// has, from the largest on.
absl::StatusOr<std::vector<int64_t>> SqliteSearch::SessionsInScope(const SessionQuery& query, CallConditions conditions,
                                                                   int64_t below) {
  absl::StatusOr<std::optional<std::vector<int64_t>>> identities = names_.Matching(NameKind::kIdentity, query.identity);
  if (!identities.ok()) return identities.status();
  if (identities->has_value() && (*identities)->empty()) return std::vector<int64_t>();
  conditions.identities = *std::move(identities);
  if (query.since.has_value()) conditions.since_ns = absl::ToUnixNanos(*query.since);
  std::set<int64_t, std::greater<>> found;
  const auto limit = static_cast<size_t>(std::max(query.limit, 1));
  const absl::Status status = finder_->Find(conditions, [&](const Statement& row) -> absl::StatusOr<bool> {
    const int64_t id = row.Integer(ColumnOf(&CallRow::id));
    // All sessions that are still to be met began before those that were found.
    if (found.size() == limit && *found.rbegin() > kLateToJoin && id < *found.rbegin() - kLateToJoin) return false;
    const int64_t session = row.Integer(ColumnOf(&CallRow::session));
    if (session != 0 && session < below && (found.size() < limit || session > *found.rbegin())) {
      found.insert(session);
      if (found.size() > limit) found.erase(std::prev(found.end()));
    }
    return true;
  });
  if (!status.ok()) return status;
  return std::vector<int64_t>(found.begin(), found.end());
}

// What the calls of a session that are in scope say. Nothing if it is not of the identity that is asked for.
absl::StatusOr<std::optional<SessionSummary>> SqliteSearch::SessionInScope(const SessionQuery& query, int64_t session,
                                                                           CallConditions conditions) {
  const absl::StatusOr<bool> known = AddSession(session, conditions);
  if (!known.ok()) return known.status();
  if (!*known) return std::nullopt;
  conditions.newest_first = false;
  SessionSummary summary;
  CallRow first;
  int64_t last_start_ns = 0;
  const absl::Status status = finder_->Find(conditions, [&](const Statement& row) -> absl::StatusOr<bool> {
    if (summary.calls == 0) first = CallRowOf(row);
    last_start_ns = row.Integer(ColumnOf(&CallRow::start_ns));
    ++summary.calls;
    return true;
  });
  if (!status.ok()) return status;
  const absl::StatusOr<std::optional<std::vector<int64_t>>> identities =
      names_.Matching(NameKind::kIdentity, query.identity);
  if (!identities.ok()) return identities.status();
  const bool meant =
      !identities->has_value() || std::binary_search((*identities)->begin(), (*identities)->end(), first.identity);
  if (summary.calls == 0 || !meant) return std::nullopt;
  return NamedSession(session, first, last_start_ns, std::move(summary));
}

absl::StatusOr<std::optional<SessionSummary>> SqliteSearch::NamedSession(int64_t session, const CallRow& first,
                                                                         int64_t last_start_ns,
                                                                         SessionSummary summary) {
  absl::StatusOr<Statement> select = database_->Prepare("SELECT name FROM sessions WHERE id = ?1");
  if (!select.ok()) return select.status();
  select->Bind(1, session);
  const absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  const std::pair<int64_t, std::string*> texts[] = {
      {first.identity, &summary.identity}, {*row ? select->Integer(0) : 0, &summary.name}, {first.peer, &summary.peer}};
  for (const auto& [number, text] : texts) {
    absl::StatusOr<std::string> name = names_.Name(number);
    if (!name.ok()) return name.status();
    *text = *std::move(name);
  }
  summary.id = static_cast<uint64_t>(session);
  summary.peer = JoinPeer(std::move(summary.peer), first.port);
  summary.first_start = absl::FromUnixNanos(first.start_ns);
  summary.last_start = absl::FromUnixNanos(last_start_ns);
  return summary;
}

}  // namespace sallyport::recorder
