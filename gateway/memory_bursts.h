// When the process holds more memory than usual.
#ifndef SALLYPORT_GATEWAY_MEMORY_BURSTS_H_
#define SALLYPORT_GATEWAY_MEMORY_BURSTS_H_

#include <cstdint>

#include "absl/time/time.h"

namespace sallyport::gateway {

// Tells the time for returning freed memory to the system at once from the time for keeping it. Returning costs calls,
// which allocate the same again, up to half of their CPU; keeping means that what many streams once held stays for
// good, because allocators look at it only when the thread that freed it frees again, and gRPC's threads may sleep
// long.
//
// So memory is kept, but by a process that does little and holds more than usual: by kBurst while it waits for somebody
// to read, and for a while afterwards, when what it held for them goes; by kLargeBurst in any case. Usual is the least
// that was seen, or what has stayed for minutes. Not thread-safe.
class MemoryBursts {
 public:
  static constexpr uint64_t kBurst = 12 << 20;        // bytes
  static constexpr uint64_t kLargeBurst = 192 << 20;  // bytes
  static constexpr absl::Duration kLookEvery = absl::Milliseconds(50);

  // More than this part of a core, for half a second, is not little.
  static constexpr double kBusy = 0.25;

  // `resident`: in bytes, of the process before it has done anything.
  explicit MemoryBursts(uint64_t resident) : usual_(resident) {}

  // Given every kLookEvery what is resident, in bytes, how much CPU time the process has used since it began, and
  // whether a message of a stream waits to be taken. Whether memory is to be returned at once.
  bool Look(uint64_t resident, absl::Duration used, bool waits);

 private:
  // A second of waiting is a reader's doing, and what was held for it goes in the five that follow.
  static constexpr int kLooksToBeHeld = 20;
  static constexpr int kLooksToLetGo = 100;

  uint64_t usual_;
  bool burst_ = false;
  bool large_burst_ = false;
  int busy_looks_ = 0;
  int waiting_looks_ = 0;
  int looks_since_held_ = kLooksToLetGo;  // and no more than that
  absl::Duration used_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_MEMORY_BURSTS_H_
