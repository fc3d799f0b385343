// The rows of calls, written.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CALL_ROWS_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CALL_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/entry_scanner.h"
#include "recorder/format/log_format.h"
#include "recorder/index/sqlite/chunks.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// What is known of a call from its start, and where its last block is. Names are numbers.
struct StartedCall {
  int64_t identity = 0;
  int64_t method = 0;
  int64_t upstream = 0;
  int64_t peer = 0;
  int64_t port = -1;
  uint64_t session = 0;
  int64_t start_ns = 0;
  uint64_t first_segment = 0;
  Position position;
};

// The table `calls`. Rows wait in memory so that they can be inserted in order of their ids, which is cheaper and fills
// pages. Not thread-safe.
class CallRows {
 public:
  // `database` and `chunks` must outlive it.
  static absl::StatusOr<CallRows> Create(Database& database, Chunks& chunks);

  // Adds a row. Does nothing if there is one with this id.
  absl::Status Add(uint64_t id, const StartedCall& call, const ScannedEnd& end);
  // Inserts what waits. The other methods want that done for the ids they are given.
  absl::Status Flush();
  absl::Status SetEnd(uint64_t id, Position position, const ScannedEnd& end);
  absl::Status SetPosition(uint64_t id, Position position);

  struct Row {
    StartedCall call;
    int64_t end_reason = 0;
  };
  // False if there is none.
  absl::StatusOr<bool> Find(uint64_t id, Row& row);
  // Makes the row, whether there is one or not, one of a shredded call.
  absl::Status Shred(uint64_t id, uint64_t first_segment, Position position);
  absl::Status Remove(uint64_t id);

 private:
  // One statement inserts so many: most of its cost does not depend on the number.
  static constexpr size_t kTogether = 64;
  static constexpr size_t kMostWaiting = 16384;

  struct Waiting {
    uint64_t id = 0;
    StartedCall call;
    ScannedEnd end;
  };

  explicit CallRows(Chunks& chunks) : chunks_(&chunks) {}
  static void Bind(Statement& insert, int first, const Waiting& row);
  static PostedCall PostedCallOf(const Waiting& row);

  Chunks* chunks_;
  std::vector<Waiting> waiting_;
  std::vector<uint32_t> order_;  // kept for its capacity
  Statement insert_one_;
  Statement insert_together_;
  Statement set_end_;
  Statement set_position_;
  Statement find_;
  Statement shred_;
  Statement remove_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CALL_ROWS_H_
