#include "gateway/memory_bursts.h"

#include <catch2/catch.hpp>

namespace sallyport::gateway {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kRest = 30 * kMiB;

TEST_CASE("memory is given back at once by a process that holds much and does little") {
  MemoryBursts bursts(kRest);
  absl::Duration used = absl::Seconds(1);
  const absl::Duration little = absl::Milliseconds(1);
  const absl::Duration much = MemoryBursts::kLookEvery;
  bursts.Look(kRest, used);
  CHECK_FALSE(bursts.Look(kRest + 5 * kMiB, used += little));
  CHECK(bursts.Look(kRest + 60 * kMiB, used += little));
  // Not while it has much to do, for longer than the end of many calls takes.
  CHECK(bursts.Look(kRest + 60 * kMiB, used += much));
  for (int i = 0; i < 20; ++i) bursts.Look(kRest + 60 * kMiB, used += much);
  CHECK_FALSE(bursts.Look(kRest + 60 * kMiB, used += much));
  CHECK(bursts.Look(kRest + 60 * kMiB, used += little));
  // Until it is nearly as small as before.
  CHECK(bursts.Look(kRest + 10 * kMiB, used += little));
  CHECK_FALSE(bursts.Look(kRest + 5 * kMiB, used += little));
  CHECK_FALSE(bursts.Look(kRest + 10 * kMiB, used += little));
}

TEST_CASE("what stays is usual some time later, and what is smaller at once") {
  MemoryBursts bursts(kRest);
  absl::Duration used;
  int looks = 0;
  while (bursts.Look(kRest + 40 * kMiB, used) && looks < 1'000'000) ++looks;
  CHECK(looks * MemoryBursts::kLookEvery > absl::Minutes(2));
  CHECK(looks * MemoryBursts::kLookEvery < absl::Minutes(20));
  CHECK_FALSE(bursts.Look(kRest, used));
  CHECK(bursts.Look(kRest + 20 * kMiB, used));
}

}  // namespace
}  // namespace sallyport::gateway
