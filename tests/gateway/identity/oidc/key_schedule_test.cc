// When keys are fetched, without threads and at every border.
#include "gateway/identity/oidc/key_schedule.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "gateway/identity/mtls/recently_used.h"
#include "tests/gateway/identity/jwt/token_maker.h"

namespace sallyport::gateway {
namespace {

using Advice = KeySchedule::Advice;
constexpr absl::Duration kInterval = absl::Minutes(10);
constexpr absl::Duration kStale = absl::Minutes(60);
constexpr absl::Duration kMoment = absl::Nanoseconds(1);

std::shared_ptr<const KeySet> SetOf(const std::string& id) {
  static const TokenKey key = TokenKey::Make("P-256");
  return *KeySet::Parse(JwksText({key.Jwk(id)}));
}

// One that has fetched `keys` at kNow, in no time.
KeySchedule Fetched(const std::shared_ptr<const KeySet>& keys) {
  KeySchedule schedule(kInterval, kStale);
  schedule.Begin(kNow);
  schedule.Finish(kNow, keys);
  return schedule;
}

}  // namespace

TEST_CASE("the first fetch is due at once, and tokens wait for it") {
  KeySchedule schedule(kInterval, kStale);
  CHECK(schedule.Due(kNow) <= kNow);
  CHECK(schedule.ForToken(kNow) == Advice::kWait);
  CHECK(schedule.ForUnknownKey(kNow) == Advice::kWait);
  CHECK(schedule.keys() == nullptr);
  schedule.Begin(kNow);
  // One at a time.
  CHECK(schedule.Due(kNow + absl::Hours(100)) == absl::InfiniteFuture());
  CHECK(schedule.ForToken(kNow) == Advice::kWait);
  CHECK(schedule.ForUnknownKey(kNow) == Advice::kWait);
}

TEST_CASE("keys are fetched again after the interval, and serve for as long again as they may be stale") {
  KeySchedule schedule = Fetched(SetOf("a"));
  CHECK(schedule.last_result().ok());
  CHECK(schedule.Due(kNow) == kNow + kInterval);
  const absl::Time end = kNow + kInterval + kStale;
  CHECK(schedule.usable_until() == end);
  CHECK(schedule.ForToken(kNow) == Advice::kUse);
  CHECK(schedule.ForToken(end - kMoment) == Advice::kUse);
  CHECK(schedule.ForToken(end) == Advice::kWait);  // a fetch is due
  // While it is under way the old ones serve.
  schedule.Begin(kNow + kInterval);
  CHECK(schedule.ForToken(kNow + kInterval) == Advice::kUse);
  CHECK(schedule.ForToken(end) == Advice::kWait);
}

TEST_CASE("an unknown key brings a fetch forward, but not to within half a minute of the last one's beginning") {
  KeySchedule schedule = Fetched(SetOf("a"));
  const absl::Time soonest = kNow + absl::Seconds(30);
  CHECK(schedule.ForUnknownKey(soonest - kMoment) == Advice::kGiveUp);
  CHECK(schedule.Due(soonest - kMoment) == kNow + kInterval);
  CHECK(schedule.ForUnknownKey(soonest) == Advice::kWait);
  CHECK(schedule.Due(soonest) == soonest);
  schedule.Begin(soonest);
  // It took a while: what counts is when it began.
  schedule.Finish(soonest + absl::Seconds(20), SetOf("b"));
  CHECK(schedule.ForUnknownKey(soonest + absl::Seconds(29)) == Advice::kGiveUp);
  CHECK(schedule.ForUnknownKey(soonest + absl::Seconds(30)) == Advice::kWait);
}

TEST_CASE("without keys a fetch that fails is tried again after 1, 2, 4 and up to 30 seconds, then anew") {
  KeySchedule schedule(kInterval, kStale);
  absl::Time now = kNow;
  const auto fail = [&] {
    schedule.Begin(now);
    schedule.Finish(now, absl::UnavailableError("away"));
    CHECK(absl::IsUnavailable(schedule.last_result()));
    const absl::Duration pause = schedule.Due(now) - now;
    CHECK(schedule.ForToken(now) == Advice::kGiveUp);
    CHECK(schedule.ForToken(now + pause - kMoment) == Advice::kGiveUp);
    CHECK(schedule.ForToken(now + pause) == Advice::kWait);
    now += pause;
    return pause;
  };
  for (const int seconds : {1, 2, 4, 8, 16, 30, 30, 30}) CHECK(fail() == absl::Seconds(seconds));
  schedule.Begin(now);
  schedule.Finish(now, SetOf("a"));
  // With keys there is no hurry.
  now += kInterval;
  schedule.Begin(now);
  schedule.Finish(now, absl::UnavailableError("away"));
  CHECK(schedule.Due(now) == now + absl::Seconds(30));
  CHECK(schedule.ForToken(now) == Advice::kUse);
  CHECK(schedule.usable_until() == now + kStale);
  // Once they are too old it begins anew, as soon as that.
  now = schedule.usable_until();
  schedule.Begin(now);
  schedule.Finish(now, absl::UnavailableError("away"));
  CHECK(schedule.Due(now) == now + absl::Seconds(2));
  CHECK(schedule.ForToken(now) == Advice::kGiveUp);
}

TEST_CASE("the epoch differs whenever the keys do, and after a fetch that failed nothing does") {
  KeySchedule schedule = Fetched(SetOf("a"));
  const uint64_t first = schedule.epoch();
  CHECK(first != KeySchedule(kInterval, kStale).epoch());
  absl::Time now = kNow + kInterval;
  schedule.Begin(now);
  schedule.Finish(now, absl::UnavailableError("away"));
  CHECK(schedule.epoch() == first);
  CHECK(schedule.keys()->digest() == SetOf("a")->digest());
  CHECK(schedule.usable_until() == kNow + kInterval + kStale);
  schedule.Begin(now);
  schedule.Finish(now, SetOf("b"));
  CHECK(schedule.epoch() != first);
  CHECK(schedule.keys()->digest() == SetOf("b")->digest());
  CHECK(schedule.usable_until() == now + kInterval + kStale);
  schedule.Begin(now);
  schedule.Finish(now, SetOf("a"));
  CHECK(schedule.epoch() != first);
}

TEST_CASE("a clock that is set back makes a fetch due, and no key wait for it to come round") {
  KeySchedule schedule = Fetched(SetOf("a"));
  const absl::Time back = kNow - absl::Hours(10);
  CHECK(schedule.Due(back) == back);
  CHECK(schedule.ForToken(back) == Advice::kUse);
  CHECK(schedule.ForUnknownKey(back) == Advice::kWait);
}

TEST_CASE("what was worked out is remembered up to a bound, and what is asked for again stays") {
  constexpr size_t kMost = 100;
  RecentlyUsed<int> memory(kMost);
  const auto key = [](int number) { return recorder::Sha256({std::to_string(number)}); };
  CHECK_FALSE(memory.Find(key(0)).has_value());
  for (int i = 0; i < 10'000; ++i) {
    memory.Put(key(i), i);
    REQUIRE(memory.size() <= kMost);
    REQUIRE(memory.Find(key(i)) == i);
    // Asked for again and again.
    if (i > 0) REQUIRE(memory.Find(key(0)) == 0);
  }
  // Half as many at least, the last ones.
  for (int i = 10'000 - static_cast<int>(kMost) / 2 + 1; i < 10'000; ++i) CHECK(memory.Find(key(i)) == i);
  CHECK_FALSE(memory.Find(key(5)).has_value());
  // One that is put again has its new value.
  memory.Put(key(9'999), 7);
  CHECK(memory.Find(key(9'999)) == 7);
}

}  // namespace sallyport::gateway
