// What the process may use, and whether it does.
#ifndef SALLYPORT_GATEWAY_LISTENER_MEMORY_BUDGET_H_
#define SALLYPORT_GATEWAY_LISTENER_MEMORY_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "absl/time/time.h"

namespace sallyport::gateway {

// A bound on memory that new calls are measured against. What is resident, as the kernel says, is the truth: gRPC, the
// allocator and everything else are in it, whatever nobody accounts for. It is read at most every kReadInterval. What
// comes in between, and what is promised and may be used any moment (windows of open streams, buffers for retries), is
// charged by those who know of it, and counts on top. So the budget is overrun by at most what calls that are open
// already take without charging, within one interval.
//
// Allocators keep what was freed. Before calls are refused, the allocator is asked to give it back. Thread-safe.
class MemoryBudget {
 public:
  static constexpr absl::Duration kReadInterval = absl::Milliseconds(100);
  using Resident = std::function<uint64_t()>;  // bytes
  using GiveBack = std::function<void()>;      // may take some milliseconds

  explicit MemoryBudget(uint64_t bytes);
  MemoryBudget(uint64_t bytes, Resident resident, GiveBack give_back)
      : bytes_(bytes), resident_(std::move(resident)), give_back_(std::move(give_back)) {}

  // What is in use or promised and not resident yet. To be released, in any parts.
  void Charge(uint64_t bytes) { charged_.fetch_add(bytes, std::memory_order_relaxed); }
  void Release(uint64_t bytes) { charged_.fetch_sub(bytes, std::memory_order_relaxed); }

  // Whether new calls have to be refused. Costs a clock and two loads, but for the caller that reads anew.
  bool Full(absl::Time now);

  // From now on. Thread-safe.
  void SetBytes(uint64_t bytes) { bytes_.store(bytes, std::memory_order_relaxed); }
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t charged() const { return charged_.load(std::memory_order_relaxed); }
  uint64_t resident() const { return last_resident_.load(std::memory_order_relaxed); }

 private:
  bool Over() const { return resident() + charged() > bytes(); }

  std::atomic<uint64_t> bytes_;
  const Resident resident_;
  const GiveBack give_back_;
  std::atomic<uint64_t> charged_{0};
  std::atomic<uint64_t> last_resident_{0};
  std::atomic<int64_t> next_read_{0};       // nanoseconds since the Unix epoch
  std::atomic<int64_t> next_give_back_{0};  // likewise
};

// Of this process, in bytes; 0 if the system does not tell.
uint64_t ResidentBytes();

// Three quarters of what there is: the machine's memory, or less where a control group has less.
uint64_t DefaultMemoryBytes();

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_MEMORY_BUDGET_H_
