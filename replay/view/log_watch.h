// Wakes whoever waits for a store to change.
#ifndef SALLYPORT_REPLAY_VIEW_LOG_WATCH_H_
#define SALLYPORT_REPLAY_VIEW_LOG_WATCH_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "recorder/format/store_layout.h"

namespace sallyport::replay {

// Counts changes of a store's log, whichever process writes it: one thread listens to the kernel (inotify) for all who
// wait. Changes that follow each other closely count as one. Where the kernel cannot be asked, every tenth of a second
// counts as a change. Thread-safe.
class LogWatch {
 public:
  explicit LogWatch(const recorder::StoreLayout& layout);
  // Nobody may wait any more.
  ~LogWatch();
  LogWatch(const LogWatch&) = delete;
  LogWatch& operator=(const LogWatch&) = delete;

  // How many changes there were. What is read after this was asked for holds them all.
  uint64_t changes() const;
  // Blocks until there were other than `seen`, `until` has come, or `stop` is asked for.
  void Await(uint64_t seen, absl::Time until, const std::stop_token& stop) const;

 private:
  void Run();
  // Blocks for at most `most`, or less if this is about to end.
  void Pause(absl::Duration most) const;
  // Blocks until something has changed, and takes notice of it.
  void AwaitKernel() const;

  const int events_;   // of inotify; -1 if there is none
  const int stopped_;  // an eventfd, readable once this is about to end
  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last, so that it starts with everything else in place
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_LOG_WATCH_H_
