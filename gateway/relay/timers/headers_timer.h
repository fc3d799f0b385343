// Sends the response headers of unary calls on when the response does not follow them at once.
#ifndef SALLYPORT_GATEWAY_RELAY_TIMERS_HEADERS_TIMER_H_
#define SALLYPORT_GATEWAY_RELAY_TIMERS_HEADERS_TIMER_H_

#include <list>
#include <memory>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

class RelayedCall;

// Most upstreams send headers, response and trailers in one go, and sending them on in one go saves a third of the
// work. Those that send headers earlier are noticed here: a session still waiting after `delay` is told OnHeadersDue on
// the timer's thread. Thread-safe; outlives all sessions.
class HeadersTimer {
 public:
  explicit HeadersTimer(absl::Duration delay = absl::Milliseconds(5));
  ~HeadersTimer();
  HeadersTimer(const HeadersTimer&) = delete;
  HeadersTimer& operator=(const HeadersTimer&) = delete;

  // A place in the list, kept by the session. Empty until armed.
  struct Slot {
    RelayedCall* session = nullptr;
    Slot* previous = nullptr;
    Slot* next = nullptr;
    absl::Time due;
    bool armed = false;
  };

  void Arm(Slot* slot, RelayedCall* session);
  // After this, the session is not told any more (but may just be being told).
  void Disarm(Slot* slot);

 private:
  void Run();
  void Unlink(Slot* slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || first_ != nullptr; }

  const absl::Duration delay_;
  absl::Mutex mutex_;
  Slot* first_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Slot* last_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool asleep_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::CondVar wake_;
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_TIMERS_HEADERS_TIMER_H_
