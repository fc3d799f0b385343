// Tells waiters how their appends came out.
#ifndef SALLYPORT_RECORDER_WRITE_NOTIFIER_H_
#define SALLYPORT_RECORDER_WRITE_NOTIFIER_H_

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "recorder/recorder.h"

namespace sallyport::recorder {

// Two threads that call waiters, because they go on to send to callers and the writer should meanwhile write the next
// block. Both work on the same group at about the same time: while one of them sends for a connection, gRPC lets the
// other one's messages join in, and a burst of responses leaves in a few large writes in place of many small ones. A
// waiter alone, with no next block to write, is called by the writer: that takes no longer than waking a thread.
// Thread-safe.
class Notifier {
 public:
  Notifier() = default;
  // Tells everyone who was handed over, then stops.
  ~Notifier() = default;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Takes the waiters out of `waiters`, which keeps its capacity. Called by one thread at a time, which holds no lock.
  // `idle`: it has nothing better to do.
  void Notify(std::vector<AppendWaiter*>& waiters, Appended outcome, bool idle = false);

 private:
  struct Notice {
    AppendWaiter* waiter;
    Appended outcome;
  };

  // One of the threads, with the waiters it has to tell, in order.
  class Line {
   public:
    Line();
    ~Line();
    void Add(const std::vector<Notice>& notices);

   private:
    void Loop();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Notice> notices_ ABSL_GUARDED_BY(mutex_);
    bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
    std::thread thread_;  // last, so that it starts with everything else in place
  };

  std::array<Line, 2> lines_;
  std::array<std::vector<Notice>, 2> dealt_;  // of the thread that calls Notify
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_NOTIFIER_H_
