#include "gateway/memory_bursts.h"

#include <catch2/catch.hpp>

namespace sallyport::gateway {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kRest = 30 * kMiB;

// Looks again and again, as long as it says the same, up to an hour. Returns for how long it did.
absl::Duration Lasts(MemoryBursts& bursts, uint64_t resident, absl::Duration& used, absl::Duration each, bool waits) {
  const bool first = bursts.Look(resident, used += each, waits);
  int looks = 1;
  while (looks < 72'000 && bursts.Look(resident, used += each, waits) == first) ++looks;
  return looks * MemoryBursts::kLookEvery;
}

constexpr absl::Duration kLittle = absl::Milliseconds(1);
constexpr absl::Duration kMuch = MemoryBursts::kLookEvery;

TEST_CASE("memory is given back at once by a process that holds much for a reader who does not read") {
  MemoryBursts bursts(kRest);
  absl::Duration used = absl::Seconds(1);
  bursts.Look(kRest, used, false);
  CHECK_FALSE(bursts.Look(kRest + 5 * kMiB, used += kLittle, true));
  // Others take their messages in less than a second.
  CHECK_FALSE(bursts.Look(kRest + 60 * kMiB, used += kLittle, true));
  const absl::Duration until_held = Lasts(bursts, kRest + 60 * kMiB, used, kLittle, true);
  CHECK(until_held > absl::Milliseconds(500));
  CHECK(until_held < absl::Seconds(2));
  CHECK(bursts.Look(kRest + 60 * kMiB, used += kLittle, true));
  // Not while it has much to do, for longer than the end of many calls takes.
  CHECK(bursts.Look(kRest + 60 * kMiB, used += kMuch, true));
  for (int i = 0; i < 20; ++i) bursts.Look(kRest + 60 * kMiB, used += kMuch, true);
  CHECK_FALSE(bursts.Look(kRest + 60 * kMiB, used += kMuch, true));
  CHECK(bursts.Look(kRest + 60 * kMiB, used += kLittle, true));
  // Until it is nearly as small as before.
  CHECK(bursts.Look(kRest + 10 * kMiB, used += kLittle, true));
  CHECK_FALSE(bursts.Look(kRest + 5 * kMiB, used += kLittle, true));
  CHECK_FALSE(bursts.Look(kRest + 10 * kMiB, used += kLittle, true));
}

TEST_CASE("memory is given back at once for a while after nobody is waited for any more") {
  MemoryBursts bursts(kRest);
  absl::Duration used;
  for (int i = 0; i < 100; ++i) bursts.Look(kRest + 60 * kMiB, used += kLittle, true);
  CHECK(bursts.Look(kRest + 60 * kMiB, used += kLittle, false));
  const absl::Duration after = Lasts(bursts, kRest + 60 * kMiB, used, kLittle, false);
  CHECK(after > absl::Seconds(3));
  CHECK(after < absl::Seconds(10));
}

TEST_CASE("memory that calls come and go with is kept, unless it is very much") {
  MemoryBursts bursts(kRest);
  absl::Duration used;
  for (int i = 0; i < 1000; ++i) {
    // Messages are under way at many looks, but never for a second.
    CHECK_FALSE(bursts.Look(kRest + 100 * kMiB, used += kLittle, i % 10 != 0));
  }
  CHECK(bursts.Look(kRest + 300 * kMiB, used += kLittle, false));
  CHECK(bursts.Look(kRest + 160 * kMiB, used += kLittle, false));
  CHECK_FALSE(bursts.Look(kRest + 100 * kMiB, used += kLittle, false));
}

TEST_CASE("what stays is usual some time later, and what is smaller at once") {
  MemoryBursts bursts(kRest);
  absl::Duration used;
  for (int i = 0; i < 100; ++i) bursts.Look(kRest + 40 * kMiB, used, true);
  CHECK(bursts.Look(kRest + 40 * kMiB, used, true));
  const absl::Duration until_usual = Lasts(bursts, kRest + 40 * kMiB, used, absl::ZeroDuration(), true);
  CHECK(until_usual > absl::Minutes(2));
  CHECK(until_usual < absl::Minutes(20));
  CHECK_FALSE(bursts.Look(kRest, used, true));
  CHECK(bursts.Look(kRest + 20 * kMiB, used, true));
}

}  // namespace
}  // namespace sallyport::gateway
