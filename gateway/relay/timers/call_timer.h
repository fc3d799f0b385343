// Wakes calls at some time to come.
#ifndef SALLYPORT_GATEWAY_RELAY_TIMERS_CALL_TIMER_H_
#define SALLYPORT_GATEWAY_RELAY_TIMERS_CALL_TIMER_H_

#include <initializer_list>
#include <map>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

class RelayedCall;

// For deadlines, which most calls have and few reach, and for what few calls need: proofs that expire, and messages
// that a limit holds back. One thread, on which sessions are told, and which a session seldom wakes by coming or going:
// it sleeps until the time that was first when it looked, and looks again then. Thread-safe; outlives all sessions.
class CallTimer {
 public:
  // What a session is told when its time has come. Must not block.
  using Due = void (RelayedCall::*)();

  CallTimer() : thread_([this] { Run(); }) {}
  ~CallTimer();
  CallTimer(const CallTimer&) = delete;
  CallTimer& operator=(const CallTimer&) = delete;

  // One thing that a session may wait for; kept by the session.
  class Slot {
   private:
    friend class CallTimer;
    RelayedCall* session_ = nullptr;
    Due due_ = nullptr;
    bool armed_ = false;
    std::multimap<absl::Time, Slot*>::iterator place_;
  };

  // The slot must not be armed. The session is kept alive until it was told, or is not to be told any more.
  void Arm(Slot* slot, absl::Time when, RelayedCall* session, Due due);
  // True if the session will not be told any more; false if the slot was not armed, or the session is being told now.
  bool Disarm(Slot* slot);
  // The same for all that a session may wait for, at once. The session is kept alive by somebody else.
  void DisarmAll(std::initializer_list<Slot*> slots);

 private:
  void Run();
  // Whether it was armed.
  bool TakeOut(Slot* slot) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  absl::CondVar wake_;
  // Until when the thread sleeps; the past while it does not, for it looks before it does.
  absl::Time sleeps_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::multimap<absl::Time, Slot*> slots_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_TIMERS_CALL_TIMER_H_
