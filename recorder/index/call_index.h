// What keeps an index of the calls in a log: the seam between the recorder and the database behind it.
#ifndef SALLYPORT_RECORDER_INDEX_CALL_INDEX_H_
#define SALLYPORT_RECORDER_INDEX_CALL_INDEX_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/format/log_format.h"
#include "recorder/index/call_search.h"

namespace sallyport::recorder {

// The index, open for writing. All it holds comes from the bytes of blocks through Apply, live, when catching up and
// when rebuilding, so all three give the same: tests/recorder/index/index_contract.h holds every implementation to
// that. Used by one thread at a time. After an error it must not be used any more; what was not saved is applied again
// after the next IndexEngine::Open.
//
// Parts of the log can be destroyed: shredded (directories stay) or deleted (nothing stays). A call with a destroyed
// block is a shredded one, of which the index says nothing but that it was. A call all of whose blocks are deleted is
// not in it. Live, ScrubBlock and ForgetBlock make of it what a rebuild from what is left gives.
//
// An interface although there is only SQLite: a database beyond one machine comes in here.
class CallIndex {
 public:
  virtual ~CallIndex() = default;

  // Takes in the next block. `end` is where the block after it begins, `next_sequence` the number of the first entry
  // there.
  virtual absl::Status Apply(Position position, Position end, uint64_t next_sequence,
                             absl::Span<const DirectoryEntry> directory, std::string_view body) = 0;
  // The same for a block of a shredded segment, which has no body that could be read.
  virtual absl::Status ApplyShredded(Position position, Position end, uint64_t next_sequence,
                                     absl::Span<const DirectoryEntry> directory) = 0;
  // Takes in that here, behind the blocks applied so far, segments are missing because they were deleted.
  virtual void ApplyDeleted(uint64_t first_segment, uint64_t last_segment) = 0;

  // Some of the log was damaged, so that calls may be missing here: CallSearch::MissesDamaged says so from then on.
  virtual absl::Status NoteDamage() = 0;

  // For the blocks between `positions_exact_to` and `position` at Open: sets the last block of calls that are open.
  virtual void ApplyDirectory(Position position, absl::Span<const DirectoryEntry> directory) = 0;

  // For each block of a segment, in order, that has been applied and is shredded now: makes its calls shredded ones.
  // It may be saved between; doing it again does no harm.
  virtual absl::Status ScrubBlock(Position position, absl::Span<const DirectoryEntry> directory) = 0;
  // After that: saves, remembers it, and takes care that nothing of those calls stays where the index is kept.
  virtual absl::Status FinishScrub(uint64_t segment) = 0;
  // Whether ApplyShredded or ScrubBlock has seen all of a shredded segment.
  virtual absl::StatusOr<bool> IsScrubbed(uint64_t segment) = 0;

  // For each block, in order, of segments that are about to be deleted: removes its calls, or, if other blocks of a
  // call are not deleted, makes it a shredded one. `is_deleted` knows all segments deleted so far and those about to
  // be.
  virtual absl::Status ForgetBlock(Position position, absl::Span<const DirectoryEntry> directory,
                                   absl::FunctionRef<bool(uint64_t segment)> is_deleted) = 0;
  // That the segment was shredded does not matter any more.
  virtual absl::Status ForgetScrub(uint64_t segment) = 0;
  // After that: saves, and takes care that nothing of those calls stays where the index is kept.
  virtual absl::Status FinishForget() = 0;

  enum class Extent {
    kRows,       // calls that began or ended, and sessions
    kPositions,  // also the last blocks of the calls that are open
  };
  virtual absl::Status Save(Extent extent) = 0;
  // Whether something waits to be saved.
  virtual bool unsaved() const = 0;
  // How many calls the next Save writes: it costs less a call when there are many.
  virtual int unsaved_rows() const = 0;
  // Between saves, from time to time: what the engine does to stay small and fast. Does nothing if nothing is due.
  virtual absl::Status Maintain() = 0;

  // The first block it does not know.
  virtual Position position() const = 0;
  // Up to here the last blocks of open calls were exact when it was opened.
  virtual Position positions_exact_to() const = 0;
  virtual uint64_t next_sequence() const = 0;
  // The last block of each call that is open.
  virtual absl::flat_hash_map<uint64_t, Position> OpenCalls() const = 0;
  // The largest id of a call or session.
  virtual absl::StatusOr<uint64_t> LargestId() = 0;
  virtual absl::StatusOr<uint64_t> CountCalls() = 0;
  // Since Open.
  virtual uint64_t calls_started() const = 0;
};

// Where the index of one store is kept, and by what. Thread-safe. An interface for the reason that CallIndex is one.
class IndexEngine {
 public:
  virtual ~IndexEngine() = default;

  // Opens or creates it. DATA_LOSS if it is damaged, of an earlier version or of another store: then it has to be
  // removed and made again. FAILED_PRECONDITION if a newer program made it: then it is left as it is.
  virtual absl::StatusOr<std::unique_ptr<CallIndex>> Open() = 0;
  // Removes it with all that belongs to it.
  virtual absl::Status Remove() = 0;

  // An empty one beside it, which nobody reads, and of which a crash leaves rubbish.
  virtual absl::StatusOr<std::unique_ptr<CallIndex>> BeginRebuild() = 0;
  // Puts the one that BeginRebuild made, to which all of the log was applied, in its place, durably.
  virtual absl::Status FinishRebuild(std::unique_ptr<CallIndex> rebuilt) = 0;

  enum class Access {
    kBesideWriter,  // while somebody may write it
    kUnwritten,     // where not even readers can leave a trace, and only while nobody writes it
  };
  // NOT_FOUND if there is none, DATA_LOSS if it is of an earlier version or of another store, FAILED_PRECONDITION if a
  // newer program made it.
  virtual absl::StatusOr<std::unique_ptr<CallSearch>> OpenSearch(Access access) = 0;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_CALL_INDEX_H_
