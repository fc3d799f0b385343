// Which record rule decides a call, what it says, and what is wrong or odd about rules.
#include "policy/record_rules.h"

#include <catch2/catch.hpp>
#include <string>

#include "policy/policy_check.h"
#include "policy/settings_check.h"
#include "tests/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

constexpr char kRules[] = R"(access: {default: allow}
record:
  rules:
    - {name: health, match: {methods: ["grpc.health.v1.Health/*"]}, frames: none, durability: relaxed}
    - {name: money, match: {methods: ["pay.*"], groups: [dev]}, durability: write_ahead}
    - {name: strangers, match: {proofs: [none]}, frames: first 16KiB}
    - {name: the rest, match: {networks: [10.0.0.0/8]}, frames: all, durability: commit}
)";

MadeCall CallOf(const std::string& method) {
  MadeCall call = AliceReads();
  call.method = "/" + method;
  return call;
}

std::string RuleOf(const Policy& policy, const MadeCall& call) {
  const RecordRule* rule = policy.RecordRuleOf(call.request());
  return rule == nullptr ? "none" : rule->name;
}

std::string Wrong(const std::string& rule) { return FaultOf("record:\n  rules:\n    - " + rule + "\n"); }

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string WarningsOf(const std::string& rules) {
  std::string warnings;
  for (const PolicyWarning& warning : CheckPolicy(*Parsed("access: {default: allow}\nrecord:\n  rules:\n" + rules))) {
    warnings += std::to_string(warning.line) + " " + warning.rule + ": " + warning.text + "\n";
  }
  return warnings;
}

TEST_CASE("the first record rule that matches decides, and without one everything is recorded") {
  const auto policy = Parsed(kRules);
  REQUIRE(policy->record_rules().size() == 4);
  CHECK(RuleOf(*policy, CallOf("grpc.health.v1.Health/Check")) == "health");
  CHECK(RuleOf(*policy, CallOf("pay.v1.Payments/Authorize")) == "money");
  CHECK(RuleOf(*policy, CallOf("etcdserverpb.KV/Range")) == "the rest");
  CHECK(RuleOf(*policy, AnonymousReads()) == "strangers");
  MadeCall outside = CallOf("etcdserverpb.KV/Range");
  outside.peer = "ipv4:192.0.2.1:7";
  CHECK(RuleOf(*policy, outside) == "none");
  CHECK(RuleOf(*Parsed("access: {default: allow}\n"), outside) == "none");
  // A call that is refused is recorded by rule as well.
  const auto refusing = Parsed("access: {default: deny}\nrecord: {rules: [{name: all of it, frames: none}]}\n");
  CHECK_FALSE(Decide(refusing, outside).allowed);
  CHECK(RuleOf(*refusing, outside) == "all of it");
}

TEST_CASE("a record rule says what of frames is kept, how surely, or both") {
  const auto policy = Parsed(kRules);
  const auto rules = policy->record_rules();
  CHECK(rules[0].frame_bytes == 0);
  CHECK(rules[0].shortens());
  CHECK(rules[0].durability == v1::RecordRule::relaxed);
  CHECK(EffectText(rules[0]) == "frames: none, durability: relaxed");
  CHECK(rules[1].frame_bytes == kWholeFrames);
  CHECK_FALSE(rules[1].shortens());
  CHECK(EffectText(rules[1]) == "frames: all, durability: write_ahead");
  CHECK(rules[2].frame_bytes == 16384);
  CHECK_FALSE(rules[2].durability.has_value());
  CHECK(EffectText(rules[2]) == "frames: first 16384 bytes");
  CHECK(rules[3].durability == v1::RecordRule::commit);
  CHECK(rules[3].line == 7);
  CHECK(ParseFrames("first 1").value() == 1);
  CHECK(ParseFrames("first 4GiB").value() == kMostFirstBytes);
}

TEST_CASE("what a record rule cannot mean is a fault, with its line") {
  for (const char* frames : {"some", "first", "first 0", "first -1", "first 5GiB", "last 16KiB", "ALL", "''"}) {
    INFO(frames);
    const std::string wrong = Wrong(std::string("{name: a, frames: ") + frames + "}");
    CHECK(Has(wrong, "policy.yaml:3: record.rules[0].frames: "));
    CHECK(Has(wrong, "is none of \"all\", \"none\" and \"first 16KiB\""));
  }
  CHECK(Has(Wrong("{name: a}"), "record.rules[0]: says nothing: give frames or durability"));
  CHECK(Has(Wrong("{frames: none}"), "record.rules[0].name: is missing"));
  CHECK(Has(Wrong("{name: default, frames: none}"), "\"default\" stands for what no rule decides"));
  CHECK(Has(Wrong("{name: a, frames: none}\n    - {name: a, frames: all}"), "is the name of record.rules[0] too"));
  CHECK(Has(Wrong("{name: a, frames: none, match: {networks: [x]}}"), "record.rules[0].match.networks[0]"));
  // A call is always in the record.
  CHECK(Has(Wrong("{name: a, durability: off}"), "record.rules[0].durability"));
  CHECK(Has(Wrong("{name: a, frames: none, shadow: true}"), "shadow"));
}

TEST_CASE("record rules that no call reaches, or that match nothing, are told") {
  CHECK(WarningsOf("  - {name: all, frames: all}\n  - {name: late, match: {methods: ['a.B/*']}, frames: none}\n") ==
        "5 late: no call reaches this rule: \"all\" on line 4 matches every call that it matches, and comes first\n");
  CHECK(Has(WarningsOf("  - {name: x, match: {proofs: [none], groups: [dev]}, frames: none}\n"),
            "4 x: no call matches this rule"));
  CHECK(Has(WarningsOf("  - {name: x, match: {identities: [anonymous]}, frames: none}\n"), "proofs: [none]"));
  CHECK(
      WarningsOf("  - {name: a, match: {methods: ['a.B/*']}, frames: none}\n  - {name: rest, frames: all}\n").empty());
  // Access rules and record rules do not shadow each other.
  const auto both =
      Parsed("access: {rules: [{name: all, action: allow}]}\nrecord: {rules: [{name: r, frames: none}]}\n");
  CHECK(CheckPolicy(*both).empty());
}

}  // namespace
}  // namespace sallyport::policy
