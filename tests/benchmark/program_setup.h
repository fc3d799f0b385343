// What every C++ program of the benchmark does first, and what the gateway does too: so that none has an advantage.
#ifndef SALLYPORT_TESTS_BENCHMARK_PROGRAM_SETUP_H_
#define SALLYPORT_TESTS_BENCHMARK_PROGRAM_SETUP_H_

#include <sys/resource.h>

#include "absl/synchronization/mutex.h"

namespace sallyport::benchmark {

// Turns off Abseil's deadlock detection, which Debian's build has on, and raises the limit on open files to the most
// that is allowed. Call it before any thread is started.
inline void SetUpProgram() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    // A limit that cannot be raised shows later, as calls that fail and are counted.
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

}  // namespace sallyport::benchmark

#endif  // SALLYPORT_TESTS_BENCHMARK_PROGRAM_SETUP_H_
