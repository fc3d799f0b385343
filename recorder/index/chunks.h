// Divides calls into chunks, and writes their postings.
#ifndef SALLYPORT_RECORDER_INDEX_CHUNKS_H_
#define SALLYPORT_RECORDER_INDEX_CHUNKS_H_

#include <cstdint>
#include <limits>
#include <set>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/database.h"
#include "recorder/index/postings.h"

namespace sallyport::recorder {

// The tables `chunks` and `postings`, written from the rows of `calls`. Rows are chunked late enough that few calls come
// after their chunk was written; for one that does, the chunk is written again. Not thread-safe.
class Chunks {
 public:
  // `database` must outlive it.
  static absl::StatusOr<Chunks> Create(Database& database);

  // Tells of a row that was inserted, one whose names or session changed, and one that was removed.
  absl::Status Inserted(int64_t id);
  absl::Status Changed(int64_t id);
  absl::Status Removed(int64_t id);
  // Writes what is due. All rows must be in the table.
  absl::Status Write();

 private:
  static constexpr int64_t kCalls = 8192;  // in a chunk
  static constexpr int64_t kCallsLeft = 4096;
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::min();

  Chunks() = default;

  absl::Status Load(Database& database);
  bool IsChunked(int64_t id) const { return id <= chunked_to_; }
  absl::Status MarkDirty(int64_t id);
  enum class Rest {
    kTake,   // the last chunk may be a small one
    kLeave,  // kCallsLeft calls or more get no chunk yet
  };
  // Makes chunks of the rows above `after` and up to `to`. Returns how many calls are in them.
  absl::StatusOr<int64_t> WriteChunks(int64_t after, int64_t to, Rest rest);
  absl::Status WriteChunk(int64_t last_id);
  absl::Status WriteAgain(int64_t last_id);

  Statement select_calls_;
  Statement insert_chunk_;
  Statement insert_posting_;
  Statement find_chunk_;
  Statement chunk_before_;
  Statement chunk_number_;
  Statement remove_chunk_;
  Statement remove_postings_;

  PostingsBuilder builder_;
  int64_t chunked_to_ = kNone;  // the last chunk's last_id
  int64_t next_number_ = 1;
  int64_t unchunked_ = 0;
  std::set<int64_t> dirty_;  // chunks by last_id
  int64_t dirty_after_ = 0;  // the calls of the chunk marked last: above this
  int64_t dirty_to_ = kNone;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_CHUNKS_H_
