// The index in SQLite, built from the log's blocks.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_INDEX_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_INDEX_H_

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
#include "recorder/index/call_index.h"
#include "recorder/index/sqlite/call_rows.h"
#include "recorder/index/sqlite/chunks.h"
#include "recorder/index/sqlite/name_table.h"
#include "recorder/index/sqlite/session_rows.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// A call that starts and ends between two saves costs one row; one that is open at a save gets a row then, which
// its end updates.
class SqliteIndex : public CallIndex {
 public:
  enum class Purpose {
    kLive,     // readers read it meanwhile; a crash leaves it whole
    kRebuild,  // nobody reads it, and a crash leaves rubbish: FinishRebuild makes it an index
  };
  // Opens or creates it, and makes its file its owner's alone. DATA_LOSS if it is damaged, of an earlier version or of
  // another store: then it has to be rebuilt. FAILED_PRECONDITION if a newer program made it: then it is left as it is.
  static absl::StatusOr<std::unique_ptr<SqliteIndex>> Open(const std::string& path,
                                                           std::shared_ptr<const NameSealer> sealer,
                                                           Purpose purpose = Purpose::kLive,
                                                           const ChunkSizes& sizes = {});
  // FAILED_PRECONDITION if the file says that a newer program made it. Leaves no trace; only while nobody writes it.
  static absl::Status CheckVersion(const std::string& path);
  // Removes it with the files that belong to it.
  static absl::Status Remove(const std::string& path);

  absl::Status Apply(Position position, Position end, uint64_t next_sequence,
                     absl::Span<const DirectoryEntry> directory, std::string_view body) override;
  absl::Status ApplyShredded(Position position, Position end, uint64_t next_sequence,
                             absl::Span<const DirectoryEntry> directory) override;
  void ApplyDeleted(uint64_t first_segment, uint64_t last_segment) override;
  absl::Status NoteDamage() override;
  void ApplyDirectory(Position position, absl::Span<const DirectoryEntry> directory) override;
  absl::Status ScrubBlock(Position position, absl::Span<const DirectoryEntry> directory) override;
  absl::Status FinishScrub(uint64_t segment) override;
  absl::StatusOr<bool> IsScrubbed(uint64_t segment) override;
  absl::Status ForgetBlock(Position position, absl::Span<const DirectoryEntry> directory,
                           absl::FunctionRef<bool(uint64_t segment)> is_deleted) override;
  absl::Status ForgetScrub(uint64_t segment) override;
  absl::Status FinishForget() override;
  absl::Status Save(Extent extent) override;
  bool unsaved() const override { return unsaved_; }
  int unsaved_rows() const override { return unsaved_rows_; }
  // Moves what was saved from the write-ahead log into the database, if that is enough to pay.
  absl::Status Maintain() override;
  Position position() const override { return position_; }
  Position positions_exact_to() const override { return positions_exact_to_; }
  uint64_t next_sequence() const override { return next_sequence_; }
  absl::flat_hash_map<uint64_t, Position> OpenCalls() const override;
  absl::StatusOr<uint64_t> LargestId() override;
  absl::StatusOr<uint64_t> CountCalls() override;
  uint64_t calls_started() const override { return calls_started_; }

  // After the last Save with kRebuild. The file, once the index is closed, is to be synced before it is used.
  absl::Status FinishRebuild();

 private:
  static constexpr int kRowsPerMove = 50000;
  static constexpr size_t kMostUnchunked = 100000;

  // A call without an end so far.
  struct OpenCall {
    CallRow row;
    bool stored = false;          // has a row in the table
    bool position_dirty = false;  // whose position is out of date, and is in dirty_positions_
  };

  SqliteIndex(std::shared_ptr<const NameSealer> sealer, std::unique_ptr<Database> database, NameTable names,
              Chunks chunks);

  absl::Status MoveWriteAheadLog();

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
  bool unsaved_ = false;
  bool in_transaction_ = false;
  bool empty_write_ahead_log_ = false;
  int unsaved_rows_ = 0;
  int saved_rows_ = 0;
  uint64_t calls_started_ = 0;
  std::string identity_name_;  // kept for its capacity
  absl::flat_hash_map<uint64_t, OpenCall> open_;
  std::vector<uint64_t> started_;                    // since the last save
  std::vector<uint64_t> dirty_positions_;            // of calls that have rows
  std::vector<std::pair<uint64_t, uint64_t>> gaps_;  // deleted segments, first and last
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_SQLITE_INDEX_H_
