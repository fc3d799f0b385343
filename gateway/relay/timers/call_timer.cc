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
  if (when >= sleeps_until_) return;
  sleeps_until_ = when;  // whoever comes before the thread has woken need not wake it again
  wake_.Signal();
}

bool CallTimer::TakeOut(Slot* slot) {
  if (!slot->armed_) return false;
  slots_.erase(slot->place_);
  slot->armed_ = false;
  return true;
}

bool CallTimer::Disarm(Slot* slot) {
  {
    absl::MutexLock lock(&mutex_);
    if (!TakeOut(slot)) return false;
  }
  slot->session_->DropReference();
  return true;
}

void CallTimer::DisarmAll(std::initializer_list<Slot*> slots) {
  absl::MutexLock lock(&mutex_);
  for (Slot* slot : slots) {
    if (TakeOut(slot)) slot->session_->DropSpareReference();
  }
}

void CallTimer::Run() {
  while (true) {
    RelayedCall* session = nullptr;
    Due due = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      while (!stopping_ && (slots_.empty() || slots_.begin()->first > absl::Now())) {
        sleeps_until_ = slots_.empty() ? absl::InfiniteFuture() : slots_.begin()->first;
        wake_.WaitWithDeadline(&mutex_, sleeps_until_);
      }
      sleeps_until_ = absl::InfinitePast();
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
