#include "gateway/relay/timers/headers_timer.h"

#include <vector>

#include "absl/time/clock.h"
#include "gateway/relay/relayed_call.h"

namespace sallyport::gateway {
namespace {

// While calls come, the thread looks once per delay rather than being woken by each call; after this many looks in vain
// it sleeps until one is armed.
constexpr int kLooksBeforeSleep = 100;

}  // namespace

HeadersTimer::HeadersTimer(absl::Duration delay) : delay_(delay), thread_([this] { Run(); }) {}

HeadersTimer::~HeadersTimer() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    wake_.Signal();
  }
  thread_.join();
}

void HeadersTimer::Arm(Slot* slot, RelayedCall* session) {
  absl::Time due = absl::Now() + delay_;
  absl::MutexLock lock(&mutex_);
  slot->session = session;
  slot->due = due;
  slot->armed = true;
  slot->previous = last_;
  slot->next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = slot;
  last_ = slot;
  if (asleep_) wake_.Signal();
}

void HeadersTimer::Disarm(Slot* slot) {
  absl::MutexLock lock(&mutex_);
  if (slot->armed) Unlink(slot);
}

void HeadersTimer::Unlink(Slot* slot) {
  (slot->previous == nullptr ? first_ : slot->previous->next) = slot->next;
  (slot->next == nullptr ? last_ : slot->next->previous) = slot->previous;
  slot->armed = false;
}

void HeadersTimer::Run() {
  std::vector<RelayedCall*> due;
  int looks_in_vain = 0;
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (!HasWork() && looks_in_vain >= kLooksBeforeSleep) {
        asleep_ = true;
        while (!HasWork()) wake_.Wait(&mutex_);
        asleep_ = false;
      } else {
        wake_.WaitWithTimeout(&mutex_, delay_);
      }
      if (stopping_) return;
      looks_in_vain = first_ == nullptr ? looks_in_vain + 1 : 0;
      absl::Time now = absl::Now();
      while (first_ != nullptr && first_->due <= now) {
        // The reference keeps the session alive past a Disarm that comes while it is being told.
        first_->session->AddReference();
        due.push_back(first_->session);
        Unlink(first_);
      }
    }
    for (RelayedCall* session : due) {
      session->OnHeadersDue();
      session->DropReference();
    }
    due.clear();
  }
}

}  // namespace sallyport::gateway
