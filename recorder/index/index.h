// Builds the index from the log's blocks.
#ifndef SALLYPORT_RECORDER_INDEX_INDEX_H_
#define SALLYPORT_RECORDER_INDEX_INDEX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/index/database.h"
#include "recorder/index/dictionary.h"
#include "recorder/index/entry_scanner.h"
#include "recorder/log/log_format.h"

namespace sallyport::recorder {

// The index, open for writing. Every row comes from the bytes of blocks through Apply, live, when catching up and when
// rebuilding, so all three give the same. A call that starts and ends between two commits costs one row; one
// that is open at a commit gets a row then, which its end updates. Used by one thread at a time. After an error it must
// not be used any more; what was not committed is applied again after the next Open.
class Index {
 public:
  // Opens or creates it. DATA_LOSS if it is damaged, of another version or of another store: then it has to be rebuilt.
  static absl::StatusOr<std::unique_ptr<Index>> Open(const std::string& path, const StoreId& store_id);
  // Removes it with the files that belong to it.
  static absl::Status Remove(const std::string& path);

  // Takes in the next block. `end` is where the block after it begins, `next_sequence` the number of the first entry
  // there.
  absl::Status Apply(Position position, Position end, uint64_t next_sequence,
                     absl::Span<const DirectoryEntry> directory, std::string_view body);

  // For the blocks between `positions_exact_to` and `position` at Open: sets the last block of calls that are open.
  void ApplyDirectory(Position position, absl::Span<const DirectoryEntry> directory);

  enum class Extent {
    kRows,       // rows of calls that began or ended, and sessions
    kPositions,  // also the last blocks of the calls that are open
  };
  absl::Status Commit(Extent extent);
  // Whether something waits for a commit.
  bool uncommitted() const { return uncommitted_; }
  // Whether enough was committed that a checkpoint pays.
  bool checkpoint_due() const { return committed_rows_ >= kRowsPerCheckpoint; }
  absl::Status Checkpoint();

  // The first block it does not know.
  Position position() const { return position_; }
  // Up to here the last blocks of open calls were exact when it was opened.
  Position positions_exact_to() const { return positions_exact_to_; }
  uint64_t next_sequence() const { return next_sequence_; }
  // The last block of each call that is open.
  absl::flat_hash_map<uint64_t, Position> OpenCalls() const;
  // The largest id of a call or session.
  absl::StatusOr<uint64_t> LargestId();
  absl::StatusOr<uint64_t> CountCalls();
  // Since Open.
  uint64_t calls_started() const { return calls_started_; }

 private:
  static constexpr int kRowsPerCheckpoint = 50000;
  // One statement inserts so many rows: most of its cost does not depend on the number.
  static constexpr size_t kRowsPerInsert = 32;

  // A call without an end so far.
  struct OpenCall {
    int64_t identity = 0;
    int64_t method = 0;
    int64_t upstream = 0;
    uint64_t session = 0;
    int64_t start_ns = 0;
    Position position;
    bool stored = false;          // has a row
    bool position_dirty = false;  // whose position is out of date, and is in dirty_positions_
    std::string peer;
  };
  // A row that waits to be written together with others.
  struct WholeRow {
    uint64_t id = 0;
    OpenCall call;
    ScannedEnd end;
  };
  // What a transaction adds to a session's row.
  struct SessionChange {
    int64_t identity = 0;
    std::string name;
    std::string peer;
    int64_t first_start_ns = 0;
    int64_t last_start_ns = 0;
    int64_t calls = 0;
  };

  Index(std::unique_ptr<Database> database, Dictionary identities, Dictionary methods, Dictionary upstreams);

  absl::Status PrepareStatements();
  absl::Status Load();
  absl::Status BeginIfNeeded();
  absl::Status ApplyEntry(Position position, std::string_view bytes);
  absl::Status ApplyStart(Position position, const ScannedEntry& entry);
  absl::Status ApplyEnd(Position position, const ScannedEntry& entry);
  void CountInSession(const ScannedStart& start, int64_t identity, int64_t start_ns);
  absl::Status AddWholeRow(uint64_t id, OpenCall call, const ScannedEnd& end);
  absl::Status WriteWholeRows();
  static void BindWholeRow(Statement& insert, int first, const WholeRow& row);
  absl::Status WriteEnd(uint64_t id, const OpenCall& call, const ScannedEnd& end);
  absl::Status WriteOpenRows();
  absl::Status WritePositions();
  absl::Status WriteSessions();
  absl::Status WriteProgress();

  std::unique_ptr<Database> database_;
  Dictionary identities_;
  Dictionary methods_;
  Dictionary upstreams_;
  Statement insert_call_;
  Statement insert_calls_;  // kRowsPerInsert of them
  Statement end_call_;
  Statement set_position_;
  Statement add_to_session_;
  Statement set_progress_;
  Statement begin_;
  Statement commit_;

  Position position_;
  Position positions_exact_to_;
  uint64_t next_sequence_ = 1;
  int64_t ahead_us_ = 0;
  int64_t behind_us_ = 0;
  bool uncommitted_ = false;
  bool in_transaction_ = false;
  int committed_rows_ = 0;
  uint64_t calls_started_ = 0;
  absl::flat_hash_map<uint64_t, OpenCall> open_;
  std::vector<WholeRow> whole_rows_;       // fewer than kRowsPerInsert
  std::vector<uint64_t> started_;          // since the last commit
  std::vector<uint64_t> dirty_positions_;  // of calls that have rows
  absl::flat_hash_map<uint64_t, SessionChange> sessions_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_INDEX_H_
