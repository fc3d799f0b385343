// Stands in for a clock that somebody sets: preloaded (LD_PRELOAD), it adds the seconds that the file CLOCK_SHIFT_FILE
// has, a native 64-bit number, to what the machine's real-time clock says. The monotonic clock goes on as it does.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdlib>

namespace {

int64_t Shift() {
  static const volatile int64_t* const seconds = [] {
    static const int64_t none = 0;
    const char* const path = getenv("CLOCK_SHIFT_FILE");
    const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return &none;
    void* const mapped = mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return mapped == MAP_FAILED ? &none : static_cast<const int64_t*>(mapped);
  }();
  return *seconds;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static const auto real = reinterpret_cast<int (*)(clockid_t, timespec*)>(dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += Shift();
  return result;
}

extern "C" int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  static const auto real = reinterpret_cast<int (*)(pthread_cond_t*, pthread_mutex_t*, const timespec*)>(
      dlsym(RTLD_NEXT, "pthread_cond_timedwait"));
  const timespec machines = {until->tv_sec - Shift(), until->tv_nsec};
  return real(condition, mutex, &machines);
}

// Abseil waits so.
extern "C" long syscall(long number, ...) noexcept {
  static const auto real = reinterpret_cast<long (*)(long, ...)>(dlsym(RTLD_NEXT, "syscall"));
  long words[6];
  va_list rest;
  va_start(rest, number);
  for (long& word : words) word = va_arg(rest, long);
  va_end(rest);
  timespec machines = {};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the system call takes all its arguments as numbers.
  const auto* const until = reinterpret_cast<const timespec*>(words[3]);
  const bool waits = (words[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET && (words[1] & FUTEX_CLOCK_REALTIME) != 0;
  if (number == SYS_futex && waits && until != nullptr) {
    machines = {until->tv_sec - Shift(), until->tv_nsec};
    words[3] = reinterpret_cast<long>(&machines);
  }
  return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

extern "C" int gettimeofday(timeval* now, void* zone) noexcept {
  static const auto real = reinterpret_cast<int (*)(timeval*, void*)>(dlsym(RTLD_NEXT, "gettimeofday"));
  const int result = real(now, zone);
  if (result == 0) now->tv_sec += Shift();
  return result;
}

extern "C" time_t time(time_t* into) noexcept {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}
