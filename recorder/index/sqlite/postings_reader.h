// Which calls of a chunk may fulfil conditions.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_POSTINGS_READER_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_POSTINGS_READER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/sqlite/call_conditions.h"
#include "recorder/index/sqlite/ordinal_set.h"
#include "recorder/index/sqlite/postings.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// Reads the table `postings`, lists of one chunk at a time. Not thread-safe.
class PostingsReader {
 public:
  // A call must be in a list of one of these values.
  struct Lists {
    PostingKind kind = PostingKind::kIdentity;
    std::vector<int64_t> values;  // in order
    int64_t at_least = -1;        // instead of `values`, unless it is -1
    bool or_open = false;
  };
  // The lists that conditions name: a call must be in each of `lists` and, where there is a scope, in each of one of
  // its parts.
  struct Wanted {
    struct Part {
      std::vector<Lists> lists;
      Lists but;
    };
    std::vector<Lists> lists;
    std::vector<Part> scope;
    bool any() const { return !lists.empty() || !scope.empty(); }
  };
  static Wanted WantedBy(const CallConditions& conditions);

  // `database` must outlive it.
  static absl::StatusOr<PostingsReader> Create(Database& database);

  // Leaves in `found` the ordinals below `size` of the calls that may fulfil the conditions; returns whether there are
  // any.
  absl::StatusOr<bool> Find(const Wanted& wanted, int64_t chunk, size_t size, OrdinalSet& found);

  // Hands on all lists of a kind, until `visit` returns false, which means that the list is damaged.
  absl::Status ForEachListOf(PostingKind kind, int64_t chunk, absl::FunctionRef<bool(const PostingList&)> visit);

 private:
  PostingsReader() = default;

  // Leaves in `found` what of it is in all lists; returns whether that is any.
  absl::StatusOr<bool> Keep(const std::vector<Lists>& lists, int64_t chunk, size_t size, OrdinalSet& found);
  absl::StatusOr<bool> KeepScope(const std::vector<Wanted::Part>& scope, int64_t chunk, size_t size, OrdinalSet& found);
  // Adds to `set` what is in one of the lists.
  absl::Status ReadLists(const Lists& lists, int64_t chunk, OrdinalSet& set);
  absl::Status ReadList(PostingKind kind, int64_t value, int64_t chunk, OrdinalSet& set);
  absl::Status ReadRange(const Lists& lists, int64_t chunk, OrdinalSet& set);
  // Hands on the lists of the values from `first` to `last`, and perhaps some before.
  absl::Status ForEachListBetween(PostingKind kind, int64_t chunk, int64_t first, int64_t last,
                                  absl::FunctionRef<bool(const PostingList&)> visit);

  Statement select_list_;  // the row that a list would be in
  Statement select_range_;
  // Kept for their capacity.
  OrdinalSet listed_;
  OrdinalSet part_;
  OrdinalSet scope_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_POSTINGS_READER_H_
