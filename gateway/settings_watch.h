// Runs a slow check of the settings when they have changed.
#ifndef SALLYPORT_GATEWAY_SETTINGS_WATCH_H_
#define SALLYPORT_GATEWAY_SETTINGS_WATCH_H_

#include <functional>
#include <thread>

#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {

// Calls `check` on a thread of its own, once for any number of changes that came while it was not running. What `check`
// refers to must live longer. Thread-safe.
class SettingsWatch {
 public:
  explicit SettingsWatch(std::function<void()> check);
  ~SettingsWatch();
  SettingsWatch(const SettingsWatch&) = delete;
  SettingsWatch& operator=(const SettingsWatch&) = delete;

  // Returns at once, and takes no lock that `check` holds.
  void Changed();

 private:
  void Run();

  const std::function<void()> check_;
  absl::Mutex mutex_;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_SETTINGS_WATCH_H_
