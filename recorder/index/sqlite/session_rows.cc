#include "recorder/index/sqlite/session_rows.h"

#include <utility>

namespace sallyport::recorder {

absl::StatusOr<SessionRows> SessionRows::Create(Database& database, NameTable& names) {
  absl::StatusOr<CallFinder> finder = CallFinder::Create(database);
  if (!finder.ok()) return finder.status();
  SessionRows rows(names, *std::move(finder));
  const absl::Status status = database.PrepareAll({
      {&rows.find_,
       "SELECT identity, name, peer, port, first_call, last_call, first_start_ns, last_start_ns, calls FROM sessions "
       "WHERE id = ?1"},
      {&rows.put_,
       "INSERT INTO sessions(id, identity, name, peer, port, first_call, last_call, first_start_ns, last_start_ns, "
       "calls) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(id) DO UPDATE SET identity = ?2, "
       "name = ?3, peer = ?4, port = ?5, first_call = ?6, last_call = ?7, first_start_ns = ?8, last_start_ns = ?9, "
       "calls = ?10"},
      {&rows.extend_, "UPDATE sessions SET last_call = ?2, last_start_ns = ?3, calls = ?4 WHERE id = ?1"},
      {&rows.remove_, "DELETE FROM sessions WHERE id = ?1"},
  });
  if (!status.ok()) return status;
  return rows;
}

void SessionRows::Add(uint64_t session, const CallRow& call, int64_t name) {
  const auto [found, fresh] = added_.try_emplace(session);
  Session& added = found->second;
  const int64_t id = call.id;
  if (fresh || id < added.first.call) {
    added.first = {id, call.start_ns, call.identity, call.peer, call.port};
    added.name = name;
  }
  if (fresh || id > added.last.call) added.last = {id, call.start_ns};
  ++added.calls;
}

absl::Status SessionRows::Write() {
  for (const auto& [id, session] : added_) {
    if (absl::Status status = WriteAdded(id, session); !status.ok()) return status;
  }
  added_.clear();
  for (const auto& [id, calls] : lost_) {
    if (absl::Status status = WriteLost(id, calls); !status.ok()) return status;
  }
  lost_.clear();
  return absl::OkStatus();
}

absl::Status SessionRows::WriteAdded(uint64_t id, const Session& added) {
  Session session;
  const absl::StatusOr<bool> known = Find(id, session);
  if (!known.ok()) return known.status();
  if (!*known) {
    names_->Use(added.name);
    return Put(id, added);
  }
  const bool begins_earlier = added.first.call < session.first.call;
  if (begins_earlier) {
    session.first = added.first;
    names_->Release(session.name);
    session.name = added.name;
    names_->Use(session.name);
  }
  if (added.last.call > session.last.call) session.last = added.last;
  session.calls += added.calls;
  if (begins_earlier) return Put(id, session);
  remembered_[id] = session;
  extend_.Bind(1, id);
  extend_.Bind(2, session.last.call);
  extend_.Bind(3, session.last.start_ns);
  extend_.Bind(4, session.calls);
  return extend_.Run();
}

absl::Status SessionRows::WriteLost(uint64_t id, int64_t calls) {
  Session session;
  const absl::StatusOr<bool> known = Find(id, session);
  if (!known.ok() || !*known) return known.status();
  session.calls -= calls;
  if (session.calls <= 0) return Remove(id, session);
  const absl::StatusOr<std::optional<Bound>> first = FindBound(id, session, /*newest_first=*/false);
  if (!first.ok()) return first.status();
  const absl::StatusOr<std::optional<Bound>> last = FindBound(id, session, /*newest_first=*/true);
  if (!last.ok()) return last.status();
  if (!first->has_value() || !last->has_value()) return Remove(id, session);
  session.first = **first;
  session.last = **last;
  return Put(id, session);
}

absl::Status SessionRows::Remove(uint64_t id, const Session& session) {
  names_->Release(session.name);
  remembered_.erase(id);
  remove_.Bind(1, id);
  return remove_.Run();
}

absl::StatusOr<std::optional<SessionRows::Bound>> SessionRows::FindBound(uint64_t id, const Session& within,
                                                                         bool newest_first) {
  CallConditions conditions;
  conditions.session = static_cast<int64_t>(id);
  conditions.first_id = within.first.call;
  conditions.last_id = within.last.call;
  conditions.newest_first = newest_first;
  std::optional<Bound> bound;
  const absl::Status status = finder_.Find(conditions, [&](const Statement& row) -> absl::StatusOr<bool> {
    const CallRow call = CallRowOf(row);
    bound = Bound{call.id, call.start_ns, call.identity, call.peer, call.port};
    return false;
  });
  if (!status.ok()) return status;
  return bound;
}

absl::StatusOr<bool> SessionRows::Find(uint64_t id, Session& session) {
  if (auto remembered = remembered_.find(id); remembered != remembered_.end()) {
    session = remembered->second;
    return true;
  }
  find_.Bind(1, id);
  absl::StatusOr<bool> found = find_.Step();
  if (found.ok() && *found) {
    session.first = {find_.Integer(4), find_.Integer(6), find_.Integer(0), find_.Integer(2), find_.Integer(3)};
    session.last = {find_.Integer(5), find_.Integer(7)};
    session.name = find_.Integer(1);
    session.calls = find_.Integer(8);
  }
  find_.Reset();
  return found;
}

absl::Status SessionRows::Put(uint64_t id, const Session& session) {
  if (remembered_.size() >= kRemembered) remembered_.clear();
  remembered_[id] = session;
  put_.Bind(1, id);
  put_.Bind(2, session.first.identity);
  put_.Bind(3, session.name);
  put_.Bind(4, session.first.peer);
  put_.Bind(5, session.first.port);
  put_.Bind(6, session.first.call);
  put_.Bind(7, session.last.call);
  put_.Bind(8, session.first.start_ns);
  put_.Bind(9, session.last.start_ns);
  put_.Bind(10, session.calls);
  return put_.Run();
}

}  // namespace sallyport::recorder
