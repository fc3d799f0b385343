// How readings of settings came out.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_RELOAD_OUTCOMES_H_
#define SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_RELOAD_OUTCOMES_H_

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {

// Counts them, and remembers whether something that was read last, be it the configuration or a file that it names, was
// refused and so is not in force. Thread-safe.
class ReloadOutcomes {
 public:
  struct Numbers {
    uint64_t taken = 0;    // since the start
    uint64_t refused = 0;  // since the start
    bool ok = true;
  };

  // `what` was read again. Returns `outcome`.
  absl::Status Add(const std::string& what, absl::Status outcome) {
    absl::MutexLock lock(&mutex_);
    if (outcome.ok()) {
      ++numbers_.taken;
      refused_.erase(what);
    } else {
      ++numbers_.refused;
      refused_.insert(what);
    }
    return outcome;
  }

  // The configuration was taken up, and all that it names with it.
  void AllTaken() {
    absl::MutexLock lock(&mutex_);
    refused_.clear();
  }

  Numbers Read() const {
    absl::MutexLock lock(&mutex_);
    Numbers numbers = numbers_;
    numbers.ok = refused_.empty();
    return numbers;
  }

 private:
  mutable absl::Mutex mutex_;
  Numbers numbers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> refused_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_LIFETIME_RELOAD_OUTCOMES_H_
