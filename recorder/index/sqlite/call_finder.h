// Finds the rows of calls that fulfil conditions.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CALL_FINDER_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CALL_FINDER_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/trace_id.h"
#include "recorder/index/sqlite/ordinal_set.h"
#include "recorder/index/sqlite/postings.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// Conditions in the index's own numbers. All that are set must hold.
struct CallConditions {
  // Numbers of names, in order.
  std::optional<std::vector<int64_t>> identities;
  std::optional<std::vector<int64_t>> methods;
  std::optional<std::vector<int64_t>> upstreams;
  std::optional<int64_t> session;
  std::optional<TraceNumbers> trace;
  std::optional<int64_t> status;
  bool or_open = false;  // with `status`: an open call has it as well
  std::optional<int64_t> min_duration_ns;
  bool open_only = false;
  int64_t since_ns = std::numeric_limits<int64_t>::min();
  int64_t until_ns = std::numeric_limits<int64_t>::max();  // its time is not included
  int64_t first_id = 0;
  int64_t last_id = std::numeric_limits<int64_t>::max();
  bool newest_first = true;
};

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
  // A call must be in a list of one of these values.
  struct Lists {
    PostingKind kind = PostingKind::kIdentity;
    std::vector<int64_t> values;  // in order
    int64_t at_least = -1;        // instead of `values`, unless it is -1
    bool or_open = false;
  };
  struct Search {
    const CallConditions& conditions;
    TakeRow take_row;
    std::vector<Lists> lists;
  };

  explicit CallFinder(Database& database) : database_(&database) {}

  static std::vector<Lists> ListsFor(const CallConditions& conditions);
  // Each returns whether to go on.
  absl::StatusOr<bool> SearchRows(const Search& search, int64_t first_id, int64_t last_id);
  absl::StatusOr<bool> SearchChunks(const Search& search);
  absl::StatusOr<bool> SearchChunk(const Search& search, int64_t last_id, int64_t chunk, size_t stretches);
  absl::StatusOr<bool> SearchStretch(const Search& search, int64_t chunk, size_t number);
  // Hands on those of `rows` that fulfil the conditions.
  absl::StatusOr<bool> HandOnFulfilling(const Search& search, Statement& rows);

  // Leaves in `found_` those ordinals of a chunk that are in the lists; returns whether there are any.
  absl::StatusOr<bool> Intersect(const std::vector<Lists>& lists, int64_t chunk, size_t size);
  // Adds to `set` what is in one of the lists.
  absl::Status ReadLists(const Lists& lists, int64_t chunk, OrdinalSet& set);
  absl::Status ReadList(PostingKind kind, int64_t value, int64_t chunk, OrdinalSet& set);
  absl::Status ReadRange(const Lists& lists, int64_t chunk, OrdinalSet& set);

  Database* database_;
  Statement select_call_;
  Statement select_calls_up_;
  Statement select_calls_down_;
  Statement select_heads_;
  Statement select_ids_;
  Statement select_list_;  // the row that a list would be in
  Statement select_range_;
  Statement last_chunk_;

  // Kept for their capacity.
  OrdinalSet found_;
  OrdinalSet listed_;
  std::string heads_;
  std::vector<int64_t> ids_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CALL_FINDER_H_
