// The index's tables.
#ifndef SALLYPORT_RECORDER_FORMAT_INDEX_SCHEMA_H_
#define SALLYPORT_RECORDER_FORMAT_INDEX_SCHEMA_H_

#include <string>

namespace sallyport::recorder {

// An index of another version is made again from the log.
constexpr int kIndexVersion = 5;
// The value of `PRAGMA user_version` of an index that was made while part of the log was damaged; 0 otherwise.
constexpr int kMissesDamaged = 1;

// A SQLite index costs each call more than a microsecond, so there is only the one that is nearly empty. What finds
// calls by their other properties are postings (postings.h), written for thousands of calls at once.
//
// `names`: every text, sealed (name_sealer.h), with how many rows of calls and sessions use it. Numbers are never given
// twice, since readers remember them. A name number 0 in another table stands for the empty text.
//
// `sessions`: `first_call` and `last_call` are the smallest and the largest id of the session's calls; identity, name,
// peer and first start are those of the first, the last start that of the last. Only calls that are not shredded count.
//
// `calls`: call_columns.h.
//
// `chunks`: a chunk has the calls with ids up to `last_id` and above that of the chunk before. Calls above all chunks
// have no postings yet. Small chunks are merged into larger ones, of the next `level` (chunks.h). Both starts are the
// earliest and the latest of its calls, so that a search within times passes over the others even where the clock was
// set; `heads` says the same of each stretch of some calls (call_stretch.h). Since version 5 postings also hold what
// these calls say in numbers (call_measures.h). `postings.key` is made of the chunk's number, a kind and a value
// (postings.h).
//
// `scrubbed`: the shredded segments of whose calls nothing is left here.
//
// `progress` has one row. `position`: where in the log the first block is that the index does not know; written in the
// transaction that indexes what stands before it. `positions_exact_to`: up to here `position` in the rows of open calls
// is exact.
std::string IndexSchema();

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_INDEX_SCHEMA_H_
