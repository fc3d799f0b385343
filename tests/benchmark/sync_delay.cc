// Stands in for a disk whose syncs take a certain time: preloaded (LD_PRELOAD), it makes fdatasync return after
// SYNC_DELAY_US microseconds, with nothing synced. For measuring only.
#include <sys/prctl.h>
#include <time.h>

#include <cstdlib>

namespace {

long DelayNanoseconds() {
  const char* const text = getenv("SYNC_DELAY_US");
  return text == nullptr ? 0 : strtol(text, nullptr, 10) * 1000;
}

}  // namespace

extern "C" int fdatasync(int) {
  static const long delay = DelayNanoseconds();
  // The kernel rounds sleeps up by as much as the thread allows: 50 us unless told otherwise.
  thread_local const int told = prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  static_cast<void>(told);
  timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += delay;
  until.tv_sec += until.tv_nsec / 1'000'000'000;
  until.tv_nsec %= 1'000'000'000;
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0) {
  }
  return 0;
}
