// Tells waiters how their appends came out.
#ifndef SALLYPORT_RECORDER_NOTIFIER_H_
#define SALLYPORT_RECORDER_NOTIFIER_H_

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "recorder/recorder.h"

namespace sallyport::recorder {

// One thread that calls waiters, because they go on to send to callers and the writer should meanwhile write the next
// block. Waiters are told in the order in which they were handed over. Thread-safe.
class Notifier {
 public:
  Notifier();
  // Tells everyone who was handed over, then stops.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Takes the waiters out of `waiters`, which keeps its capacity.
  void Tell(std::vector<AppendWaiter*>& waiters, const absl::Status& status);

 private:
  struct Notice {
    AppendWaiter* waiter;
    absl::Status status;
  };

  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Notice> notices_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last, so that it starts with everything else in place
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_NOTIFIER_H_
