// Keeps the index up with a log that is being written.
#ifndef SALLYPORT_RECORDER_INDEX_INDEX_KEEPER_H_
#define SALLYPORT_RECORDER_INDEX_INDEX_KEEPER_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "recorder/format/log_format.h"
#include "recorder/index/call_index.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/log_writer.h"
#include "recorder/log/segment_store.h"

namespace sallyport::recorder {

// Applies blocks to the index on a thread of its own, so that an index that is slow, or cannot be written, never holds
// up who writes the log. Blocks are handed over as they were written and wait in memory up to a bound; when they do not
// fit any more, or the index failed, they are read from the log again. An index that is damaged is made again from the
// log. Thread-safe, but Take, which one thread calls.
class IndexKeeper {
 public:
  struct Options {
    // Bytes of blocks that may wait.
    size_t most_waiting = 32 << 20;
    // How long after an index failed it is tried again.
    std::chrono::milliseconds retry = std::chrono::milliseconds(10000);
  };

  // `index` knows the log up to where `Take` goes on. `keys` and `engine` must outlive it.
  IndexKeeper(const LogPlace& place, StoreKeys& keys, IndexEngine& engine, std::unique_ptr<CallIndex> index,
              const Options& options);
  // Applies and saves all that was taken.
  ~IndexKeeper();
  IndexKeeper(const IndexKeeper&) = delete;
  IndexKeeper& operator=(const IndexKeeper&) = delete;

  // Takes in the next block of the log, which is on disk. Never waits.
  void Take(const WrittenBlock& block);

  // Blocks until everything taken before is applied and saved, or the index has failed.
  void Flush();

  // Has `action` done to the index, on the keeper's thread, once everything taken before is applied, and returns what
  // it does. UNAVAILABLE if there is no index to do it to; an error of the action is one of the index.
  absl::Status WithIndex(absl::FunctionRef<absl::Status(CallIndex&)> action);

  // To be called from time to time: opens the index again if it failed, and takes out of it what was shredded. Blocks
  // until that is done.
  void Recover();

  // Why the index is not kept up; OK while it is.
  absl::Status Health() const;

 private:
  using Clock = std::chrono::steady_clock;

  // A block that waits, as it was written.
  struct Waiting {
    Position position;
    Position end;
    uint64_t next_sequence = 0;
    std::vector<DirectoryEntry> directory;
    std::string body;

    size_t size() const { return body.size() + directory.size() * sizeof(DirectoryEntry); }
  };

  void Loop();
  void WaitForWork(std::unique_lock<std::mutex>& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // When what was applied has to be saved; max() if nothing was.
  Clock::time_point SaveDue() const;
  absl::Status ApplyAll(std::vector<Waiting>& blocks);
  // Reads from the log what was not kept in memory.
  absl::Status ReadFromLog(Position until);
  absl::Status Save(CallIndex::Extent extent);
  // What Recover does, on the keeper's thread.
  void Reopen();
  absl::Status Scrub();
  void Fail(const absl::Status& status);
  // There is no index; `status` says why.
  void GiveUp(const absl::Status& status);
  // Has the thread do something, and waits until it is done.
  void Order(const std::function<void()>& order);

  const LogPlace place_;
  StoreKeys& keys_;
  IndexEngine& engine_;
  const Options options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;  // the thread
  std::condition_variable done_;  // those who ordered something
  std::vector<Waiting> queue_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_ ABSL_GUARDED_BY(mutex_) = 0;    // bytes in the queue
  Position taken_to_ ABSL_GUARDED_BY(mutex_);     // the end of the last block taken, kept or not
  bool kept_ ABSL_GUARDED_BY(mutex_) = true;      // false: nothing is, since there is no index to apply it to
  bool dropped_ ABSL_GUARDED_BY(mutex_) = false;  // a block was taken that is not in the queue, nor is any after it
  bool asleep_ ABSL_GUARDED_BY(mutex_) = false;   // until somebody wakes it
  std::vector<const std::function<void()>*> orders_ ABSL_GUARDED_BY(mutex_);
  uint64_t ordered_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t carried_out_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);

  // Of the keeper's thread alone.
  std::unique_ptr<CallIndex> index_;  // null after it failed
  bool make_again_ = false;           // what there is of it is damaged
  Clock::time_point last_applied_;
  Clock::time_point unsaved_since_;
  Clock::time_point positions_saved_;
  Clock::time_point next_retry_;

  std::thread thread_;  // last, so that it starts with everything else in place
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_INDEX_KEEPER_H_
