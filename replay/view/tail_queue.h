// What waits for one who follows the log.
#ifndef SALLYPORT_REPLAY_VIEW_TAIL_QUEUE_H_
#define SALLYPORT_REPLAY_VIEW_TAIL_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// Bounded in bytes, and never waited for: once an event has no room, it and those after it are counted until all that
// waits was taken; then it is said how many were left out, and it goes on. Thread-safe.
class TailQueue {
 public:
  using Said = std::shared_ptr<const v1::TailCallsResponse>;

  // `ready`: see TailHub.
  TailQueue(size_t most_bytes, std::function<void()> ready) : most_bytes_(most_bytes), ready_(std::move(ready)) {}

  // An event, which takes so many bytes.
  void Push(const Said& event, size_t bytes);
  // Whether a gateway writes the store; what is said before anything is taken comes first, and later behind events.
  void SayFollowing(bool written);
  // That all was said: once after events.
  void SayCaughtUp();
  // Nothing comes any more. The first one counts.
  void End(const absl::Status& why);
  // `ready` is not called any more after this. Not from within it.
  void Silence();

  // What is to be told next; null if nothing waits.
  Said Next();
  absl::Status status() const;

 private:
  struct Waiting {
    Said said;
    size_t bytes = 0;
  };

  // Calls `ready` if the queue was found empty before.
  void Wake();

  const size_t most_bytes_;
  std::mutex ready_mutex_;  // never taken while mutex_ is held
  std::function<void()> ready_ ABSL_GUARDED_BY(ready_mutex_);
  mutable std::mutex mutex_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of these
  uint64_t skipped_ ABSL_GUARDED_BY(mutex_) = 0;
  // What is said when there is room again.
  std::optional<bool> written_ ABSL_GUARDED_BY(mutex_);
  bool caught_up_ ABSL_GUARDED_BY(mutex_) = false;
  bool told_event_ ABSL_GUARDED_BY(mutex_) = false;  // since it was last caught up
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;       // something was taken
  bool found_empty_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_TAIL_QUEUE_H_
