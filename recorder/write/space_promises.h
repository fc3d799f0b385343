// Who the disk space is for that was taken for the log.
#ifndef SALLYPORT_RECORDER_WRITE_SPACE_PROMISES_H_
#define SALLYPORT_RECORDER_WRITE_SPACE_PROMISES_H_

#include <algorithm>
#include <cstdint>

namespace sallyport::recorder {

// Counts what of the space taken for the log is promised: to batches that were taken in, and to each call that is open
// for its end. What is not promised may be given to frames and to new calls. Not thread-safe.
class SpacePromises {
 public:
  // What a batch needs.
  struct Batch {
    uint64_t bytes = 0;  // on disk, at most
    int starts = 0;
    int ends = 0;
  };
  // Whether a batch may take of what is kept back for the log's own records, such as tombstones.
  enum class Slack { kLeave, kUse };

  SpacePromises(uint64_t bytes_per_call, uint64_t slack) : bytes_per_call_(bytes_per_call), slack_(slack) {}

  // So much can be written now without taking more of the disk.
  void SetLeft(uint64_t bytes) { left_ = bytes; }

  // Whether it ends a call with no more than is kept for that.
  bool IsKeptFor(const Batch& batch) const { return batch.ends > batch.starts && batch.bytes <= bytes_per_call_; }
  // Promises the batch its space if it is there. What ends a call always finds it, see above.
  bool TryPromise(const Batch& batch, Slack slack) {
    const bool end = IsKeptFor(batch);
    const uint64_t with_batch = Needed(waiting_ + batch.bytes, calls_ + batch.starts - batch.ends);
    if (!end && with_batch + (slack == Slack::kLeave ? slack_ : 0) > left_) return false;
    Promise(batch);
    return true;
  }
  // Promises it although it may not be there yet.
  void Promise(const Batch& batch) {
    waiting_ += batch.bytes;
    calls_ += batch.starts - batch.ends;
  }
  // The batch waits for space.
  void Wait(const Batch& batch) { unpromised_ += MostNeeded(batch); }
  // It does so no more.
  void StopWaiting(const Batch& batch) { unpromised_ -= MostNeeded(batch); }
  // What was promised `bytes` is written.
  void Written(uint64_t bytes) { waiting_ -= bytes; }

  bool anyone_waits() const { return unpromised_ != 0; }
  bool is_short() const { return promised() > left_; }
  // What has been promised, and with what waits for space.
  uint64_t promised() const { return Needed(waiting_, calls_); }
  uint64_t wanted() const { return promised() + unpromised_; }
  uint64_t slack() const { return slack_; }

 private:
  uint64_t MostNeeded(const Batch& batch) const { return Needed(batch.bytes, batch.starts); }
  uint64_t Needed(uint64_t waiting, int64_t calls) const {
    return waiting + static_cast<uint64_t>(std::max<int64_t>(0, calls)) * bytes_per_call_;
  }

  const uint64_t bytes_per_call_;
  const uint64_t slack_;
  uint64_t left_ = 0;
  uint64_t waiting_ = 0;     // promised to batches that are not written yet
  uint64_t unpromised_ = 0;  // of those that wait for space
  int64_t calls_ = 0;        // that are open, of those whose start was promised its space
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_SPACE_PROMISES_H_
