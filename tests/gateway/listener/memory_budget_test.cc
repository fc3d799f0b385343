#include "gateway/listener/memory_budget.h"

#include <catch2/catch.hpp>

#include "absl/time/time.h"

namespace sallyport::gateway {

TEST_CASE("memory is full while what is resident and what is charged are more than the budget together") {
  uint64_t resident = 60;
  int given_back = 0;
  MemoryBudget budget(
      100, [&] { return resident; }, [&] { ++given_back; });
  absl::Time now = absl::FromUnixSeconds(1'000'000);
  CHECK_FALSE(budget.Full(now));
  budget.Charge(30);
  CHECK_FALSE(budget.Full(now));
  budget.Charge(20);
  CHECK(budget.Full(now));
  budget.Release(50);
  CHECK_FALSE(budget.Full(now));
  resident = 101;
  CHECK_FALSE(budget.Full(now));  // is not read again so soon
  now += MemoryBudget::kReadInterval;
  CHECK(budget.Full(now));
  CHECK(given_back == 1);
  resident = 99;
  CHECK(budget.Full(now));
  now += MemoryBudget::kReadInterval;
  CHECK_FALSE(budget.Full(now));
  CHECK(given_back == 1);
}

TEST_CASE("before calls are refused, the allocator gives back what it keeps") {
  uint64_t resident = 200;
  MemoryBudget budget(
      100, [&] { return resident; }, [&] { resident = 50; });
  CHECK_FALSE(budget.Full(absl::FromUnixSeconds(1)));
}

TEST_CASE("what the system says of memory is within reason") {
  CHECK(ResidentBytes() > uint64_t{1} << 20);
  CHECK(DefaultMemoryBytes() > ResidentBytes());
  CHECK_FALSE(MemoryBudget(DefaultMemoryBytes()).Full(absl::UnixEpoch() + absl::Hours(1)));
}

}  // namespace sallyport::gateway
