// Divides calls into chunks, and writes their postings.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CHUNKS_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CHUNKS_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/sqlite/call_stretch.h"
#include "recorder/index/sqlite/postings_builder.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// How calls are divided. Tests choose small numbers.
struct ChunkSizes {
  size_t calls = 8192;       // in a chunk of level 0
  size_t calls_left = 4096;  // the newest ones, which get no chunk yet
  size_t merged = 8;         // so many chunks of one level become one of the next
  int64_t highest_level = 2;
  // Calls that were open when their chunk was written may end later. The lists of the chunk do not know that, so each
  // search by status or duration looks at the rows of these calls. When at least `ended_late` calls of a chunk have
  // ended so, and they are at least one in `ended_late_in` of its calls, the chunk is written again.
  int64_t ended_late = 256;
  int64_t ended_late_in = 512;
};

// The tables `chunks` and `postings`. The newest calls have no chunk yet and are kept in memory as well: few calls come
// or end after their chunk was written, and for those that do the chunk is written again. A search reads a few rows for
// each chunk, so when there are some small ones they are merged into a larger one, which costs little, as only lists
// are read. Not thread-safe.
class Chunks {
 public:
  // `database` must outlive it.
  static absl::StatusOr<Chunks> Create(Database& database, const ChunkSizes& sizes);

  // Each is to be called when a row of `calls` has changed: it was inserted (not called if there was one with its id),
  // its call has ended, its call was shredded, or the row was removed.
  absl::Status Inserted(const PostedCall& call);
  absl::Status Ended(const PostedCall& call);
  absl::Status Shredded(const PostedCall& call);
  absl::Status Removed(int64_t id);
  // Writes what is due. All rows must be in the table.
  absl::Status Write();
  // How many calls have no chunk, and are kept in memory.
  size_t unchunked() const { return newest_.size(); }

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::min();

  // A row of `chunks`.
  struct Chunk {
    int64_t last_id = kNone;
    int64_t number = 0;
    int64_t level = 0;
    StartRange starts;
    std::string heads;
  };
  // The chunk that was looked for last. It is remembered, since the next call is often in the same chunk.
  struct Found {
    int64_t after = 0;  // its calls are above this
    int64_t last_id = kNone;
    int64_t stretches = 0;
  };
  struct EndedLate {
    int64_t calls = 0;
    int64_t most = 0;
  };

  explicit Chunks(const ChunkSizes& sizes) : sizes_(sizes) {}

  absl::Status FindLast(Database& database);
  // Loads the newest calls. Done before the first change, so that an index that is only read opens quickly.
  absl::Status LoadNewest();
  bool IsChunked(int64_t id) const { return id <= chunked_to_; }
  void SortNewest();
  // Where the call is in `newest_`, or belongs.
  std::vector<PostedCall>::iterator PlaceOf(int64_t id);
  absl::Status FindChunkOf(int64_t id);
  absl::StatusOr<Chunk> ReadChunk(int64_t last_id);
  absl::Status MarkDirty(int64_t id);

  absl::Status WriteAgain(int64_t last_id);
  absl::Status WriteNew();
  absl::Status MergeDue();
  absl::Status Merge(const std::vector<Chunk>& chunks, int64_t level);
  // Hands on the rows above `after` and up to `to`.
  absl::Status ForEachRow(int64_t after, int64_t to, absl::FunctionRef<void(const PostedCall&)> row);
  absl::Status AddChunk(const Chunk& chunk);
  absl::Status AddOpenCalls(const Chunk& chunk, std::string_view row);
  absl::Status Insert(int64_t last_id, int64_t level);
  absl::Status Remove(const Chunk& chunk);
  static Chunk ChunkOf(const Statement& row);
  static PostedCall ReadPosted(const Statement& row);

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
  bool loaded_ = false;
  bool sorted_ = true;
  std::vector<PostedCall> newest_;  // above chunked_to_; in order of ids, once it is sorted
  Found found_;
  std::set<int64_t> dirty_;                  // chunks to be written again, by last_id
  std::map<int64_t, EndedLate> ended_late_;  // by the chunk's last_id
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CHUNKS_H_
