// Builds the index from the log's blocks.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_INDEX_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_INDEX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/format/call_columns.h"
#include "recorder/format/entry_scanner.h"
#include "recorder/format/log_format.h"
#include "recorder/format/name_sealer.h"
#include "recorder/index/sqlite/call_rows.h"
#include "recorder/index/sqlite/chunks.h"
#include "recorder/index/sqlite/name_table.h"
#include "recorder/index/sqlite/session_rows.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// The index, open for writing. Every row comes from the bytes of blocks through Apply, live, when catching up and when
// rebuilding, so all three give the same. A call that starts and ends between two commits costs one row; one
// that is open at a commit gets a row then, which its end updates. Used by one thread at a time. After an error it must
// not be used any more; what was not committed is applied again after the next Open.
//
// Parts of the log can be destroyed: shredded (directories stay) or deleted (nothing stays). A call with a destroyed
// block is a shredded one, of which the row says nothing but that it was; see schema.h. A call all of whose blocks are
// deleted has no row. Live, ScrubBlock and ForgetBlock turn rows into those that a rebuild from what is left gives.
class Index {
 public:
  enum class Purpose {
    kLive,     // readers read it meanwhile; a crash leaves it whole
    kRebuild,  // nobody reads it, and a crash leaves rubbish: FinishRebuild makes it an index
  };
  // Opens or creates it. DATA_LOSS if it is damaged, of another version or of another store: then it has to be rebuilt.
  static absl::StatusOr<std::unique_ptr<Index>> Open(const std::string& path, std::shared_ptr<const NameSealer> sealer,
                                                     Purpose purpose = Purpose::kLive, const ChunkSizes& sizes = {});
  // Removes it with the files that belong to it.
  static absl::Status Remove(const std::string& path);

  // Takes in the next block. `end` is where the block after it begins, `next_sequence` the number of the first entry
  // there.
  absl::Status Apply(Position position, Position end, uint64_t next_sequence,
                     absl::Span<const DirectoryEntry> directory, std::string_view body);
  // The same for a block of a shredded segment, which has no body that could be read.
  absl::Status ApplyShredded(Position position, Position end, uint64_t next_sequence,
                             absl::Span<const DirectoryEntry> directory);
  // Takes in that here, behind the blocks applied so far, segments are missing because they were deleted.
  void ApplyDeleted(uint64_t first_segment, uint64_t last_segment);

  // Some of the log was damaged, so that calls may be missing here: IndexQueries::MissesDamaged says so from then on.
  absl::Status NoteDamage();

  // For the blocks between `positions_exact_to` and `position` at Open: sets the last block of calls that are open.
  void ApplyDirectory(Position position, absl::Span<const DirectoryEntry> directory);

  // For each block of a segment, in order, that has been applied and is shredded now: makes its calls shredded ones.
  // Commits may come between; doing it again does no harm.
  absl::Status ScrubBlock(Position position, absl::Span<const DirectoryEntry> directory);
  // After that: commits, remembers it, and takes care that nothing of those calls stays in the index's files.
  absl::Status FinishScrub(uint64_t segment);
  // Whether ApplyShredded or ScrubBlock has seen all of a shredded segment.
  absl::StatusOr<bool> IsScrubbed(uint64_t segment);

  // For each block, in order, of segments that are about to be deleted: removes its calls, or, if other blocks of a
  // call are not deleted, makes it a shredded one. `is_deleted` knows all segments deleted so far and those about to
  // be.
  absl::Status ForgetBlock(Position position, absl::Span<const DirectoryEntry> directory,
                           absl::FunctionRef<bool(uint64_t segment)> is_deleted);
  // That the segment was shredded does not matter any more.
  absl::Status ForgetScrub(uint64_t segment);
  // After that: commits, and takes care that nothing of those calls stays in the index's files.
  absl::Status FinishForget();

  enum class Extent {
    kRows,       // rows of calls that began or ended, and sessions
    kPositions,  // also the last blocks of the calls that are open
  };
  absl::Status Commit(Extent extent);
  // Whether something waits for a commit.
  bool uncommitted() const { return uncommitted_; }
  // How many rows of calls the next commit writes: it costs less a call when there are many.
  int uncommitted_rows() const { return uncommitted_rows_; }
  // Whether enough was committed that a checkpoint pays.
  bool checkpoint_due() const { return committed_rows_ >= kRowsPerCheckpoint || empty_write_ahead_log_; }
  absl::Status Checkpoint();
  // After the last Commit with kRebuild. The file, once the index is closed, is to be synced before it is used.
  absl::Status FinishRebuild();

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
  static constexpr size_t kMostUnchunked = 100000;

  // A call without an end so far.
  struct OpenCall {
    CallRow row;
    bool stored = false;          // has a row in the table
    bool position_dirty = false;  // whose position is out of date, and is in dirty_positions_
  };

  Index(std::shared_ptr<const NameSealer> sealer, std::unique_ptr<Database> database, NameTable names, Chunks chunks);

  absl::Status Prepare();
  absl::Status Load();
  absl::Status BeginIfNeeded();
  absl::Status BoundMemory();
  absl::Status ApplyEntry(Position position, std::string_view bytes);
  absl::Status ApplyStart(Position position, const ScannedEntry& entry);
  absl::StatusOr<CallRow> Described(const ScannedStart& start);
  absl::Status ApplyEnd(Position position, const ScannedEntry& entry);
  absl::Status WriteOpenRows();
  absl::Status WritePositions();
  absl::Status WriteProgress();

  // An entry of a directory; returns whether the call is open.
  bool SetPosition(Position position, const DirectoryEntry& entry);
  absl::Status ApplyToDestroyed(Position position, absl::Span<const DirectoryEntry> directory);
  // A call with a block at `position` of whose beginning the index knows nothing, or that is shredded.
  absl::Status ContinueUnknown(uint64_t id, Position position);
  // Makes a call a shredded one that has its last block at `position`, or later where the index knows so.
  absl::Status ShredCall(uint64_t id, Position position);
  absl::Status ReplaceByShredded(uint64_t id, const CallRow& row, Position position);
  void ReleaseNames(const CallRow& row);
  absl::Status ForgetCall(const DirectoryEntry& entry, absl::FunctionRef<bool(uint64_t)> is_deleted);
  bool IsInGap(uint64_t segment) const;

  const std::shared_ptr<const NameSealer> sealer_;
  std::unique_ptr<Database> database_;
  // Which are kept in place, since rows refer to them.
  std::unique_ptr<NameTable> names_;
  std::unique_ptr<Chunks> chunks_;
  std::unique_ptr<CallRows> rows_;
  std::unique_ptr<SessionRows> sessions_;
  Statement set_progress_;
  Statement begin_;
  Statement commit_;
  Statement add_scrubbed_;
  Statement find_scrubbed_;
  Statement forget_scrubbed_;

  Position position_;
  Position positions_exact_to_;
  uint64_t next_sequence_ = 1;
  bool uncommitted_ = false;
  bool in_transaction_ = false;
  bool empty_write_ahead_log_ = false;
  int uncommitted_rows_ = 0;
  int committed_rows_ = 0;
  uint64_t calls_started_ = 0;
  std::string identity_name_;  // kept for its capacity
  absl::flat_hash_map<uint64_t, OpenCall> open_;
  std::vector<uint64_t> started_;                    // since the last commit
  std::vector<uint64_t> dirty_positions_;            // of calls that have rows
  std::vector<std::pair<uint64_t, uint64_t>> gaps_;  // deleted segments, first and last
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_INDEX_H_
