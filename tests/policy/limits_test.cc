// How much callers may do.
#include "policy/limits.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "tests/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

// Limits with a clock that stands still until it is moved.
class LimitsFixture {
 public:
  explicit LimitsFixture(const std::string& limits, size_t most_keys = Limits::kMostKeys)
      : limits_(std::make_unique<Limits>(Parsed("limits:\n" + limits), nullptr, most_keys)) {}

  // As when the policy is reloaded.
  void Reload(const std::string& limits) {
    limits_ = std::make_unique<Limits>(Parsed("limits:\n" + limits), limits_.get());
  }
  void Pass(absl::Duration time) { now_ += time; }
  absl::Time now() const { return now_; }
  const Limits& limits() const { return *limits_; }

  Admission Admit(MadeCall call = AliceReads()) const {
    call.now = now_;
    return limits_->Admit(call.request(), now_);
  }
  // Whether a call that is over at once is admitted.
  bool Calls(const MadeCall& call = AliceReads()) const { return Admit(call).admitted; }
  // How many such calls are, until one is not.
  int Burst(const MadeCall& call = AliceReads()) const {
    int admitted = 0;
    while (admitted < 1000 && Calls(call)) ++admitted;
    return admitted;
  }

 private:
  absl::Time now_ = MondayAtTen();
  std::unique_ptr<Limits> limits_;
};

MadeCall Named(const std::string& subject) {
  MadeCall call = AliceReads();
  call.subject = subject;
  return call;
}

MadeCall Of(const std::string& method) {
  MadeCall call = AliceReads();
  call.method = method;
  return call;
}

TEST_CASE("without limits every call is admitted") {
  const LimitsFixture limits("  []");
  CHECK(limits.Burst() == 1000);
  CHECK(limits.limits().keys() == 0);
  CHECK(limits.Admit().ticket.Charge(1 << 30, limits.now()) == absl::ZeroDuration());
}

TEST_CASE("calls per second let a burst through, then the rate, and say when to come back") {
  LimitsFixture limits("- {name: rate, calls_per_second: 10, burst: 3}");
  CHECK(limits.Burst() == 3);
  const Admission refused = limits.Admit();
  CHECK_FALSE(refused.admitted);
  CHECK(refused.limit == "rate");
  CHECK(refused.kind == LimitKind::kCallsPerSecond);
  CHECK(refused.retry_after == absl::Milliseconds(100));
  limits.Pass(absl::Milliseconds(99));
  CHECK_FALSE(limits.Calls());
  limits.Pass(absl::Milliseconds(1));
  CHECK(limits.Burst() == 1);
  limits.Pass(absl::Milliseconds(250));
  CHECK(limits.Burst() == 2);
  limits.Pass(absl::Hours(1));
  CHECK(limits.Burst() == 3);
}

TEST_CASE("unless it is given, the burst is a second's worth, and at least one call") {
  LimitsFixture many("- {name: rate, calls_per_second: 2.5}");
  CHECK(many.Burst() == 3);
  LimitsFixture few("- {name: rate, calls_per_second: 0.1}");
  CHECK(few.Burst() == 1);
  few.Pass(absl::Seconds(9));
  CHECK(few.Admit().retry_after == absl::Seconds(1));
  few.Pass(absl::Seconds(1));
  CHECK(few.Burst() == 1);
}

TEST_CASE("a limit counts apart what `per` says, and all calls together without it") {
  const MadeCall alice = Named("alice");
  const MadeCall bob = Named("bob");
  const LimitsFixture together("- {name: l, calls_per_second: 2}");
  CHECK(together.Burst(alice) == 2);
  CHECK(together.Burst(bob) == 0);
  const LimitsFixture by_identity("- {name: l, calls_per_second: 2, per: [identity]}");
  CHECK(by_identity.Burst(alice) == 2);
  CHECK(by_identity.Burst(bob) == 2);
  MadeCall other_alice = alice;
  other_alice.issuer = "https://other.example";
  CHECK(by_identity.Burst(other_alice) == 2);
  CHECK(by_identity.Burst(AnonymousReads()) == 2);
  CHECK(by_identity.Burst(AnonymousReads()) == 0);
  const LimitsFixture by_method("- {name: l, calls_per_second: 2, per: [method]}");
  CHECK(by_method.Burst(Of("/a.B/C")) == 2);
  CHECK(by_method.Burst(Of("a.B/C")) == 0);  // the same method
  CHECK(by_method.Burst(Of("/a.B/D")) == 2);
  const LimitsFixture by_both("- {name: l, calls_per_second: 2, per: [identity, method]}");
  CHECK(by_both.Burst(alice) == 2);
  CHECK(by_both.Burst(Of("/a.B/C")) == 2);
  CHECK(by_both.Burst(bob) == 2);
  CHECK(by_both.Burst(alice) == 0);
  MadeCall elsewhere = alice;
  elsewhere.upstream = "pay";
  const LimitsFixture by_upstream("- {name: l, calls_per_second: 2, per: upstream}");
  CHECK(by_upstream.Burst(alice) == 2);
  CHECK(by_upstream.Burst(elsewhere) == 2);
}

TEST_CASE("per peer counts by host: ports do not matter, nor does the second half of an IPv6 address") {
  const auto from = [](const std::string& peer) {
    MadeCall call = AliceReads();
    call.peer = peer;
    return call;
  };
  const LimitsFixture limits("- {name: l, calls_per_second: 1, per: [peer]}");
  CHECK(limits.Burst(from("ipv4:10.0.0.7:1")) == 1);
  CHECK(limits.Burst(from("ipv4:10.0.0.7:2")) == 0);
  CHECK(limits.Burst(from("ipv4:10.0.0.8:1")) == 1);
  CHECK(limits.Burst(from("ipv6:[2001:db8:0:1::1]:1")) == 1);
  CHECK(limits.Burst(from("ipv6:%5B2001:db8:0:1:ffff::1%5D:1")) == 0);
  CHECK(limits.Burst(from("ipv6:[2001:db8:0:2::1]:1")) == 1);
  CHECK(limits.Burst(from("unix:/a")) == 1);
  CHECK(limits.Burst(from("unix:/b")) == 0);
}

TEST_CASE("parts of a key do not run into each other") {
  const LimitsFixture limits("- {name: l, calls_per_second: 1, per: [identity]}");
  MadeCall one = Named("bc");
  one.issuer = "a";
  MadeCall other = Named("c");
  other.issuer = "ab";
  CHECK(limits.Burst(one) == 1);
  CHECK(limits.Burst(other) == 1);
  // Long ones are told apart too.
  MadeCall long_one = Named(std::string(100'000, 'x'));
  MadeCall long_other = Named(std::string(99'999, 'x') + "y");
  CHECK(limits.Burst(long_one) == 1);
  CHECK(limits.Burst(long_one) == 0);
  CHECK(limits.Burst(long_other) == 1);
}

TEST_CASE("open calls are counted from admission until the ticket is gone") {
  const LimitsFixture limits("- {name: open, open_calls: 2, per: [identity]}");
  Admission first = limits.Admit();
  Admission second = limits.Admit();
  REQUIRE(second.admitted);
  const Admission third = limits.Admit();
  CHECK_FALSE(third.admitted);
  CHECK(third.limit == "open");
  CHECK(third.kind == LimitKind::kOpenCalls);
  CHECK(third.retry_after == absl::Seconds(1));
  CHECK(limits.Admit(Named("bob")).admitted);
  { const LimitTicket gone = std::move(first.ticket); }
  Admission fourth = limits.Admit();
  CHECK(fourth.admitted);
  CHECK_FALSE(limits.Admit().admitted);
  second.ticket = std::move(fourth.ticket);  // the second call is over
  CHECK(limits.Admit().admitted);
}

TEST_CASE("a call that one limit refuses counts under none") {
  LimitsFixture limits(
      "- {name: rate, calls_per_second: 1, burst: 5, match: {groups: [dev]}}\n"
      "- {name: none of these, calls_per_second: 1, match: {groups: [ops]}}\n"
      "- {name: open, open_calls: 1, match: {methods: ['*/Range']}}\n");
  const Admission held = limits.Admit();
  REQUIRE(held.admitted);
  for (int i = 0; i < 20; ++i) CHECK(limits.Admit().limit == "open");
  // Four of the five are left.
  CHECK(limits.Burst(Of("/a.B/C")) == 4);
}

TEST_CASE("the first limit that is exceeded is the one named") {
  const LimitsFixture limits(
      "- {name: one, calls_per_second: 1, burst: 2}\n- {name: two, calls_per_second: 1, burst: 1}\n");
  CHECK(limits.Calls());
  CHECK(limits.Admit().limit == "two");
}

TEST_CASE("bytes over the rate are waited for, and new calls refused while they are far ahead") {
  LimitsFixture limits("- {name: bytes, bytes_per_second: 1MiB, per: [identity]}");
  constexpr uint64_t kMiB = 1 << 20;
  const Admission call = limits.Admit();
  REQUIRE(call.admitted);
  CHECK(call.ticket.Charge(kMiB, limits.now()) == absl::ZeroDuration());  // a second's worth at once
  CHECK(call.ticket.Charge(kMiB / 2, limits.now()) == absl::Milliseconds(500));
  CHECK(call.ticket.Charge(0, limits.now()) == absl::Milliseconds(500));
  limits.Pass(absl::Milliseconds(500));
  CHECK(call.ticket.Charge(0, limits.now()) == absl::ZeroDuration());
  CHECK(limits.Calls());
  CHECK(call.ticket.Charge(2 * kMiB, limits.now()) == absl::Seconds(2));  // three seconds ahead
  const Admission refused = limits.Admit();
  CHECK_FALSE(refused.admitted);
  CHECK(refused.kind == LimitKind::kBytesPerSecond);
  CHECK(refused.retry_after == absl::Seconds(1));
  CHECK(limits.Calls(Named("bob")));
  limits.Pass(absl::Seconds(1));
  CHECK(limits.Calls());
}

TEST_CASE("a message too large for any rate makes nobody wait for ever") {
  LimitsFixture limits("- {name: bytes, bytes_per_second: 1KiB}");
  const Admission call = limits.Admit();
  CHECK(call.ticket.Charge(uint64_t{1} << 40, limits.now()) <= absl::Hours(1));
  CHECK(call.ticket.Charge(~uint64_t{0}, limits.now()) <= absl::Hours(1));
  limits.Pass(absl::Hours(1));
  CHECK(call.ticket.Charge(0, limits.now()) == absl::ZeroDuration());
}

TEST_CASE("a limit in shadow refuses nothing, slows nothing down, and says what it would have done") {
  LimitsFixture limits(
      "- {name: rate, calls_per_second: 1, burst: 2, shadow: true}\n"
      "- {name: bytes, bytes_per_second: 1KiB, shadow: true}\n");
  CHECK(limits.Admit().shadow_exceeded.empty());
  CHECK(limits.Admit().shadow_exceeded.empty());
  Admission third = limits.Admit();
  CHECK(third.admitted);
  REQUIRE(third.shadow_exceeded.size() == 1);
  CHECK(third.shadow_exceeded[0] == "rate");
  limits.Pass(absl::Seconds(1));
  CHECK(limits.Admit().shadow_exceeded.empty());  // the third took nothing
  limits.Pass(absl::Seconds(1));
  CHECK(third.ticket.Charge(1 << 30, limits.now()) == absl::ZeroDuration());
  const Admission far_ahead = limits.Admit();
  REQUIRE(far_ahead.shadow_exceeded.size() == 1);
  CHECK(far_ahead.shadow_exceeded[0] == "bytes");
  limits.Pass(absl::Seconds(3));
  CHECK(limits.Admit().shadow_exceeded.empty());  // what is not enforced does not pile up
}

TEST_CASE("what was used survives a reload for limits that stay the same") {
  LimitsFixture limits(
      "- {name: same, calls_per_second: 1, burst: 3, match: {methods: ['a.*']}}\n"
      "- {name: changed, calls_per_second: 1, burst: 3, match: {methods: ['b.*']}}\n"
      "- {name: open, open_calls: 1, match: {methods: ['c.*']}}\n");
  CHECK(limits.Burst(Of("a.B/C")) == 3);
  CHECK(limits.Burst(Of("b.B/C")) == 3);
  Admission open = limits.Admit(Of("c.B/C"));
  REQUIRE(open.admitted);
  limits.Reload(
      "- {name: new, open_calls: 7}\n"
      "- {name: open, open_calls: 1, match: {methods: ['c.*']}, shadow: false}\n"
      "- {name: changed, calls_per_second: 1, burst: 4, match: {methods: ['b.*']}}\n"
      "- {name: same, calls_per_second: 1, burst: 3, match: {methods: ['a.*']}}\n");
  CHECK(limits.Burst(Of("a.B/C")) == 0);
  CHECK(limits.Burst(Of("b.B/C")) == 4);
  CHECK_FALSE(limits.Calls(Of("c.B/C")));
  { const LimitTicket over = std::move(open.ticket); }
  CHECK(limits.Calls(Of("c.B/C")));
}

TEST_CASE("a limit keeps what was used of it as it goes into the shadow and comes back") {
  const std::string limit = "- {name: l, calls_per_second: 1, burst: 3";
  LimitsFixture limits(limit + "}");
  CHECK(limits.Burst() == 3);
  limits.Reload(limit + ", shadow: true}");
  const Admission noted = limits.Admit();
  CHECK(noted.admitted);
  CHECK(noted.shadow_exceeded.size() == 1);
  limits.Reload(limit + "}");
  CHECK(limits.Burst() == 0);
}

TEST_CASE("a message is waited for as the slowest of the call's limits says, in whatever order they are") {
  const std::string slow = "- {name: slow, bytes_per_second: 1KiB}\n";
  const std::string fast = "- {name: fast, bytes_per_second: 1MiB}\n";
  for (const std::string& order : {slow + fast, fast + slow}) {
    const LimitsFixture limits(order);
    CHECK(limits.Admit().ticket.Charge(uint64_t{3} * 1024, limits.now()) == absl::Seconds(2));
  }
}

TEST_CASE("giving back what was taken makes nobody's burst larger") {
  const absl::Duration cost = absl::Seconds(1);
  const absl::Time now = MondayAtTen();
  TokenBucket bucket;
  CHECK(bucket.Take(cost, 3 * cost, now) == absl::ZeroDuration());
  // Half of it was paid off before it is given back.
  CHECK(bucket.Wait(absl::ZeroDuration(), now + cost / 2) == cost / 2);
  bucket.Refund(cost);
  CHECK(bucket.IsFull(now + cost / 2));
  for (int i = 0; i < 3; ++i) CHECK(bucket.Take(cost, 3 * cost, now + cost / 2) == absl::ZeroDuration());
  CHECK(bucket.Take(cost, 3 * cost, now + cost / 2) == cost);
  // What was used by others stays used.
  bucket.Refund(cost);
  CHECK(bucket.Take(cost, 3 * cost, now + cost / 2) == absl::ZeroDuration());
  CHECK(bucket.Take(cost, 3 * cost, now + cost / 2) == cost);
}

TEST_CASE("a ticket may outlive the limits it came from") {
  Admission admission;
  absl::Time now;
  {
    LimitsFixture limits("- {name: l, open_calls: 1, bytes_per_second: 1KiB}");
    admission = limits.Admit();
    now = limits.now();
  }
  CHECK(admission.ticket.Charge(2048, now) == absl::Seconds(1));
}

TEST_CASE("callers who have paused are forgotten as others come") {
  LimitsFixture limits("- {name: l, calls_per_second: 10, per: [identity]}");
  for (int i = 0; i < 5000; ++i) limits.Calls(Named("caller" + std::to_string(i)));
  CHECK(limits.limits().keys() == 5000);
  const Admission held = limits.Admit(Named("held"));
  limits.Pass(absl::Minutes(1));
  for (int i = 0; i < 5000; ++i) limits.Calls(Named("other" + std::to_string(i)));
  CHECK(limits.limits().keys() <= 5100);
  CHECK(limits.limits().keys() >= 5000);
}

TEST_CASE("a flood of names takes bounded memory, and lets nobody forget what they used") {
  LimitsFixture limits("- {name: l, calls_per_second: 0.001, burst: 2, per: [identity, method]}", 6400);
  CHECK(limits.Burst() == 2);
  int admitted = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (limits.Calls(Of("/x.Y/M" + std::to_string(i)))) ++admitted;
  }
  CHECK(limits.limits().keys() <= 6401);
  CHECK(admitted <= 6402);  // those without a key of their own share one
  CHECK(limits.Burst() == 0);
  // When the flood is over, there is room again.
  limits.Pass(absl::Hours(1));
  for (int i = 0; i < 1000; ++i) CHECK(limits.Burst(Of("/x.Z/M" + std::to_string(i))) == 2);
}

TEST_CASE("a clock that is set back costs nobody more than a pause") {
  LimitsFixture limits("- {name: l, calls_per_second: 10, burst: 2}");
  CHECK(limits.Burst() == 2);
  limits.Pass(-absl::Hours(5));
  CHECK(limits.Admit().retry_after == absl::Milliseconds(100));
  limits.Pass(absl::Milliseconds(100));
  CHECK(limits.Burst() == 1);
}

TEST_CASE("times that come out of order pay nothing off twice") {
  LimitsFixture limits("- {name: l, calls_per_second: 50, burst: 50, bytes_per_second: 1KiB}");
  CHECK(limits.Burst() == 50);
  const Admission held = limits.Admit();
  int admitted = 0;
  for (int i = 0; i < 300; ++i) {
    // One that was slow to come, and one that was not.
    limits.Pass(-absl::Seconds(10));
    admitted += limits.Calls() ? 1 : 0;
    limits.Pass(absl::Seconds(10));
    admitted += limits.Calls() ? 1 : 0;
  }
  CHECK(admitted == 0);
  limits.Pass(absl::Milliseconds(20));
  CHECK(limits.Burst() == 1);
}

TEST_CASE("what counts is the time a call is let in at, not the one it is matched by") {
  const Limits limits(Parsed("limits:\n- {name: l, calls_per_second: 50, burst: 50, match: {times: [{from: \"09:00\", "
                             "to: \"11:00\"}]}}"),
                      nullptr);
  MadeCall call = AliceReads();
  int admitted = 0;
  for (int i = 0; i < 300; ++i) {
    // A wall clock that jumps about.
    call.now = MondayAtTen() + absl::Minutes(i % 50);
    admitted += limits.Admit(call.request(), MondayAtTen()).admitted ? 1 : 0;
  }
  CHECK(admitted == 50);
  call.now = MondayAtTen() + absl::Hours(1);
  CHECK(limits.Admit(call.request(), MondayAtTen()).admitted);
}

TEST_CASE("a rate is kept over time, whatever the pattern of calls") {
  std::mt19937 random(23);
  for (int round = 0; round < 20; ++round) {
    const int rate = 1 + static_cast<int>(random() % 50);
    const int burst = 1 + static_cast<int>(random() % 30);
    LimitsFixture limits("- {name: l, calls_per_second: " + std::to_string(rate) + ", burst: " + std::to_string(burst) +
                         "}");
    const absl::Time start = limits.now();
    double level = burst;  // as an exact bucket has it
    absl::Time last = start;
    for (int call = 0; call < 3000; ++call) {
      limits.Pass(absl::Microseconds(static_cast<int64_t>(random() % 100'000)));
      level = std::min<double>(burst, level + absl::ToDoubleSeconds(limits.now() - last) * rate);
      last = limits.now();
      // Within a millionth of a call of the border either answer will do.
      if (std::abs(level - 1) < 1e-6) {
        if (limits.Calls()) level -= 1;
        continue;
      }
      const bool expected = level >= 1;
      REQUIRE(limits.Calls() == expected);
      if (expected) level -= 1;
    }
  }
}

// What one key has used, exactly and for ever.
struct Ledger {
  int64_t open = 0;
  double calls_owed = 0;  // in calls
  double bytes_owed = 0;  // in bytes
  absl::Time last;

  void PayOff(absl::Time now, double calls_per_second, double bytes_per_second) {
    const double passed = absl::ToDoubleSeconds(now - last);
    calls_owed = std::max(0.0, calls_owed - passed * calls_per_second);
    bytes_owed = std::max(0.0, bytes_owed - passed * bytes_per_second);
    last = now;
  }
};

TEST_CASE("a flood of names makes nobody forget an open call, a call or a byte, whatever is owed") {
  // Room for all that is in use: what is forgotten on the way is to be what is as good as new.
  LimitsFixture limits(
      "- {name: l, per: [identity], calls_per_second: 0.1, burst: 4, open_calls: 3, bytes_per_second: 1KiB}");
  constexpr double kBytes = 1024;
  std::mt19937 random(31);
  struct Open {
    size_t caller;
    Admission admission;
  };
  std::vector<Ledger> ledgers(12, Ledger{0, 0, 0, limits.now()});
  std::vector<Open> open;
  int flood = 0;
  std::map<LimitKind, int> refused;
  for (int step = 0; step < 6000; ++step) {
    // The others, who come once each and take the places of whom is forgotten.
    for (int i = 0; i < 20; ++i) limits.Calls(Named("flood" + std::to_string(flood++)));
    limits.Pass(absl::Milliseconds(static_cast<int64_t>(random() % 400)));
    // Some come often, some hardly ever: these have time to be forgotten.
    const size_t caller = std::min(random() % 12, random() % 12);
    Ledger& ledger = ledgers[caller];
    ledger.PayOff(limits.now(), 0.1, kBytes);
    if (!open.empty() && random() % 2 == 0) {
      const size_t at = random() % open.size();
      Ledger& other = ledgers[open[at].caller];
      other.PayOff(limits.now(), 0.1, kBytes);
      const uint64_t bytes = random() % 3 == 0 ? random() % 6000 : 0;
      const absl::Duration wait = open[at].admission.ticket.Charge(bytes, limits.now());
      other.bytes_owed += static_cast<double>(bytes);
      // As long as it takes until no more than a second's worth is owed.
      const double expected = std::max(0.0, other.bytes_owed / kBytes - 1);
      REQUIRE(std::abs(absl::ToDoubleSeconds(wait) - expected) < 1e-3);
      if (random() % 2 == 0) {
        --other.open;
        open.erase(open.begin() + static_cast<ptrdiff_t>(at));
      }
    }
    const double bytes_ahead = ledger.bytes_owed / kBytes - 2;
    const double calls_over = ledger.calls_owed + 1 - 4;
    // At the border either answer will do.
    if (std::abs(bytes_ahead) < 1e-3 || std::abs(calls_over) < 1e-3) continue;
    Admission admission = limits.Admit(Named("regular" + std::to_string(caller)));
    const bool fits = ledger.open < 3 && bytes_ahead < 0 && calls_over < 0;
    CAPTURE(step, caller, ledger.open, ledger.calls_owed, ledger.bytes_owed);
    REQUIRE(admission.admitted == fits);
    if (!fits) {
      ++refused[admission.kind];
      continue;
    }
    ledger.calls_owed += 1;
    ++ledger.open;
    open.push_back({caller, std::move(admission)});
  }
  CHECK(refused[LimitKind::kOpenCalls] > 50);
  CHECK(refused[LimitKind::kBytesPerSecond] > 50);
  CHECK(refused[LimitKind::kCallsPerSecond] > 50);
  // The others were forgotten.
  CHECK(limits.limits().keys() < 10'000);
}

TEST_CASE("who owes bytes alone is remembered until they are paid off") {
  LimitsFixture limits("- {name: l, per: [identity], bytes_per_second: 1KiB}");
  limits.Admit().ticket.Charge(uint64_t{100} * 1024, limits.now());
  CHECK(limits.Admit().kind == LimitKind::kBytesPerSecond);
  for (int i = 0; i < 20'000; ++i) limits.Calls(Named("flood" + std::to_string(i)));
  CHECK_FALSE(limits.Calls());
  limits.Pass(absl::Seconds(97));
  for (int i = 0; i < 20'000; ++i) limits.Calls(Named("flood" + std::to_string(i)));
  CHECK_FALSE(limits.Calls());
  limits.Pass(absl::Seconds(1));
  CHECK(limits.Calls());
}

TEST_CASE("threads share limits without losing or inventing a call") {
  constexpr int kThreads = 4;
  const LimitsFixture limits(
      "- {name: rate, calls_per_second: 0.01, burst: 500}\n- {name: open, open_calls: 3, per: [identity]}");
  std::atomic<int> admitted = 0;
  std::atomic<int> open = 0;
  std::atomic<int> most_open = 0;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const Admission call = limits.Admit();
        if (!call.admitted) continue;
        ++admitted;
        const int now_open = ++open;
        int most = most_open;
        while (most < now_open && !most_open.compare_exchange_weak(most, now_open)) {
        }
        call.ticket.Charge(10, limits.now());
        --open;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(admitted == 500);
  CHECK(most_open <= 3);
  CHECK(limits.Admit().kind == LimitKind::kCallsPerSecond);
}

}  // namespace
}  // namespace sallyport::policy
