// Says which connections were turned away, without letting strangers fill the log.
#ifndef SALLYPORT_GATEWAY_LISTENER_REFUSAL_LOG_H_
#define SALLYPORT_GATEWAY_LISTENER_REFUSAL_LOG_H_

#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace sallyport::gateway {

// A line for the first of each reason, and then one a second at most, with how many there were. Add is for one thread.
class RefusalLog {
 public:
  // `reason` is one of a few texts, whoever connects; `detail` may hold more, such as the peer.
  void Add(const std::string& reason, const std::string& detail, absl::Time now) {
    count_.fetch_add(1, std::memory_order_relaxed);
    Reason& state = reasons_[reason];
    ++state.count;
    if (now < state.next) return;
    spdlog::warn("connection refused, {} ({}; {} since the last such line)", reason, detail, state.count);
    state = {now + absl::Seconds(1), 0};
  }
  // Of all reasons. On any thread.
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  struct Reason {
    absl::Time next = absl::InfinitePast();
    uint64_t count = 0;
  };
  std::map<std::string, Reason> reasons_;
  std::atomic<uint64_t> count_{0};
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_REFUSAL_LOG_H_
