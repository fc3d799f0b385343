// What the index decides is what trying rule after rule decides.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "tests/policy/made_policy.h"

namespace sallyport::policy {
namespace {

struct Tally {
  int allowed = 0;
  int denied = 0;
  int by_default = 0;
  int in_shadow = 0;
};

// Compares `calls` decisions under a policy of so many rules.
void Compare(Maker& maker, int rules, int calls, Tally* tally) {
  const v1::Policy source = maker.MakePolicy(rules);
  const auto policy = Policy::Parse(FileOf(source), "made.yaml");
  INFO(policy.status().message());
  REQUIRE(policy.ok());
  for (int i = 0; i < calls; ++i) {
    const MadeCall call = maker.MakeCall();
    const AccessRequest request = call.request();
    const SecondOpinion expected = DecideSlowly(source, call);
    const AccessDecision decision = (*policy)->Decide(request);
    if (decision.allowed != expected.allowed || decision.rule != expected.rule) {
      FAIL("decided by " << decision.rule << ", not by " << expected.rule << ": " << call.subject << ' ' << call.method
                         << ' ' << call.peer << '\n'
                         << FileOf(source));
    }
    std::vector<std::string> shadow(decision.shadow_denied.begin(), decision.shadow_denied.end());
    std::vector<std::string> noted = expected.shadow_denied;
    if (noted.size() > 16) {
      // The first of them; in a policy in shadow the one that counts is the last.
      if (source.shadow() && noted.back() == expected.rule) std::swap(noted[15], noted.back());
      noted.resize(16);
    }
    REQUIRE(shadow == noted);
    // The explanation agrees on who decides.
    const std::vector<RuleTrial> trials = (*policy)->Explain(request);
    const bool decided =
        !trials.empty() && trials.back().mismatches.empty() && !(*policy)->rules()[trials.back().rule].shadow;
    REQUIRE((decided ? (*policy)->rules()[trials.back().rule].name : "default") == expected.rule);
    ++(expected.allowed ? tally->allowed : tally->denied);
    if (expected.rule == "default") ++tally->by_default;
    if (!expected.shadow_denied.empty()) ++tally->in_shadow;
  }
}

TEST_CASE("decisions are those of trying the rules one by one, for policies and calls made at random") {
  Tally tally;
  Maker maker({}, 20260105);
  for (int round = 0; round < 300; ++round) Compare(maker, 1 + maker.Below(120), 60, &tally);
  // Every outcome came up often.
  CHECK(tally.allowed > 2000);
  CHECK(tally.denied > 2000);
  CHECK(tally.by_default > 500);
  CHECK(tally.in_shadow > 1000);
}

TEST_CASE("the same holds for policies of thousands of rules") {
  Tally tally;
  Maker maker({.services = 100, .methods = 12, .groups = 300, .subjects = 500, .tenants = 50, .hosts = 400}, 7);
  for (int round = 0; round < 5; ++round) Compare(maker, 3000, 150, &tally);
  CHECK(tally.allowed > 50);
  CHECK(tally.denied > 20);
}

}  // namespace
}  // namespace sallyport::policy
