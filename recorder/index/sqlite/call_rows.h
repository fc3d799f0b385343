// The rows of calls, written.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CALL_ROWS_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CALL_ROWS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/call_columns.h"
#include "recorder/format/log_format.h"
#include "recorder/index/sqlite/chunks.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// A row as it is read from a statement that selects CallColumnNames(), and the other way.
CallRow CallRowOf(const Statement& row);
void BindCallRow(const CallRow& row, int first_parameter, Statement& statement);

inline Position PositionOf(const CallRow& row) { return Position::FromPacked(static_cast<uint64_t>(row.position)); }
inline void SetPositionOf(CallRow& row, Position position) { row.position = static_cast<int64_t>(position.packed()); }
// The numbers of its names, in the order of the columns.
inline std::array<int64_t, kCallNameCount> NamesOf(const CallRow& row) {
  std::array<int64_t, kCallNameCount> names = {};
  size_t count = 0;
  for (const CallColumn& column : kCallColumns) {
    if (column.holds == CallColumn::Holds::kName) names[count++] = row.*column.value;
  }
  return names;
}

// The table `calls`. Rows wait in memory so that they can be inserted in order of their ids, which is cheaper and fills
// pages. Not thread-safe.
class CallRows {
 public:
  // `database` and `chunks` must outlive it.
  static absl::StatusOr<CallRows> Create(Database& database, Chunks& chunks);

  // Adds a row. Does nothing if there is one with this id.
  absl::Status Add(const CallRow& row);
  // Inserts what waits. The other methods want that done for the ids they are given.
  absl::Status Flush();
  // Takes from the row what the end of the call says, and its position.
  absl::Status SetEnd(const CallRow& row);
  absl::Status SetPosition(uint64_t id, Position position);

  // False if there is none.
  absl::StatusOr<bool> Find(uint64_t id, CallRow& row);
  // Makes the row, whether there is one or not, one of a shredded call.
  absl::Status Shred(uint64_t id, uint64_t first_segment, Position position);
  absl::Status Remove(uint64_t id);

 private:
  // How many rows one statement inserts: most of what a statement costs does not depend on the number.
  static constexpr size_t kTogether = 64;
  static constexpr size_t kMostWaiting = 16384;

  explicit CallRows(Chunks& chunks) : chunks_(&chunks) {}

  Chunks* chunks_;
  std::vector<CallRow> waiting_;
  std::vector<uint32_t> order_;  // kept for its capacity
  Statement insert_one_;
  Statement insert_together_;
  Statement set_end_;
  Statement set_position_;
  Statement find_;
  Statement replace_;
  Statement remove_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CALL_ROWS_H_
