#include "gateway/relay/timers/call_timer.h"

#include "absl/time/clock.h"
#include "gateway/relay/relayed_call.h"

namespace sallyport::gateway {

CallTimer::~CallTimer() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  thread_.join();
}

void CallTimer::Arm(Slot* slot, absl::Time when, RelayedCall* session, Due due) {
  session->AddReference();
  absl::MutexLock lock(&mutex_);
  slot->session_ = session;
  slot->due_ = due;
  slot->armed_ = true;
  slot->place_ = slots_.emplace(when, slot);
  if (slot->place_ == slots_.begin()) wake_.Signal();
}

bool CallTimer::Disarm(Slot* slot) {
  {
    absl::MutexLock lock(&mutex_);
    if (!slot->armed_) return false;
    slots_.erase(slot->place_);
    slot->armed_ = false;
  }
  slot->session_->DropReference();
  return true;
}

void CallTimer::Run() {
  while (true) {
    RelayedCall* session = nullptr;
    Due due = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      while (!stopping_ && (slots_.empty() || slots_.begin()->first > absl::Now())) {
        wake_.WaitWithDeadline(&mutex_, slots_.empty() ? absl::InfiniteFuture() : slots_.begin()->first);
      }
      if (stopping_) return;
      Slot* slot = slots_.begin()->second;
      slots_.erase(slots_.begin());
      slot->armed_ = false;
      session = slot->session_;
      due = slot->due_;
    }
    (session->*due)();
    session->DropReference();
  }
}

}  // namespace sallyport::gateway
