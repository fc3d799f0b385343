// When the process holds more memory than usual.
#ifndef SALLYPORT_GATEWAY_MEMORY_BURSTS_H_
#define SALLYPORT_GATEWAY_MEMORY_BURSTS_H_

#include <cstdint>

#include "absl/time/time.h"

namespace sallyport::gateway {

// Tells the time for returning freed memory to the system at once from the time for keeping it. Returning costs a call
// with large messages, which allocates the same again, up to a third of its CPU; keeping means that what many streams
// once held stays for good, because allocators look at it only when the thread that freed it frees again, and gRPC's
// threads may sleep long.
//
// So memory is kept, but by a process that holds more than usual, by kBurst, and does little: it waits for readers, and
// whatever ends is then gone when it ends. Usual is the least that was seen, or what has stayed for minutes. Not
// thread-safe.
class MemoryBursts {
 public:
  static constexpr uint64_t kBurst = 12 << 20;  // bytes
  static constexpr absl::Duration kLookEvery = absl::Milliseconds(50);

  // More than this part of a core, for half a second, is not little.
  static constexpr double kBusy = 0.25;

  // `resident`: in bytes, of the process before it has done anything.
  explicit MemoryBursts(uint64_t resident) : usual_(resident) {}

  // Given every kLookEvery what is resident, in bytes, and how much CPU time the process has used since it began.
  // Whether memory is to be returned at once.
  bool Look(uint64_t resident, absl::Duration used);

 private:
  uint64_t usual_;
  bool burst_ = false;
  int busy_looks_ = 0;
  absl::Duration used_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_MEMORY_BURSTS_H_
