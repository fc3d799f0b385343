// The append side of the log: what the gateway holds.
#ifndef SALLYPORT_RECORDER_RECORDER_H_
#define SALLYPORT_RECORDER_RECORDER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "recorder/crypto/crypto.h"
#include "recorder/evidence/checkpoint_sink.h"
#include "recorder/format/entry_batch.h"
#include "recorder/keys/key_source.h"
#include "recorder/system/duration_histogram.h"

namespace sallyport::recorder {

// How long, and how much, is kept; what is not set keeps everything. Whole segments are deleted, with their keys.
struct Retention {
  std::optional<absl::Duration> age;  // since a segment was closed
  std::optional<uint64_t> bytes;      // of the log's segments together
  // Size alone deletes nothing that was closed more recently: whoever can make the log grow could push out what was
  // recorded just before. The log may then be larger than `bytes`; when the disk is full new calls are refused.
  absl::Duration min_age = absl::Hours(24);
};

struct RecorderOptions {
  std::string directory;  // created with mode 0700 if it does not exist
  // Bytes of entries that may wait to be written. A batch is taken in while less than this waits, so the bound is
  // exceeded by at most one batch per append that is under way.
  size_t buffer_bytes = 64 << 20;
  // A new segment is begun when one has reached this size.
  uint64_t segment_bytes = 256 << 20;
  // Where the key-encryption key comes from; a keyring beside the directory unless said.
  std::optional<KeySource> keys = std::nullopt;
  Retention retention = {};
  // Where signed checkpoints of the log go besides the data directory, at most so long and so many blocks after the log
  // has grown.
  std::vector<std::shared_ptr<CheckpointSink>> checkpoint_sinks = {};
  absl::Duration checkpoint_interval = absl::Seconds(1);
  uint64_t checkpoint_blocks = 1000;
  // Disk space that is kept free in the log for each call that is open, so that its end can be recorded when the disk
  // fills up. For nothing else: frames and new calls are refused before they touch it.
  uint64_t reserve_per_call = 16 << 10;
  // Payloads from this size on are sealed and hashed apart from their entries (recorder/FORMAT.md).
  uint64_t smallest_part = 16 << 10;
  // So many bytes and sets of reflected descriptors are kept with the data; what upstreams reflect beyond is refused.
  uint64_t descriptor_bytes = uint64_t{1} << 30;
  uint64_t descriptor_sets = 10'000;
  // The wall clock.
  absl::Time (*now)() = absl::Now;
};

// Where descriptors that are to be kept come from.
enum class DescriptorOrigin {
  kOperator,   // files that the configuration names: kept, however many there are
  kReflected,  // what upstreams say, alone or with what files say
};

// What an append waits for.
enum class Until {
  kAccepted,  // the batch has its place in the queue (`relaxed`, and all but the end of a call in `commit`)
  kDurable,   // the batch is on disk and synced (`write_ahead`, and the end of a call in `commit`)
};

// How an append came out. Whoever is told this, be it at once or later, is told only this: what the system said of a
// disk is in the program's log, and in Health().
enum class Appended {
  kDone,     // what was asked for holds
  kPending,  // the waiter is told later, once, which of the others it is; where Append itself says that, it is not told
  kFailed,   // the log cannot be written any more, or the batch is larger than a block can be; nothing was taken
  kNoSpace,  // the disk is full; nothing was taken. What ends a call is taken nevertheless if it needs no more than
             // RecorderOptions::reserve_per_call, and everything is again when there is space
};

// Told, once, from a thread of the recorder, how an append that was pending came out. Must not block. Implemented by
// who appends.
class AppendWaiter {
 public:
  virtual ~AppendWaiter() = default;
  // Never kPending.
  virtual void OnAppended(Appended outcome) = 0;
  // Waiters of one group go on to use the same thing, such as a caller's connection, and are told close to each other.
  // Called before OnAppended.
  virtual size_t Group() const { return 0; }
};

struct RecorderStats {
  uint64_t bytes_waiting = 0;    // taken in, not yet written
  uint64_t entries_written = 0;  // since Open
  uint64_t bytes_written = 0;    // since Open
  uint64_t blocks_written = 0;   // since Open: group commits
  uint64_t calls_open = 0;       // started, not ended
  absl::Duration sync_lag;       // age of the oldest entry that is not yet synced; 0 if all are
  uint64_t calls_refused = 0;    // since Open: for want of disk space
  uint64_t housekeepings = 0;    // since Open: rounds in which keys, shredded and old segments and space were seen to
  uint64_t tree_size = 0;        // leaves of the last checkpoint that was signed
  // Why checkpoints are not signed, which recording does not depend on; OK while they are.
  absl::Status checkpoints;
  // Why no new segment can be begun, because the keyring or the key command is out of reach: what is recorded goes on
  // being sealed with the key of the present segment. OK while one can.
  absl::Status keys;
  uint64_t damages = 0;  // places in the log found damaged at Open
  // How much larger than Retention::bytes the log is because the rest is too young, held or damaged.
  uint64_t retention_exceeded_bytes = 0;
  uint64_t descriptors_not_kept = 0;  // since Open: sets that were not kept, for there are too many already
  // Why the index is not kept up to date, which the log does not depend on: it is tried again every few seconds, and by
  // the next Open. OK while it is.
  absl::Status index;
  DurationHistogram commits;     // of each block since Open: from its oldest entry until all of it was synced
  DurationHistogram syncs;       // of each block since Open: how long the disk took to sync it
  uint64_t batches_waiting = 0;  // taken in, not yet being written
  uint64_t leaves_waiting = 0;   // that no checkpoint covers yet
  std::optional<absl::Duration> checkpoint_age;  // of the last that was signed since Open
  // A place that checkpoints go to.
  struct Sink {
    std::string name;
    uint64_t behind = 0;                // leaves
    std::optional<absl::Duration> age;  // since it took one; nothing if it has not since Open
    absl::Status last;                  // how the last attempt came out
  };
  std::vector<Sink> sinks;
};

// Owns the log and its index in one data directory. One thread, started by Open, writes the log: it takes what waits as
// one block, writes and syncs it and tells the waiters. Another keeps the index up with that, and a third keeps house;
// neither holds up a block. All public methods are thread-safe.
//
// A disk that is full passes: appends are refused and nothing else is lost. After a write or sync fails, though, the
// log is never written again by this object: every later append fails, so that callers are refused rather than served
// unrecorded. An interface, so that the relay does not compile against what writes, and its tests can refuse appends.
class Recorder {
 public:
  // Takes the directory's lock, recovers the log (a torn tail is set aside, calls left open are ended as interrupted),
  // brings the index up to date and begins a new segment. Errors: FAILED_PRECONDITION if another process holds the
  // directory, what StoreKeys::Open says about its keys, and what the system said otherwise. Where the log is damaged
  // elsewhere than at its end, that is logged and counted, and a new segment begun.
  static absl::StatusOr<std::unique_ptr<Recorder>> Open(const RecorderOptions& options);

  // Writes, syncs and indexes everything taken in, ends calls nobody ended as interrupted, and stops the thread.
  virtual ~Recorder() = default;

  // An id that no other call of this store has or will have: microseconds since the Unix epoch, stepped to be unique.
  virtual uint64_t NewCallId(absl::Time now) = 0;

  // The store's key for a purpose: always the same, and no other store's.
  virtual SecretKey DeriveKey(std::string_view purpose) const = 0;

  // An empty batch for a call of this store.
  virtual EntryBatch NewBatch(uint64_t call_id) const = 0;

  // Appends a batch. Batches of one call are kept in the order of the calls to Append. A batch that was taken in has
  // its disk space: with kAccepted, too, kPending is returned where that has to be found first. `waiter` may be null
  // only with kAccepted, where kPending then cannot be returned and the bound on waiting bytes is not enforced.
  virtual Appended Append(EntryBatch batch, Until until, AppendWaiter* waiter) = 0;

  // Keeps a descriptor set (a serialised google.protobuf.FileDescriptorSet) with the data, synced, so that old records
  // stay readable. `version` is what CallStart::descriptors names it by. Keeping the same one again does nothing.
  // Nothing that was kept is deleted, for calls may name it: RESOURCE_EXHAUSTED for a reflected one beyond the bounds
  // in RecorderOptions. Blocks.
  virtual absl::Status KeepDescriptors(std::string_view version, std::string_view file_descriptor_set,
                                       DescriptorOrigin origin) = 0;
  absl::Status KeepDescriptors(std::string_view version, std::string_view file_descriptor_set) {
    return KeepDescriptors(version, file_descriptor_set, DescriptorOrigin::kReflected);
  }

  // Blocks until everything taken in so far is synced and indexed. For tests and shutdown.
  virtual absl::Status Flush() = 0;

  // Why the log cannot be written; OK while it can.
  virtual absl::Status Health() const = 0;

  virtual RecorderStats Stats() const = 0;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_RECORDER_H_
