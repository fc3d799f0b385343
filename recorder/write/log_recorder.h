// The recorder over log and index.
#ifndef SALLYPORT_RECORDER_WRITE_LOG_RECORDER_H_
#define SALLYPORT_RECORDER_WRITE_LOG_RECORDER_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "recorder/crypto/credential_fingerprint.h"
#include "recorder/index/call_index.h"
#include "recorder/index/index_keeper.h"
#include "recorder/log/log_writer.h"
#include "recorder/log/segment_store.h"
#include "recorder/recorder.h"
#include "recorder/system/file.h"
#include "recorder/write/housekeeper.h"
#include "recorder/write/notifier.h"
#include "recorder/write/space_promises.h"
#include "recorder/write/tree_recovery.h"

namespace sallyport::recorder {

// What a store is once it is recovered and can be written.
struct RecoveredStore {
  explicit RecoveredStore(LogPlace place) : place(std::move(place)) {}

  LogPlace place;
  std::unique_ptr<FileLock> owner_lock;
  std::unique_ptr<StoreKeys> keys;
  std::unique_ptr<CredentialFingerprint> fingerprint;
  std::unique_ptr<LogWriter> log;
  std::unique_ptr<IndexEngine> engine;
  std::unique_ptr<CallIndex> index;
  std::unique_ptr<Checkpointer> checkpointer;
  uint64_t largest_id = 0;
  uint64_t damages = 0;  // places in the log that are damaged
};

// Disk space for the log is taken in pieces of this size.
inline uint64_t SpaceAhead(const RecorderOptions& options) {
  return std::clamp<uint64_t>(options.segment_bytes / 16, 256 << 10, 16 << 20);
}

// As Recorder::Open, on another file system.
absl::StatusOr<std::unique_ptr<Recorder>> OpenLogRecorder(const RecorderOptions& options, FileSystem& files);

// Appends take their place in a queue under one short lock; the writer thread swaps the queue out, writes it as one
// block, syncs, hands the waiters to the notifier and then the block to who keeps the index. How long it gathers before
// it writes adapts: an append that must be durable is synced at once when the recorder is idle, and when the last block
// had several such, those of a short window share one sync.
//
// Disk space is promised before a batch is taken in for good, so that none of those fails for want of it. What is there
// already is promised at once. Where more has to be taken the append waits until the writer has done so, and is refused
// if the disk is full.
class LogRecorder : public Recorder, private Housekeeper::Log {
 public:
  LogRecorder(const RecorderOptions& options, FileSystem& files, RecoveredStore store);
  ~LogRecorder() override;

  uint64_t NewCallId(absl::Time now) override;
  EntryBatch NewBatch(uint64_t call_id) const override { return EntryBatch(call_id, fingerprint_.get()); }
  Appended Append(EntryBatch batch, Until until, AppendWaiter* waiter) override;
  SecretKey DeriveKey(std::string_view purpose) const override { return keys_->Derive(purpose); }
  using Recorder::KeepDescriptors;
  absl::Status KeepDescriptors(std::string_view version, std::string_view file_descriptor_set,
                               DescriptorOrigin origin) override;
  absl::Status Flush() override;
  absl::Status Health() const override;
  RecorderStats Stats() const override;

 private:
  using Clock = std::chrono::steady_clock;

  // A batch in the queue.
  struct Item {
    uint64_t call_id;
    std::string bytes;
    uint32_t entries;
    bool ends_call;
    AppendWaiter* durable_waiter;  // null if nobody waits for the sync
    SpacePromises::Batch space;
    bool promised = false;
    AppendWaiter* space_waiter = nullptr;  // waits only for the space, and for room in the queue
  };

  // Housekeeper::Log
  absl::Status BetweenBlocks(absl::FunctionRef<absl::Status(LogWriter&)> action) override;

  void Run();
  // Returns once there is something to do.
  void WaitForWork(std::unique_lock<std::mutex>& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // When what is in the queue has to be written; max() if nothing is.
  Clock::time_point WriteDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool FlushIsWanted() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return flush_requested_ > flush_done_; }
  // False if the batch has to wait for space, or is refused.
  bool PromiseAtOnce(const SpacePromises::Batch& batch, const AppendWaiter* waiter)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Promises space to those of `items` that wait for it. Where there is none they are told, and taken out.
  absl::Status PromiseSpace(std::vector<Item>& items);
  // False where one of them found none.
  bool PromiseEach(std::vector<Item>& items) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes the items out that were promised nothing.
  void TakeOutUnpromised(std::vector<Item>& items) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Writes what was taken out of the queue, as one or, if it is much, several blocks. Those that were written are told.
  absl::Status WriteItems(absl::Span<Item> items);
  absl::Status WriteBlock(absl::Span<Item> items);
  void AfterBlock(absl::Span<Item> items);
  // Hands the leaves of what was written to the checkpointer.
  void AdvanceTree();
  // The log cannot be written any more: tells everybody who waits.
  void Fail(const absl::Status& status, absl::Span<Item> items);
  // Sees to it that there is disk space for what waits and for the ends of the calls that are open.
  absl::Status TakeSpace();
  // Writes ends for calls that nobody ended, and ends the segment.
  absl::Status CloseLog();

  const RecorderOptions options_;
  const LogPlace place_;
  const std::unique_ptr<FileLock> owner_lock_;
  FileSystem& files_;
  const std::unique_ptr<StoreKeys> keys_;
  const std::unique_ptr<CredentialFingerprint> fingerprint_;
  std::atomic<uint64_t> last_id_;

  std::mutex keep_mutex_;  // one descriptor set is kept at a time

  mutable std::mutex mutex_;
  std::condition_variable wake_writer_;
  std::condition_variable flushed_;  // also: orders were carried out
  std::vector<Item> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<AppendWaiter*> room_waiters_ ABSL_GUARDED_BY(mutex_);
  size_t queue_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // in the queue and being written
  int durable_waiting_ ABSL_GUARDED_BY(mutex_) = 0;   // waiters for the sync of what is in the queue
  int active_waiting_ ABSL_GUARDED_BY(mutex_) = 0;    // of these, for calls that go on
  int64_t active_calls_ ABSL_GUARDED_BY(mutex_) = 0;  // whose start was taken in and whose end was not
  Clock::time_point oldest_ ABSL_GUARDED_BY(mutex_);  // when the first item in the queue came
  // The same for what is being written; max() if nothing is.
  Clock::time_point writing_since_ ABSL_GUARDED_BY(mutex_) = Clock::time_point::max();
  // Until when waiters for a sync gather.
  Clock::time_point gather_until_ ABSL_GUARDED_BY(mutex_) = Clock::time_point::min();
  // When the sleeping writer looks next; min() while it is awake.
  Clock::time_point wake_at_ ABSL_GUARDED_BY(mutex_) = Clock::time_point::min();
  SpacePromises promises_ ABSL_GUARDED_BY(mutex_);
  bool disk_full_ ABSL_GUARDED_BY(mutex_) = false;  // no more space could be taken the last time
  uint64_t flush_requested_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t flush_done_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<const std::function<absl::Status()>*> orders_ ABSL_GUARDED_BY(mutex_);
  uint64_t ordered_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t carried_out_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  RecorderStats stats_ ABSL_GUARDED_BY(mutex_);

  const std::unique_ptr<Checkpointer> checkpointer_;

  // Of the writer thread alone.
  std::unique_ptr<LogWriter> log_;
  std::vector<CallEntries> group_;
  std::vector<AppendWaiter*> told_;
  Clock::time_point lingers_until_ = Clock::time_point::min();  // looks by itself until then

  const std::unique_ptr<IndexEngine> engine_;
  const std::unique_ptr<IndexKeeper> index_;
  Notifier notifier_;
  std::thread writer_;  // behind all that it uses
  std::unique_ptr<Housekeeper> housekeeper_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_LOG_RECORDER_H_
