// The rows of sessions, written.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_SESSION_ROWS_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_SESSION_ROWS_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/sqlite/call_finder.h"
#include "recorder/index/sqlite/call_rows.h"
#include "recorder/index/sqlite/name_table.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// The table `sessions`: each row says what the calls of the session that are in the index and not shredded say, so that
// it does not depend on the order in which calls came and went. Changes are gathered and written together. Not
// thread-safe.
class SessionRows {
 public:
  // `database` and `names` must outlive it.
  static absl::StatusOr<SessionRows> Create(Database& database, NameTable& names);

  // A call of the session began. `name` is the number of the session's name.
  void Add(uint64_t session, const CallRow& call, int64_t name);
  // One of its calls is no more.
  void Lose(uint64_t session) { ++lost_[session]; }
  // All rows of calls must be in their table, and postings up to date.
  absl::Status Write();

 private:
  // One end of a session.
  struct Bound {
    int64_t call = 0;
    int64_t start_ns = 0;
    int64_t identity = 0;
    int64_t peer = 0;
    int64_t port = -1;
  };
  struct Session {
    Bound first;
    Bound last;  // of which only call and start are kept
    int64_t name = 0;
    int64_t calls = 0;
  };

  SessionRows(NameTable& names, CallFinder finder) : names_(&names), finder_(std::move(finder)) {}

  // Sessions are remembered as they are in the table, so that most need not be read before they are written.
  static constexpr size_t kRemembered = 8192;

  absl::StatusOr<bool> Find(uint64_t id, Session& session);
  absl::Status Put(uint64_t id, const Session& session);
  absl::Status WriteAdded(uint64_t id, const Session& added);
  absl::Status WriteLost(uint64_t id, int64_t calls);
  absl::Status Remove(uint64_t id, const Session& session);
  // The session's call that comes first or last. Nothing if it has none.
  absl::StatusOr<std::optional<Bound>> FindBound(uint64_t id, const Session& within, bool newest_first);

  NameTable* names_;
  CallFinder finder_;
  Statement find_;
  Statement put_;
  Statement extend_;
  Statement remove_;
  absl::flat_hash_map<uint64_t, Session> added_;
  absl::flat_hash_map<uint64_t, int64_t> lost_;
  absl::flat_hash_map<uint64_t, Session> remembered_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_SESSION_ROWS_H_
