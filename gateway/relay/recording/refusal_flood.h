// Keeps floods of refused calls from filling the log.
#ifndef SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSAL_FLOOD_H_
#define SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSAL_FLOOD_H_

#include <array>
#include <atomic>
#include <optional>
#include <string_view>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/relay/recording/refusal_limits.h"
#include "gateway/relay/recording/refusal_table.h"
#include "recorder/recorder.h"

namespace sallyport::gateway {

// Says which refused calls are recorded, and records those that are only counted: one call for each address and second,
// on a thread of its own. Such a call is in the log within about a second after its caller was told, whatever the
// durability. Thread-safe; outlives the calls.
class RefusalFlood {
 public:
  // `recorder` is null where nothing is recorded; else it must live until Stop.
  RefusalFlood(const RefusalLimits& limits, recorder::Recorder* recorder);
  ~RefusalFlood() { Stop(); }
  RefusalFlood(const RefusalFlood&) = delete;
  RefusalFlood& operator=(const RefusalFlood&) = delete;

  // As RefusalTable says it.
  std::optional<absl::Duration> Over(std::string_view peer, size_t connection, absl::Time now) {
    return table_.Over(peer, connection, now);
  }

  // Counts a refused call. True if it is to be recorded; Recorded then says how many bytes that took.
  bool Refused(const RefusedCall& call);
  void Recorded(size_t bytes);

  // Writes what was counted, and ends the thread. Calls that are refused later are not recorded.
  void Stop();

  RefusalCounts counts() const;

  // From now on.
  void SetLimits(const RefusalLimits& limits) { table_.SetLimits(limits); }

 private:
  void Run();
  // Without `all`, as much as may be recorded now. Returns whether something is left.
  bool Write(bool all);

  RefusalTable table_;
  recorder::Recorder* const recorder_;
  std::array<std::atomic<uint64_t>, kRefusalReasons> by_reason_ = {};
  std::atomic<uint64_t> only_counted_{0};
  std::atomic<bool> counted_{false};  // something waits to be written

  absl::Mutex mutex_;
  bool wanted_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSAL_FLOOD_H_
