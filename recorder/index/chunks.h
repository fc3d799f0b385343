// Divides calls into chunks, and writes their postings.
#ifndef SALLYPORT_RECORDER_INDEX_CHUNKS_H_
#define SALLYPORT_RECORDER_INDEX_CHUNKS_H_

#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/call_stretch.h"
#include "recorder/index/database.h"
#include "recorder/index/postings_builder.h"

namespace sallyport::recorder {

// How calls are divided. Tests choose small numbers.
struct ChunkSizes {
  int64_t calls = 8192;       // in a small chunk
  int64_t calls_left = 4096;  // the newest ones, which get no chunk yet
  int64_t merged = 8;         // small chunks that become a large one
  int64_t ended_late =
      256;  // calls of a chunk that were open when it was written: after so many ends it is written again
};

// The tables `chunks` and `postings`, written from the rows of `calls`. Rows are chunked late enough that few calls
// come after their chunk was written; for one that does, the chunk is written again. A search reads a few rows for each
// chunk, so when there are some small ones they are merged into a large one, which costs little, as only lists are
// read. Not thread-safe.
class Chunks {
 public:
  // `database` must outlive it.
  static absl::StatusOr<Chunks> Create(Database& database, const ChunkSizes& sizes);

  // Tells of a row that was inserted, one of a call that has ended, one whose names or session changed, and one that
  // was removed.
  absl::Status Inserted(int64_t id);
  absl::Status Ended(int64_t id);
  absl::Status Changed(int64_t id);
  absl::Status Removed(int64_t id);
  // Writes what is due. All rows must be in the table.
  absl::Status Write();

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::min();

  // A row of `chunks`.
  struct Chunk {
    int64_t last_id = kNone;
    int64_t number = 0;
    int64_t is_large = 0;
    int64_t stretches = 0;
    StartRange starts;
  };
  // The chunk that a call belongs to, remembered since the next one asked for is often the same.
  struct Found {
    int64_t after = 0;  // its calls are above this
    int64_t last_id = kNone;
  };

  explicit Chunks(const ChunkSizes& sizes) : sizes_(sizes) {}

  absl::Status Load(Database& database);
  bool IsChunked(int64_t id) const { return id <= chunked_to_; }
  absl::Status FindChunkOf(int64_t id);
  absl::Status MarkDirty(int64_t id);

  absl::Status WriteAgain(int64_t last_id);
  absl::Status WriteNew();
  absl::Status MergeSmall();
  absl::Status Merge(const std::vector<Chunk>& chunks, int64_t is_large);
  // Adds at most `most` rows above `after` and up to `to` to the builder; `last_id` becomes that of the last one.
  absl::StatusOr<int64_t> AddRows(int64_t after, int64_t to, int64_t most, int64_t& last_id);
  absl::Status AddChunk(const Chunk& chunk);
  absl::Status AddOpenCalls(const Chunk& chunk, std::string_view row);
  absl::Status Insert(int64_t last_id, int64_t is_large);
  absl::Status Remove(const Chunk& chunk);
  static Chunk ChunkOf(const Statement& row);
  static PostedCall PostedCallOf(const Statement& row);

  const ChunkSizes sizes_;
  Statement select_calls_;
  Statement select_call_;
  Statement select_chunk_;
  Statement select_last_chunks_;
  Statement find_chunk_;
  Statement chunk_before_;
  Statement insert_chunk_;
  Statement remove_chunk_;
  Statement select_postings_;
  Statement select_posting_;
  Statement insert_posting_;
  Statement remove_postings_;

  PostingsBuilder builder_;
  int64_t chunked_to_ = kNone;  // the last chunk's last_id
  int64_t next_number_ = 1;
  int64_t unchunked_ = 0;
  Found found_;
  std::set<int64_t> dirty_;                // chunks to be written again, by last_id
  std::map<int64_t, int64_t> ended_late_;  // how many calls of a chunk have, by last_id
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_CHUNKS_H_
