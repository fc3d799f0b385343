// The index's tables.
#ifndef SALLYPORT_RECORDER_INDEX_SCHEMA_H_
#define SALLYPORT_RECORDER_INDEX_SCHEMA_H_

namespace sallyport::recorder {

// An index of another version is made again from the log.
constexpr int kIndexVersion = 1;

// Calls that took at least this long are in the index `calls_slow`.
#define SALLYPORT_SLOW_CALL_NS "1000000000"
constexpr long long kSlowCallNs = 1'000'000'000;

// Every index costs each call about a microsecond; these are the ones that questions need. A SQLite index ends in the
// row's id, and ids grow with the start, so each lists its calls by time.
//
// `progress` has one row. `position`: where in the log the first block is that the index does not know; written in the
// transaction that indexes what stands before it. `positions_exact_to`: up to here `position` in the rows of open calls
// is exact. `ahead_us`, `behind_us`: by how much ids are at most ahead of and behind the start in microseconds (a clock
// that was set back), so that a range of times becomes a range of ids.
constexpr char kSchema[] = R"sql(
CREATE TABLE identities(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE methods(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE upstreams(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE sessions(
  id INTEGER PRIMARY KEY, identity INTEGER NOT NULL, name TEXT NOT NULL, peer TEXT NOT NULL,
  first_start_ns INTEGER NOT NULL, last_start_ns INTEGER NOT NULL, calls INTEGER NOT NULL);
CREATE TABLE calls(
  id INTEGER PRIMARY KEY, identity INTEGER NOT NULL, session INTEGER NOT NULL, method INTEGER NOT NULL,
  upstream INTEGER NOT NULL, peer TEXT NOT NULL, start_ns INTEGER NOT NULL, end_reason INTEGER NOT NULL,
  status INTEGER NOT NULL, duration_ns INTEGER NOT NULL, request_frames INTEGER NOT NULL,
  response_frames INTEGER NOT NULL, request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
  position INTEGER NOT NULL);
CREATE INDEX calls_identity ON calls(identity);
CREATE INDEX calls_method ON calls(method);
CREATE INDEX calls_session ON calls(session);
CREATE INDEX calls_failed ON calls(status) WHERE status <> 0;
CREATE INDEX calls_open ON calls(id) WHERE end_reason = 0;
CREATE INDEX calls_slow ON calls(id) WHERE duration_ns >= )sql" SALLYPORT_SLOW_CALL_NS R"sql(;
CREATE TABLE progress(
  version INTEGER NOT NULL, store_id TEXT NOT NULL, position INTEGER NOT NULL, sequence INTEGER NOT NULL,
  positions_exact_to INTEGER NOT NULL, ahead_us INTEGER NOT NULL, behind_us INTEGER NOT NULL);
)sql";

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SCHEMA_H_
