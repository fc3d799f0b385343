#include "gateway/relay/recording/refusal_table.h"

#include <catch2/catch.hpp>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);
constexpr size_t kReserved = RefusalTable::kMostRecordBytes + RefusalTable::kStoreOverhead;

RefusedCall From(std::string_view peer, absl::Time time, RefusalReason reason = RefusalReason::kUnauthenticated) {
  return {peer, std::hash<std::string_view>()(peer), "/x.S/M", reason, 16, "who are you?", time};
}

bool IsOver(RefusalTable& table, std::string_view peer, absl::Time now) {
  return table.Over(peer, std::hash<std::string_view>()(peer), now).has_value();
}

// Refuses calls of `peer` until it is over the limit; returns how many that took.
int MakeOver(RefusalTable& table, std::string_view peer, absl::Time now) {
  int refused = 0;
  while (!IsOver(table, peer, now) && refused < 100'000) {
    table.Refused(From(peer, now));
    ++refused;
  }
  return refused;
}

}  // namespace

TEST_CASE("an address that is refused too often has its proofs looked at no more, for a while") {
  RefusalTable table({.per_peer = 10});
  CHECK_FALSE(IsOver(table, "ipv4:10.0.0.7:1", kStart));
  const int refused = MakeOver(table, "ipv4:10.0.0.7:1", kStart);
  CHECK(refused == 100);  // ten seconds' worth
  const std::optional<absl::Duration> wait =
      table.Over("ipv4:10.0.0.7:1", std::hash<std::string_view>()("ipv4:10.0.0.7:1"), kStart);
  REQUIRE(wait.has_value());
  CHECK(*wait <= absl::Milliseconds(100));
  CHECK_FALSE(IsOver(table, "ipv4:10.0.0.7:1", kStart + absl::Milliseconds(101)));
  CHECK_FALSE(IsOver(table, "ipv4:10.0.0.8:1", kStart));
  // In the long run so many a second are looked at, however many come.
  int looked_at = 0;
  for (int i = 0; i < 100'000; ++i) {
    const absl::Time now = kStart + absl::Seconds(1) + absl::Microseconds(100) * i;
    const bool over = IsOver(table, "ipv4:10.0.0.7:1", now);
    if (!over) ++looked_at;
    table.Refused(From("ipv4:10.0.0.7:1", now, over ? RefusalReason::kTooMany : RefusalReason::kUnauthenticated));
  }
  CHECK(looked_at >= 95);
  CHECK(looked_at <= 120);
}

TEST_CASE("what is not the caller's fault is recorded under the same bounds and shuts nobody out") {
  RefusalTable table({.per_peer = 1, .recorded = 1});
  int recorded = 0;
  for (int i = 0; i < 1000; ++i) {
    recorded += table.Refused(From("ipv4:10.0.0.7:1", kStart, RefusalReason::kNotChecked)) ? 1 : 0;
    recorded += table.Refused(From("ipv4:10.0.0.7:1", kStart, RefusalReason::kCallerGone)) ? 1 : 0;
  }
  CHECK(recorded == 20);
  CHECK_FALSE(IsOver(table, "ipv4:10.0.0.7:1", kStart));
}

TEST_CASE("an address is a host, an IPv6 network of 64 bits, or all UNIX sockets") {
  RefusalTable table({.per_peer = 1});
  MakeOver(table, "ipv4:10.0.0.7:1", kStart);
  table.Refused(From("ipv4:10.0.0.7:2", kStart));
  CHECK(IsOver(table, "ipv4:10.0.0.7:2", kStart));
  table.Refused(From("ipv6:[::ffff:10.0.0.7]:2", kStart));
  CHECK(IsOver(table, "ipv6:[::ffff:10.0.0.7]:2", kStart));
  MakeOver(table, "ipv6:%5B2001:db8:1:2::1%5D:5", kStart);
  table.Refused(From("ipv6:[2001:db8:1:2:ffff::9]:6", kStart));
  CHECK(IsOver(table, "ipv6:[2001:db8:1:2:ffff::9]:6", kStart));
  CHECK_FALSE(IsOver(table, "ipv6:[2001:db8:1:3::1]:6", kStart));
  CHECK(MakeOver(table, "unix:", kStart) == 100);  // ten times as many
  CHECK(IsOver(table, "unix:", kStart));
  CHECK(table.peers() == 3);
}

TEST_CASE("a connection on which nothing was refused has its proofs looked at, up to as often again") {
  RefusalTable table({.per_peer = 10});
  MakeOver(table, "ipv4:10.0.0.7:1", kStart);
  CHECK_FALSE(IsOver(table, "ipv4:10.0.0.7:2", kStart));
  CHECK_FALSE(IsOver(table, "ipv4:10.0.0.7:2", kStart));
  CHECK(IsOver(table, "ipv4:10.0.0.7:1", kStart));
  table.Refused(From("ipv4:10.0.0.7:2", kStart));
  CHECK(IsOver(table, "ipv4:10.0.0.7:2", kStart));
  int fresh = 0;
  for (int port = 1000; port < 2000; ++port) {
    if (!IsOver(table, absl::StrCat("ipv4:10.0.0.7:", port), kStart)) ++fresh;
  }
  CHECK(fresh == 98);
}

TEST_CASE("beyond a rate refused calls are counted, for each address on its own") {
  RefusalTable table({.recorded = 10});
  int recorded = 0;
  for (int i = 0; i < 1000; ++i) recorded += table.Refused(From("ipv4:10.0.0.7:1", kStart)) ? 1 : 0;
  CHECK(recorded == 200);
  CHECK(table.Refused(From("ipv4:10.0.0.8:1", kStart)));
  CHECK(table.has_counted());
  RefusedCall odd = From("ipv4:10.0.0.7:9", kStart + absl::Milliseconds(5), RefusalReason::kMalformed);
  table.Refused(odd);
  const std::vector<CountedCalls> taken = table.TakeCounted(kStart, false);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].peer == "ipv4:10.0.0.7");
  CHECK(taken[0].calls == 801);
  CHECK(taken[0].by_reason[static_cast<size_t>(RefusalReason::kUnauthenticated)] == 800);
  CHECK(taken[0].by_reason[static_cast<size_t>(RefusalReason::kMalformed)] == 1);
  CHECK(taken[0].first_peer == "ipv4:10.0.0.7:1");
  CHECK(taken[0].first_method == "/x.S/M");
  CHECK(taken[0].first_code == 16);
  CHECK(taken[0].last == kStart + absl::Milliseconds(5));
  CHECK_FALSE(table.has_counted());
  CHECK(table.TakeCounted(kStart, true).empty());
}

TEST_CASE("counted calls that no record took are there again, whole") {
  RefusalTable table({.recorded = 10});
  for (int i = 0; i < 300; ++i) table.Refused(From("ipv4:10.0.0.7:1", kStart));
  const std::vector<CountedCalls> taken = table.TakeCounted(kStart, true);
  REQUIRE(taken.size() == 1);
  CHECK_FALSE(table.has_counted());
  table.PutBack(taken[0]);
  CHECK(table.has_counted());
  table.Refused(From("ipv4:10.0.0.7:1", kStart, RefusalReason::kMalformed));
  uint64_t calls = 0;
  uint64_t malformed = 0;
  for (const CountedCalls& again : table.TakeCounted(kStart + absl::Hours(1), true)) {
    calls += again.calls;
    malformed += again.by_reason[static_cast<size_t>(RefusalReason::kMalformed)];
  }
  CHECK(calls == taken[0].calls + 1);
  CHECK(malformed == 1);
}

TEST_CASE("addresses without number take bounded memory, and no call goes uncounted") {
  constexpr size_t kMost = 100;
  RefusalTable table({.per_peer = 1, .recorded = 1}, kMost);
  uint64_t recorded = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string peer = absl::StrCat("ipv6:[2001:db8:", i % 1000, "::1]:7");
    for (int j = 0; j < 3; ++j) recorded += table.Refused(From(peer, kStart)) ? 1 : 0;
  }
  CHECK(table.peers() == kMost);
  uint64_t counted = 0;
  bool others = false;
  for (const CountedCalls& one : table.TakeCounted(kStart, true)) {
    counted += one.calls;
    others = others || one.peer == "other addresses";
  }
  CHECK(recorded + counted == 15'000);
  CHECK(others);
  // Whoever comes now is one of many, until there is room again.
  CHECK(IsOver(table, "ipv6:[2001:db8:ffff::1]:7", kStart + absl::Milliseconds(1)) ==
        IsOver(table, "ipv6:[2001:db8:fffe::1]:7", kStart + absl::Milliseconds(1)));
  for (int i = 0; i < 300; ++i) {
    table.Refused(From(absl::StrCat("ipv4:10.1.", i, ".1:7"), kStart + absl::Hours(1)));
  }
  CHECK_FALSE(IsOver(table, "ipv4:10.2.0.1:7", kStart + absl::Hours(1)));
}

TEST_CASE("long texts of strangers are cut before they are kept") {
  RefusalTable table({.recorded = 0.01});
  const std::string method(100'000, 'm');
  RefusedCall call = From("ipv4:10.0.0.7:1", kStart);
  call.method = method;
  call.message = method;
  table.Refused(call);
  table.Refused(call);
  const std::vector<CountedCalls> taken = table.TakeCounted(kStart, true);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].first_method.size() + taken[0].first_message.size() < 500);
}

TEST_CASE("in no 24 hours is more reserved than a day's bytes, whoever floods") {
  const uint64_t daily = GENERATE(uint64_t{64} << 20, uint64_t{1} << 30);
  RefusalTable table({.daily_bytes = daily});
  uint64_t bytes = 0;
  uint64_t singly = 0;
  uint64_t entries = 0;
  uint64_t calls = 0;
  uint64_t counted = 0;
  const auto take = [&](absl::Time now, bool all) {
    for (const CountedCalls& one : table.TakeCounted(now, all)) {
      counted += one.calls;
      ++entries;
      bytes += RefusalTable::kMostCountedBytes + RefusalTable::kStoreOverhead;
    }
  };
  // Everything that is recorded takes as much as it may.
  for (int second = 0; second < 86'400; ++second) {
    const absl::Time now = kStart + absl::Seconds(second);
    for (int i = 0; i < 8; ++i) {
      ++calls;
      if (table.Refused(From(absl::StrCat("ipv6:[2001:db8:", second % 500, ":", i, "::1]:7"), now))) {
        bytes += kReserved;
        ++singly;
      }
    }
    take(now, false);
  }
  CHECK(bytes <= daily);
  CHECK(bytes > daily / 2);
  CHECK(singly > 0);
  CHECK(entries > 0);
  take(kStart + absl::Hours(24), true);
  CHECK(singly + counted == calls);
}

TEST_CASE("what a record did not take can be used by others") {
  RefusalTable table({.recorded = 1e6, .daily_bytes = 16 << 20});
  const auto record = [&](size_t taken) {
    int recorded = 0;
    while (recorded < 100'000 && table.Refused(From("ipv4:10.0.0.7:1", kStart))) {
      table.Refund(kReserved, taken);
      ++recorded;
    }
    return recorded;
  };
  const int whole = record(kReserved);
  CHECK(whole > 100);
  RefusalTable other({.recorded = 1e6, .daily_bytes = 16 << 20});
  int small = 0;
  while (small < 100'000 && other.Refused(From("ipv4:10.0.0.7:1", kStart))) {
    other.Refund(kReserved, kReserved / 4);
    ++small;
  }
  CHECK(small > 3 * whole);
}

}  // namespace sallyport::gateway
