// Signs checkpoints of the tree as it grows.
#ifndef SALLYPORT_RECORDER_EVIDENCE_CHECKPOINTER_H_
#define SALLYPORT_RECORDER_EVIDENCE_CHECKPOINTER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "recorder/evidence/checkpoint_publisher.h"
#include "recorder/evidence/checkpoint_sink.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/tree_state.h"
#include "recorder/keys/store_keys.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// One thread that, while the tree grows, brings it to disk: the new leaf hashes are appended to tree/leaves and synced,
// then a checkpoint over them is signed, then tree/checkpoint is replaced by it and synced, and only then does it go to
// the sinks. Since blocks are synced before their leaves are handed over, what is signed is in the log; since it is on
// disk before it is published, the next start goes on from what anybody may have seen. So no two trees of one size are
// ever published. Thread-safe.
class Checkpointer {
 public:
  struct Options {
    // At most this long after the tree grew, and at most this many leaves later, whichever is first, a checkpoint is
    // signed.
    absl::Duration interval = absl::Seconds(1);
    uint64_t blocks = 1000;
    std::vector<std::shared_ptr<CheckpointSink>> sinks;
    CheckpointPublisher::Pauses pauses;
    // When this many leaf hashes wait because the disk refuses them, 32 bytes each, no more are taken: 32 MiB, hours of
    // blocks. They are given up then, and so are checkpoints until the next start, which makes both from the log.
    size_t most_waiting = size_t{1} << 20;
  };
  struct Stats {
    uint64_t size = 0;         // of the last checkpoint that was persisted
    uint64_t checkpoints = 0;  // persisted since the start
    uint64_t waiting = 0;      // leaves handed over that no checkpoint covers yet
    absl::Status health;
    std::vector<CheckpointPublisher::Stats> sinks;
    std::optional<std::chrono::steady_clock::time_point> signed_at;  // the last that was persisted since the start
  };

  // `at` says where the leaves handed to Advance begin: what LoadTreeState said, or an empty state if it said nothing.
  // It may also be further (leaves between are then unknown: they were of segments that are deleted) or earlier (leaves
  // are then written again; nothing is signed unless they lead to the root that was signed). Leaf hashes kept from
  // there on are dropped. What was persisted last goes to the sinks again. `files` and `keys` must outlive it.
  // DATA_LOSS if tree/checkpoint is not good, tree/leaves has not all leaves up to `at`, or `at` contradicts the
  // checkpoint.
  static absl::StatusOr<std::unique_ptr<Checkpointer>> Start(const StoreLayout& layout, const StoreKeys& keys,
                                                             FileSystem& files, Options options, const TreeState& at);
  // Signs and persists the last state, and gives healthy sinks a moment to take it.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Hands over the leaves that bring the tree to `state`. What they stand for must be synced. Blocks on neither disk
  // nor network.
  void Advance(absl::Span<const Hash> leaves, const TreeState& state);
  // Blocks until everything handed over so far is signed and persisted; what went wrong otherwise.
  absl::Status Flush();
  // Blocks until each sink has taken the last checkpoint or failed once more. The first failure.
  absl::Status WaitForSinks();
  // Why checkpoints are not signed; OK while they are. A failing disk is tried again at each turn.
  absl::Status Health() const;
  Stats stats() const;

 private:
  // What sinks may ask for.
  class Source;

  Checkpointer(const StoreLayout& layout, const StoreKeys& keys, FileSystem& files, Options options,
               const TreeState& at, std::optional<StoredCheckpoint> persisted, const VerifierKey& log_key);

  using Clock = std::chrono::steady_clock;

  void Loop();
  // Returns when there is something to sign and it is time, or somebody asked for it.
  void WaitForTurn(std::unique_lock<std::mutex>& lock, Clock::time_point last) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes what was handed over to disk, and says how that came out. Gives the lock up meanwhile.
  void TakeTurn(std::unique_lock<std::mutex>& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetHealth(absl::Status health) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void GiveUp(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Follows the leaves with a tree of the thread's own: they must lead to `state`, and over what was signed. Not OK
  // means that nothing must be signed any more.
  absl::Status Grow(absl::Span<const Hash> leaves, const TreeState& state);
  // The steps on disk, in order.
  absl::Status Persist(const TreeState& state);
  // Appends `unsynced_` to tree/leaves.
  absl::Status SyncLeaves();
  void Publish(SignedCheckpoint checkpoint);

  const StoreLayout layout_;
  const StoreKeys& keys_;
  FileSystem& files_;
  const Options options_;

  // The thread's alone.
  std::unique_ptr<File> leaves_file_;  // null after it failed
  CompactRange grown_;                 // over all leaves taken from the queue
  uint64_t synced_;                    // leaves in tree/leaves
  std::vector<Hash> unsynced_;         // those behind
  std::optional<Checkpoint> signed_;   // the last that was persisted

  mutable std::mutex mutex_;
  std::condition_variable wake_;    // the thread
  std::condition_variable turned_;  // those who wait for the thread
  std::vector<Hash> queue_ ABSL_GUARDED_BY(mutex_);
  std::optional<TreeState> state_ ABSL_GUARDED_BY(mutex_);  // to be persisted
  uint64_t advanced_to_ ABSL_GUARDED_BY(mutex_);            // leaves handed over
  uint64_t attempted_to_ ABSL_GUARDED_BY(mutex_) = 0;       // the same, at the last turn
  uint64_t unsynced_count_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  bool given_up_ ABSL_GUARDED_BY(mutex_) = false;  // for good: `health_` says why
  uint64_t size_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t checkpoints_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<Clock::time_point> signed_at_ ABSL_GUARDED_BY(mutex_);
  uint64_t flushes_wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t flushes_done_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<Source> source_;
  std::vector<std::unique_ptr<CheckpointPublisher>> publishers_;
  std::thread thread_;  // last, so that it starts with everything else in place
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_CHECKPOINTER_H_
