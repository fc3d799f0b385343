#include "gateway/upstream/credentials/refreshed_secret.h"

#include <atomic>
#include <thread>

#include "absl/synchronization/blocking_counter.h"
#include "gateway/upstream/credentials/fetch_threads.h"
#include "tests/gateway/upstream/credentials_fixture.h"

namespace sallyport::gateway {
namespace {

using Fetched = RefreshedSecret::Fetched;

// One secret whose fetches say what the test puts down.
struct Subject {
  HeldClock clock;
  HeldRunner runner;
  RefreshRules rules = [this] {
    RefreshRules made;
    made.clock = clock.function();
    made.on_failure = [this](const absl::Status& status) { failures.push_back(std::string(status.message())); };
    return made;
  }();
  std::vector<std::string> failures;
  std::shared_ptr<RefreshedSecret> secret = std::make_shared<RefreshedSecret>(rules, runner);
  int fetches = 0;
  absl::StatusOr<Fetched> next = absl::InternalError("no fetch was expected");
  std::vector<std::string> told;  // those who waited

  // Comes with a token that lives for 100 s and is due after 80.
  void Gives(const std::string& token) {
    next = Fetched{Secret(token), clock.now + absl::Seconds(80), clock.now + absl::Seconds(100)};
  }
  void Fails(const std::string& why) { next = absl::UnavailableError(why); }

  // What is told at once; empty if the caller has to wait.
  std::string Ask() {
    auto result = secret->Get(
        clock.now,
        [this]() -> RefreshedSecret::Fetch {
          ++fetches;
          return [this](const SharedSecret&) { return next; };
        },
        [this](const absl::StatusOr<SharedSecret>& later) { told.push_back(Text(later)); });
    return result.has_value() ? Text(*result) : "";
  }
  std::string AskAndWait() {
    const std::string at_once = Ask();
    if (!at_once.empty()) return at_once;
    runner.RunOne();
    return told.back();
  }
  void Reject(const SharedSecret& shown) { secret->OnRejected(shown.get(), clock.now); }
  SharedSecret Current() {
    auto result = secret->Get(
        clock.now, []() -> RefreshedSecret::Fetch { return {}; }, [](auto) {});
    REQUIRE(result.has_value());
    return **result;
  }
};

TEST_CASE("a secret says since when it is there, until when, and how often fetching it has failed since") {
  Subject subject;
  CHECK_FALSE(subject.secret->state().fetched.has_value());
  CHECK(subject.secret->state().failures == 0);
  subject.Gives("one");
  CHECK(subject.AskAndWait() == "one");
  const absl::Time fetched = subject.clock.now;
  CHECK(subject.secret->state().fetched == fetched);
  CHECK(subject.secret->state().expires == fetched + absl::Seconds(100));
  for (int i = 1; i <= 3; ++i) {
    subject.clock.now += absl::Seconds(101);
    subject.Fails("gone");
    subject.AskAndWait();
    CHECK(subject.secret->state().failures == i);
    CHECK(subject.secret->state().fetched == fetched);
  }
  subject.clock.now += absl::Seconds(101);
  subject.Gives("two");
  CHECK(subject.AskAndWait() == "two");
  CHECK(subject.secret->state().failures == 0);
  CHECK(subject.secret->state().fetched == subject.clock.now);
}

TEST_CASE("a secret is fetched once and then kept, however many ask for it meanwhile") {
  Subject subject;
  subject.Gives("one");
  for (int i = 0; i < 10; ++i) CHECK(subject.Ask().empty());
  CHECK(subject.fetches == 1);
  CHECK(subject.runner.held() == 1);
  subject.runner.RunOne();
  CHECK(subject.told == std::vector<std::string>(10, "one"));
  CHECK(subject.Ask() == "one");
  subject.clock.now += absl::Seconds(79);
  CHECK(subject.Ask() == "one");
  CHECK(subject.fetches == 1);
}

TEST_CASE("a token is fetched again ahead of its expiry, while calls go on with the old one") {
  Subject subject;
  subject.Gives("one");
  CHECK(subject.AskAndWait() == "one");
  subject.clock.now += absl::Seconds(80);
  subject.Gives("two");
  CHECK(subject.Ask() == "one");
  CHECK(subject.Ask() == "one");
  CHECK(subject.runner.held() == 1);
  CHECK(subject.fetches == 2);
  subject.runner.RunOne();
  CHECK(subject.Ask() == "two");
  CHECK(subject.fetches == 2);
}

TEST_CASE("a token that has expired is not shown") {
  Subject subject;
  subject.Gives("one");
  CHECK(subject.AskAndWait() == "one");
  subject.clock.now += absl::Seconds(100);
  subject.Gives("two");
  CHECK(subject.AskAndWait() == "two");
  subject.clock.now += absl::Seconds(100);
  subject.Fails("away");
  CHECK(subject.AskAndWait() == "UNAVAILABLE: away");
}

TEST_CASE(
    "a secret that must be looked at before it is shown makes calls wait, and stands in for itself if that fails") {
  Subject subject;
  subject.rules.when_due = RefreshRules::WhenDue::kWait;
  subject.Gives("one");
  CHECK(subject.AskAndWait() == "one");
  subject.clock.now += absl::Seconds(80);
  subject.Gives("two");
  CHECK(subject.AskAndWait() == "two");
  subject.clock.now += absl::Seconds(80);
  subject.Fails("gone");
  CHECK(subject.AskAndWait() == "two");
  CHECK(subject.Ask() == "two");  // at once, until the next look is due
  CHECK(subject.fetches == 3);
  subject.clock.now += absl::Seconds(20);
  CHECK(subject.AskAndWait() == "UNAVAILABLE: gone");
}

TEST_CASE("after a failure calls are told of it at once, and each further fetch begins later than the one before") {
  Subject subject;
  subject.Fails("away");
  CHECK(subject.AskAndWait() == "UNAVAILABLE: away");
  absl::Duration waited;
  for (const int milliseconds : {250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000}) {
    const int fetches = subject.fetches;
    subject.clock.now += absl::Milliseconds(milliseconds - 1);
    CHECK(subject.Ask() == "UNAVAILABLE: away");
    CHECK(subject.fetches == fetches);
    subject.clock.now += absl::Milliseconds(1);
    CHECK(subject.AskAndWait() == "UNAVAILABLE: away");
    CHECK(subject.fetches == fetches + 1);
  }
  CHECK(subject.failures.size() == 11);
  // Success ends it.
  subject.clock.now += absl::Seconds(30);
  subject.Gives("one");
  CHECK(subject.AskAndWait() == "one");
  subject.clock.now += absl::Seconds(100);
  subject.Fails("away");
  CHECK(subject.AskAndWait() == "UNAVAILABLE: away");
  subject.clock.now += absl::Milliseconds(250);
  subject.Gives("two");
  CHECK(subject.AskAndWait() == "two");
}

TEST_CASE("a refresh that fails is tried again later, and the token serves for as long as it lives") {
  Subject subject;
  subject.Gives("one");
  CHECK(subject.AskAndWait() == "one");
  subject.clock.now += absl::Seconds(80);
  subject.Fails("away");
  CHECK(subject.Ask() == "one");
  subject.runner.RunOne();
  CHECK(subject.Ask() == "one");
  CHECK(subject.runner.held() == 0);
  subject.clock.now += absl::Milliseconds(250);
  subject.Gives("two");
  CHECK(subject.Ask() == "one");
  subject.runner.RunOne();
  CHECK(subject.Ask() == "two");
}

TEST_CASE("a rejected token is fetched again once, and the next call waits for the new one") {
  Subject subject;
  subject.Gives("one");
  CHECK(subject.AskAndWait() == "one");
  const SharedSecret one = subject.Current();
  subject.Gives("two");
  // Many calls were under way with it.
  for (int i = 0; i < 20; ++i) subject.Reject(one);
  CHECK(subject.fetches == 1);
  CHECK(subject.Ask().empty());
  CHECK(subject.Ask().empty());
  CHECK(subject.fetches == 2);
  // Their rejections come in late.
  subject.Reject(one);
  subject.runner.RunOne();
  CHECK(subject.told == std::vector<std::string>{"one", "two", "two"});
  subject.Reject(one);
  CHECK(subject.Ask() == "two");
  CHECK(subject.fetches == 2);
}

TEST_CASE("a call that began long ago rejects no token but the one that it showed") {
  Subject subject;
  subject.Gives("one");
  CHECK(subject.AskAndWait() == "one");
  const SharedSecret one = subject.Current();
  subject.clock.now += absl::Seconds(85);
  subject.Gives("two");
  CHECK(subject.Ask() == "one");
  subject.runner.RunOne();
  CHECK(subject.Ask() == "two");
  subject.clock.now += absl::Seconds(60);
  subject.Reject(one);
  CHECK(subject.Ask() == "two");
  CHECK(subject.fetches == 2);
  CHECK(subject.runner.held() == 0);
  // Nor does an equal text that is another secret.
  subject.Reject(Secret("two"));
  CHECK(subject.Ask() == "two");
  subject.Reject(subject.Current());
  CHECK(subject.Ask().empty());
}

TEST_CASE("rejections cause no more than one fetch in ten seconds") {
  Subject subject;
  // A caller that knows how to provoke UNAUTHENTICATED, ten times a second for 75 s.
  for (int i = 0; i < 750; ++i) {
    subject.next = Fetched{Secret("token " + std::to_string(i)), absl::InfiniteFuture(), absl::InfiniteFuture()};
    CHECK(subject.AskAndWait().starts_with("token "));
    subject.Reject(subject.Current());
    subject.clock.now += absl::Milliseconds(100);
  }
  CHECK(subject.fetches == 1 + 8);
}

TEST_CASE("if a rejected token cannot be replaced it goes on to serve, and the fetch is tried again") {
  Subject subject;
  subject.Gives("one");
  CHECK(subject.AskAndWait() == "one");
  subject.Reject(subject.Current());
  subject.Fails("away");
  CHECK(subject.AskAndWait() == "one");
  CHECK(subject.Ask() == "one");
  subject.clock.now += absl::Milliseconds(250);
  subject.Gives("two");
  CHECK(subject.AskAndWait() == "two");
}

TEST_CASE("no more than so many calls wait, and a runner without room fails them rather than losing them") {
  Subject subject;
  subject.rules.most_waiting = 3;
  subject.Gives("one");
  for (int i = 0; i < 3; ++i) CHECK(subject.Ask().empty());
  CHECK(subject.Ask().starts_with("RESOURCE_EXHAUSTED"));
  subject.runner.RunOne();
  CHECK(subject.told == std::vector<std::string>(3, "one"));
  subject.clock.now += absl::Seconds(100);
  subject.runner.full = true;
  CHECK(subject.Ask().empty());
  REQUIRE(subject.told.size() == 4);
  CHECK(subject.told.back().starts_with("RESOURCE_EXHAUSTED"));
}

TEST_CASE("many threads that ask at once cause one fetch and all get it") {
  RefreshRules rules;
  rules.clock = [] { return absl::FromUnixSeconds(0); };
  FetchThreads threads(2);
  auto secret = std::make_shared<RefreshedSecret>(rules, threads);
  std::atomic<int> fetches = 0;
  std::atomic<int> got = 0;
  constexpr int kThreads = 8;
  constexpr int kAsks = 100;
  absl::BlockingCounter all(kThreads * kAsks);
  std::vector<std::thread> askers;
  askers.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    askers.emplace_back([&] {
      for (int k = 0; k < kAsks; ++k) {
        const auto count = [&](const absl::StatusOr<SharedSecret>& result) {
          got += result.ok() && (*result)->view() == "one";
          all.DecrementCount();
        };
        auto at_once = secret->Get(
            absl::FromUnixSeconds(0),
            [&]() -> RefreshedSecret::Fetch {
              return [&](const SharedSecret&) -> absl::StatusOr<Fetched> {
                ++fetches;
                return Fetched{Secret("one"), absl::InfiniteFuture(), absl::InfiniteFuture()};
              };
            },
            count);
        if (at_once.has_value()) count(*at_once);
      }
    });
  }
  for (std::thread& asker : askers) asker.join();
  all.Wait();
  CHECK(fetches == 1);
  CHECK(got == kThreads * kAsks);
}

}  // namespace
}  // namespace sallyport::gateway
