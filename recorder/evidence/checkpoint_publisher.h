// Brings checkpoints to one sink.
#ifndef SALLYPORT_RECORDER_EVIDENCE_CHECKPOINT_PUBLISHER_H_
#define SALLYPORT_RECORDER_EVIDENCE_CHECKPOINT_PUBLISHER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "recorder/evidence/checkpoint_sink.h"

namespace sallyport::recorder {

// A thread with a place for one checkpoint: the newest replaces one that still waits. What fails is tried again, with
// whatever is newest then, after a pause that doubles from time to time.
class CheckpointPublisher {
 public:
  struct Pauses {
    absl::Duration first = absl::Seconds(1);
    absl::Duration most = absl::Minutes(1);
    absl::Duration farewell = absl::Seconds(3);  // for the last checkpoint when it is destroyed
  };
  struct Stats {
    std::string sink;
    uint64_t published_size = 0;  // of the newest checkpoint that arrived; 0 if none did
    uint64_t behind = 0;          // leaves that the newest checkpoint has more
    absl::Status last;            // how the last attempt came out
    std::optional<std::chrono::steady_clock::time_point> published_at;  // when the last one arrived
  };

  // `source` must outlive it.
  CheckpointPublisher(std::shared_ptr<CheckpointSink> sink, CheckpointSource& source, const Pauses& pauses);
  ~CheckpointPublisher();
  CheckpointPublisher(const CheckpointPublisher&) = delete;
  CheckpointPublisher& operator=(const CheckpointPublisher&) = delete;

  // Publishes what still waits if the last attempt succeeded, for no longer than the farewell. Does not block; the
  // destructor does. To be called by whoever destroys it.
  void Stop();

  // Never blocks for long. Sizes must not fall.
  void Offer(std::shared_ptr<const SignedCheckpoint> checkpoint);
  // Blocks until what was offered is published, or the attempt failed; returns how it came out. For tests and shutdown.
  absl::Status Wait();
  Stats stats() const;

 private:
  void Loop();
  // Waits for something to do. Null if it is over.
  std::shared_ptr<const SignedCheckpoint> Next(std::unique_lock<std::mutex>& lock)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Report(const absl::Status& before, const absl::Status& after) const;

  const std::shared_ptr<CheckpointSink> sink_;
  CheckpointSource& source_;
  const Pauses pauses_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const SignedCheckpoint> waiting_ ABSL_GUARDED_BY(mutex_);
  uint64_t offered_size_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t published_size_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<std::chrono::steady_clock::time_point> published_at_ ABSL_GUARDED_BY(mutex_);
  uint64_t attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
  absl::Duration pause_ ABSL_GUARDED_BY(mutex_);  // before the next attempt, after a failure
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point deadline_ ABSL_GUARDED_BY(mutex_);  // of the farewell
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last, so that it starts with everything else in place
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_EVIDENCE_CHECKPOINT_PUBLISHER_H_
