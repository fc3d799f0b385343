// Stages that wait, are resumed and are given up, in every order and at the same time.
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gateway/relay/admission/stage.h"
#include "tests/gateway/relay/scripted_request.h"

namespace sallyport::gateway {
namespace {

// What the stages below do, and what became of them.
struct Script {
  std::vector<std::string> ran;
  std::shared_ptr<StageWait> wait;
  std::function<void()> while_beginning;  // after the wait has begun and before the stage returns
};
Script* script = nullptr;

std::optional<Refusal> Plain(const RelayContext& /*shared*/, CallContext& /*call*/, BeginWait /*begin_wait*/) {
  script->ran.push_back("plain");
  return Refusal();
}

std::optional<Refusal> Waits(const RelayContext& /*shared*/, CallContext& /*call*/, BeginWait begin_wait) {
  script->ran.push_back("waits");
  script->wait = begin_wait();
  if (script->while_beginning) script->while_beginning();
  return std::nullopt;
}

std::optional<Refusal> Refuses(const RelayContext& /*shared*/, CallContext& /*call*/, BeginWait /*begin_wait*/) {
  script->ran.push_back("refuses");
  return Refusal{7, "no", ""};
}

// The rest of a stage that waited.
StageWait::Rest Rest(int code = 0) {
  return [code] {
    script->ran.push_back("rest");
    return Refusal{code, "", ""};
  };
}

constexpr Stage kWaiting[] = {{"plain", Plain}, {"waits", Waits}, {"plain", Plain}};

struct Fixture {
  Fixture()
      : call(request, std::make_shared<CallRules>(), absl::Now()),
        runner(shared, call, [this](StageRunner::Outcome outcome) { later.push_back(std::move(outcome)); }) {
    script = &steps;
  }

  Script steps;
  RelayContext shared;
  ScriptedRequest request{"/a.B/C"};
  CallContext call;
  std::vector<StageRunner::Outcome> later;  // what `over` was told
  StageRunner runner;
};

using Steps = std::vector<std::string>;

TEST_CASE("stages run in order, up to the one that refuses the call") {
  Fixture f;
  constexpr Stage kStages[] = {{"plain", Plain}, {"refuses", Refuses}, {"plain", Plain}};
  const auto outcome = f.runner.Run(kStages);
  REQUIRE(outcome.has_value());
  CHECK(outcome->refusal.code == 7);
  CHECK_FALSE(outcome->given_up);
  CHECK(f.steps.ran == Steps{"plain", "refuses"});
}

TEST_CASE("a stage that waits goes on where it is resumed, and only once") {
  Fixture f;
  CHECK_FALSE(f.runner.Run(kWaiting).has_value());
  CHECK(f.later.empty());
  f.steps.wait->Resume(Rest());
  REQUIRE(f.later.size() == 1);
  CHECK(f.later[0].refusal.ok());
  CHECK(f.steps.ran == Steps{"plain", "waits", "rest", "plain"});
  f.steps.wait->Resume(Rest());
  f.runner.Stop();
  CHECK(f.later.size() == 1);
}

TEST_CASE("a stage that was resumed before it returned goes on where it was begun") {
  Fixture f;
  f.steps.while_beginning = [&] { f.steps.wait->Resume(Rest(9)); };
  const auto outcome = f.runner.Run(kWaiting);
  REQUIRE(outcome.has_value());
  CHECK(outcome->refusal.code == 9);
  CHECK(f.later.empty());
  CHECK(f.steps.ran == Steps{"plain", "waits", "rest"});
}

TEST_CASE("a wait that is given up ends the run, and what comes later is dropped") {
  Fixture f;
  CHECK_FALSE(f.runner.Run(kWaiting).has_value());
  f.runner.Stop();
  REQUIRE(f.later.size() == 1);
  CHECK(f.later[0].given_up);
  f.steps.wait->Resume(Rest());
  CHECK(f.later.size() == 1);
  CHECK(f.steps.ran == Steps{"plain", "waits"});
}

TEST_CASE("a wait that is given up while it is being begun ends the run where it was begun") {
  Fixture f;
  f.steps.while_beginning = [&] { f.runner.Stop(); };
  const auto outcome = f.runner.Run(kWaiting);
  REQUIRE(outcome.has_value());
  CHECK(outcome->given_up);
  CHECK(f.later.empty());
}

TEST_CASE("once it was stopped a call waits for nothing, but what need not wait still runs") {
  Fixture f;
  f.runner.Stop();
  const auto outcome = f.runner.Run(kWaiting);
  REQUIRE(outcome.has_value());
  CHECK(outcome->given_up);
  CHECK(f.steps.ran == Steps{"plain", "waits"});
  constexpr Stage kPlain[] = {{"plain", Plain}};
  const auto second = f.runner.Run(kPlain);
  REQUIRE(second.has_value());
  CHECK_FALSE(second->given_up);
}

TEST_CASE("how long each stage took is noted, waits included") {
  Fixture f;
  CHECK_FALSE(f.runner.Run(kWaiting).has_value());
  const absl::Time begun = absl::Now();
  while (absl::Now() - begun < absl::Milliseconds(20)) std::this_thread::yield();
  f.steps.wait->Resume(Rest());
  CHECK(f.call.stage_took[1] >= absl::Milliseconds(15));
  CHECK(f.call.stage_took[0] < f.call.stage_took[1]);
  CHECK(f.call.stage_took[2] > absl::ZeroDuration());
  CHECK(f.call.stage_took[3] == absl::ZeroDuration());
}

TEST_CASE("of who begins a wait, who resumes it and who gives it up, exactly one goes on") {
  for (int round = 0; round < 2'000; ++round) {
    Fixture f;
    absl::Notification begun;
    std::thread resumes;
    std::thread stops;
    f.steps.while_beginning = [&] {
      resumes = std::thread([&] {
        begun.WaitForNotification();
        f.steps.wait->Resume(Rest());
      });
      stops = std::thread([&] {
        begun.WaitForNotification();
        f.runner.Stop();
      });
      begun.Notify();
    };
    const auto at_once = f.runner.Run(kWaiting);
    resumes.join();
    stops.join();
    REQUIRE(f.later.size() + (at_once.has_value() ? 1 : 0) == 1);
    const StageRunner::Outcome& outcome = at_once.has_value() ? *at_once : f.later[0];
    REQUIRE(f.steps.ran.size() == (outcome.given_up ? 2U : 4U));
  }
}

}  // namespace
}  // namespace sallyport::gateway
