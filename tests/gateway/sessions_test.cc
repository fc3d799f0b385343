#include "gateway/sessions.h"

#include <catch2/catch.hpp>
#include <string>

namespace sallyport::gateway {
namespace {
const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);
}  // namespace

TEST_CASE("calls of one identity on one connection are one session") {
  Sessions sessions(absl::Minutes(30));
  auto a = sessions.Join("ann", "ipv4:1.2.3.4:1", "", 10, kStart);
  CHECK(a.id() == 10);
  CHECK(sessions.Join("ann", "ipv4:1.2.3.4:1", "", 11, kStart).id() == 10);
  CHECK(sessions.Join("bob", "ipv4:1.2.3.4:1", "", 12, kStart).id() == 12);
  CHECK(sessions.Join("ann", "ipv4:1.2.3.4:2", "", 13, kStart).id() == 13);
}

TEST_CASE("calls that name a session share it over connections, but not over identities") {
  Sessions sessions(absl::Minutes(30));
  CHECK(sessions.Join("ann", "p1", "night", 10, kStart).id() == 10);
  CHECK(sessions.Join("ann", "p2", "night", 11, kStart).id() == 10);
  CHECK(sessions.Join("bob", "p2", "night", 12, kStart).id() == 12);
}

TEST_CASE("identities and names cannot be cut so that they pass for others") {
  Sessions sessions(absl::Minutes(30));
  CHECK(sessions.Join("ab", "", "c", 10, kStart).id() == 10);
  CHECK(sessions.Join("a", "", "bc", 11, kStart).id() == 11);
  CHECK(sessions.Join("a", "bc", "", 12, kStart).id() == 12);
}

TEST_CASE("a session is over after the idle gap, which an open call puts off") {
  Sessions sessions(absl::Minutes(30));
  auto first = sessions.Join("ann", "p", "", 10, kStart);
  CHECK(sessions.Join("ann", "p", "", 11, kStart + absl::Hours(5)).id() == 10);
  auto again = sessions.Join("ann", "p", "", 12, kStart + absl::Hours(5));
  sessions.Leave(first, kStart + absl::Hours(6));
  sessions.Leave(again, kStart + absl::Hours(6));
}

TEST_CASE("a session with no open call for longer than the gap is followed by a new one") {
  Sessions sessions(absl::Minutes(30));
  auto first = sessions.Join("ann", "p", "", 10, kStart);
  sessions.Leave(first, kStart + absl::Minutes(1));
  auto second = sessions.Join("ann", "p", "", 11, kStart + absl::Minutes(30));
  CHECK(second.id() == 10);
  sessions.Leave(second, kStart + absl::Minutes(31));
  CHECK(sessions.Join("ann", "p", "", 12, kStart + absl::Minutes(62)).id() == 12);
}

TEST_CASE("what is remembered of sessions is bounded in bytes, and open ones are not forgotten") {
  constexpr size_t kMost = 64 << 10;
  Sessions sessions(absl::Hours(10), kMost);
  auto open = sessions.Join("ann", "open", "", 1, kStart);
  const size_t length = GENERATE(8, 200, 256);
  for (uint64_t i = 0; i < 3000; ++i) {
    const std::string name = std::to_string(i) + std::string(length, 'n');
    auto member = sessions.Join("ann", "p", name, 100 + i, kStart + absl::Seconds(i));
    CHECK(sessions.bytes() <= kMost);
    sessions.Leave(member, kStart + absl::Seconds(i));
  }
  CHECK(sessions.size() > 100);  // and not forgotten for nothing
  CHECK(sessions.Join("ann", "open", "", 9999, kStart + absl::Minutes(20)).id() == 1);
}

TEST_CASE("the last of many sessions is remembered, and what is forgotten is counted no more") {
  constexpr size_t kMost = 64 << 10;
  Sessions sessions(absl::Hours(10), kMost);
  for (uint64_t i = 0; i < 3000; ++i) {
    auto member = sessions.Join("ann", "p", std::to_string(i), 100 + i, kStart + absl::Seconds(i));
    sessions.Leave(member, kStart + absl::Seconds(i));
  }
  CHECK(sessions.bytes() >= sessions.size() * 100);
  CHECK(sessions.Join("ann", "p", "2999", 9999, kStart + absl::Seconds(3000)).id() == 3099);
}

}  // namespace sallyport::gateway
