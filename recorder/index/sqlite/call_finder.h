// Finds the rows of calls that fulfil conditions.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CALL_FINDER_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CALL_FINDER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/sqlite/call_conditions.h"
#include "recorder/index/sqlite/ordinal_set.h"
#include "recorder/index/sqlite/postings_reader.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// Finds rows through postings, then checks each. A search reads some rows of each chunk whose calls may fulfil the
// conditions, and the calls that come after all chunks, until enough is found. Several statements make one answer, so
// the caller has a transaction open. One search at a time; not thread-safe.
class CallFinder {
 public:
  // `database` must outlive it.
  static absl::StatusOr<CallFinder> Create(Database& database);

  // Hands on rows, with all columns of calls, in order of their ids, until `take_row` returns false or an error, which
  // is then returned.
  using TakeRow = absl::FunctionRef<absl::StatusOr<bool>(const Statement& row)>;
  absl::Status Find(const CallConditions& conditions, TakeRow take_row);

 private:
  struct Search {
    const CallConditions& conditions;
    TakeRow take_row;
    PostingsReader::Wanted wanted;
  };

  CallFinder(Database& database, PostingsReader postings) : database_(&database), postings_(std::move(postings)) {}

  // Each returns whether to go on.
  absl::StatusOr<bool> SearchRows(const Search& search, int64_t first_id, int64_t last_id);
  absl::StatusOr<bool> SearchChunks(const Search& search);
  absl::StatusOr<bool> SearchChunk(const Search& search, int64_t last_id, int64_t chunk, size_t stretches);
  absl::StatusOr<bool> SearchStretch(const Search& search, int64_t chunk, size_t number);
  // Hands on those of `rows` that fulfil the conditions.
  absl::StatusOr<bool> HandOnFulfilling(const Search& search, Statement& rows);

  Database* database_;
  PostingsReader postings_;
  Statement select_call_;
  Statement select_calls_up_;
  Statement select_calls_down_;
  Statement select_heads_;
  Statement select_ids_;
  Statement last_chunk_;

  // Kept for their capacity.
  OrdinalSet found_;
  std::string heads_;
  std::vector<int64_t> ids_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CALL_FINDER_H_
