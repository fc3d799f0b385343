// The index's tables.
#ifndef SALLYPORT_RECORDER_FORMAT_INDEX_SCHEMA_H_
#define SALLYPORT_RECORDER_FORMAT_INDEX_SCHEMA_H_

#include <cstdint>

namespace sallyport::recorder {

// An index of another version is made again from the log.
constexpr int kIndexVersion = 3;
// The value of `PRAGMA user_version` of an index that was made while part of the log was damaged; 0 otherwise.
constexpr int kMissesDamaged = 1;

// `calls.end_reason` of a call that is open.
constexpr int64_t kOpen = 0;
// `calls.end_reason` of a call part of which is destroyed. Its row has its id, its last block that is there, the start
// that the id tells, and zeros.
constexpr int64_t kShredded = -1;

// In `calls.end_reason` of a call that ended: its connection was lost. Beside the reason, so that old rows stay good.
constexpr int64_t kConnectionLost = int64_t{1} << 32;

// A SQLite index costs each call more than a microsecond, so there is only the one that is nearly empty. What finds
// calls by their other properties are postings (postings.h), written for thousands of calls at once.
//
// `names`: every text, sealed (name_sealer.h), with how many rows of calls and sessions use it. Numbers are never given
// twice, since readers remember them. A name number 0 in another table stands for the empty text.
//
// `sessions`: `first_call` and `last_call` are the smallest and the largest id of the session's calls; identity, name,
// peer and first start are those of the first, the last start that of the last. Only calls that are not shredded count.
//
// `calls`: `peer` is the address without its port, `port` -1 where it has none. `first_segment` is where the call
// begins. Nothing is NULL; NOT NULL, checked for each column, would be a noticeable part of what a row costs.
//
// `chunks`: a chunk has the calls with ids up to `last_id` and above that of the chunk before. Calls above all chunks
// have no postings yet. Small chunks are merged into larger ones, of the next `level` (chunks.h). Both starts are the
// earliest and the latest of its calls, so that a search within times passes over the others even where the clock was
// set; `heads` says the same of each stretch of some calls (call_stretch.h). `postings.key` is made of the chunk's
// number, a kind and a value (postings.h).
//
// `scrubbed`: the shredded segments of whose calls nothing is left here.
//
// `progress` has one row. `position`: where in the log the first block is that the index does not know; written in the
// transaction that indexes what stands before it. `positions_exact_to`: up to here `position` in the rows of open calls
// is exact.
constexpr char kSchema[] = R"sql(
CREATE TABLE names(
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, hash BLOB NOT NULL, sealed BLOB NOT NULL,
  uses INTEGER NOT NULL, UNIQUE(kind, hash));
CREATE TABLE sessions(
  id INTEGER PRIMARY KEY, identity INTEGER NOT NULL, name INTEGER NOT NULL, peer INTEGER NOT NULL,
  port INTEGER NOT NULL, first_call INTEGER NOT NULL, last_call INTEGER NOT NULL, first_start_ns INTEGER NOT NULL,
  last_start_ns INTEGER NOT NULL, calls INTEGER NOT NULL);
CREATE TABLE calls(
  id INTEGER PRIMARY KEY, identity INTEGER, session INTEGER, method INTEGER,
  upstream INTEGER, peer INTEGER, port INTEGER, start_ns INTEGER,
  end_reason INTEGER, status INTEGER, duration_ns INTEGER,
  request_frames INTEGER, response_frames INTEGER, request_bytes INTEGER,
  response_bytes INTEGER, first_segment INTEGER, position INTEGER);
CREATE INDEX calls_open ON calls(id) WHERE end_reason = 0;
CREATE TABLE chunks(
  last_id INTEGER PRIMARY KEY, number INTEGER NOT NULL, level INTEGER NOT NULL,
  first_start_ns INTEGER NOT NULL, last_start_ns INTEGER NOT NULL, heads BLOB NOT NULL);
CREATE TABLE postings(key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE scrubbed(segment INTEGER PRIMARY KEY);
CREATE TABLE progress(
  version INTEGER NOT NULL, store_id TEXT NOT NULL, position INTEGER NOT NULL, sequence INTEGER NOT NULL,
  positions_exact_to INTEGER NOT NULL);
)sql";

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_INDEX_SCHEMA_H_
