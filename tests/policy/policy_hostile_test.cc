// Policy files made to hurt are refused, or harmless, in bounded time and memory.
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

bool IsRefused(const std::string& text) {
  const auto policy = Policy::Parse(text, "policy.yaml");
  if (policy.ok()) return false;
  CHECK(policy.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(policy.status().message().size() < 16'384);
  return true;
}

TEST_CASE("a file that is too large, too deep or too much is refused") {
  CHECK(IsRefused(std::string(5 << 20, '#')));
  CHECK(IsRefused("access: " + std::string(200'000, '[')));
  CHECK(IsRefused("access: " + std::string(200'000, '{')));
  std::string deep = "access: {rules: [{name: a, action: deny, match: ";
  for (int i = 0; i < 200; ++i) deep += "{except: [";
  CHECK(IsRefused(deep + "{}" + std::string(2, ']')));
  std::string many = "access:\n  rules:\n  - name: a\n    action: deny\n    match:\n      groups:\n";
  for (int i = 0; i < 210'000; ++i) many += "      - x\n";
  CHECK(IsRefused(many));
}

TEST_CASE("aliases of aliases are refused, and so is a list that holds itself") {
  std::string laughs = "access:\n  rules:\n  - name: a\n    action: deny\n    match:\n      except:\n";
  laughs += "      - &a0 {groups: [x]}\n";
  std::string lists = "access: {rules: &r [";
  CHECK(IsRefused(lists + "*r]}"));
  CHECK(IsRefused("access: &a {rules: [{name: x, action: deny, match: &m {except: [*m]}}]}"));
  // A list of thousands, named thousands of times.
  std::string wide = "access:\n  rules:\n  - {name: n, action: deny, match: {groups: &g [";
  for (int i = 0; i < 2000; ++i) wide += "g" + std::to_string(i) + ", ";
  wide += "z]}}\n";
  for (int i = 0; i < 2000; ++i) wide += "  - {name: r" + std::to_string(i) + ", action: deny, match: {groups: *g}}\n";
  CHECK(IsRefused(wide));
  // Aliases as people use them are fine.
  const auto policy = Parsed(
      "access: {rules: [{name: a, match: &m {groups: [dev]}, action: deny, shadow: true}, {name: b, match: *m, action: "
      "allow}]}");
  CHECK(Decide(policy, AliceReads()).rule == "b");
}

// In UTF-16 or UTF-32 with a mark of its byte order, as some editors save text; `text` is ASCII.
std::string Wide(const std::string& text, size_t unit, bool little_endian) {
  std::string wide = little_endian ? "\xff\xfe" : "\xfe\xff";
  wide.insert(little_endian ? 2 : 0, unit - 2, '\0');
  for (const char c : text) {
    const std::string zeros(unit - 1, '\0');
    wide += little_endian ? c + zeros : zeros + c;
  }
  return wide;
}

TEST_CASE("other encodings of YAML are read as what they are, and never as another policy") {
  const std::string text = "access: {default: allow, rules: [{name: no ops, match: {groups: [ops]}, action: deny}]}";
  std::vector<std::string> encodings = {text, "\xef\xbb\xbf" + text};
  for (const size_t unit : {2, 4}) {
    for (const bool little_endian : {true, false}) encodings.push_back(Wide(text, unit, little_endian));
  }
  MadeCall operators = AliceReads();
  operators.groups = {"ops"};
  for (const std::string& encoded : encodings) {
    INFO(encoded.size() << " bytes for " << text.size());
    const auto policy = Parsed(encoded);
    CHECK(policy->allows_by_default());
    CHECK(Decide(policy, AliceReads()).allowed);
    CHECK(Decide(policy, operators).rule == "no ops");
    // Cut in the middle it is refused, or refuses no less.
    for (size_t size = 0; size < encoded.size(); ++size) {
      const auto cut = Policy::Parse(encoded.substr(0, size), "policy.yaml");
      if (cut.ok()) FAIL("of " << encoded.size() << " bytes the first " << size << " are taken");
    }
  }
  CHECK(IsRefused("access: {rules: [{name: \"\xff\xfe\", action: deny}]}"));
  CHECK(IsRefused(std::string("access: {rules: [{name: a\0b, action: deny}]}", 44)));
  CHECK(IsRefused("access: {default: allow}\n---\naccess: {default: deny}\n"));
  CHECK(IsRefused("access: {default: deny, default: allow}"));
}

TEST_CASE("globs made to be slow are not") {
  std::string slow;
  for (int i = 0; i < 300; ++i) slow += "a*";
  std::string text = "access:\n  rules:\n";
  for (int i = 0; i < 200; ++i) {
    text += "  - {name: r" + std::to_string(i) + ", match: {methods: ['" + slow + std::to_string(i) +
            "']}, action: allow}\n";
  }
  const auto policy = Parsed(text);
  MadeCall call = AliceReads();
  call.method = std::string(10'000, 'a') + "/b";
  CHECK_FALSE(Decide(policy, call).allowed);
}

TEST_CASE("mangled policies give a fault or a policy whose decisions hold together") {
  const std::string good =
      "access:\n  default: deny\n  rules:\n"
      "  - {name: a, match: {groups: [dev], methods: ['x.Y/*'], networks: [10.0.0.0/8]}, action: allow}\n"
      "  - {name: b, match: {identities: ['*@a'], times: [{days: [mon], from: '08:00'}]}, action: deny, shadow: true}\n"
      "  - {name: c, match: {metadata: {t: 'a*'}, except: [{upstreams: [u]}]}, action: allow}\n"
      "limits: [{name: l, per: [identity], calls_per_second: 5, open_calls: 2}]\n";
  std::mt19937 random(11);
  const std::string spice = std::string("{}[]:,-&*!|>'\"%@`#?\n\t /\\\xff~<0") + '\0';
  const MadeCall alice = AliceReads();
  int read = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (int change = 1 + static_cast<int>(random() % 3); change > 0; --change) {
      text[random() % text.size()] = spice[random() % spice.size()];
    }
    const auto policy = Policy::Parse(text, "policy.yaml");
    if (!policy.ok()) continue;
    ++read;
    const AccessDecision decision = (*policy)->Decide(alice.request());
    const auto trials = (*policy)->Explain(alice.request());
    const bool decided =
        !trials.empty() && trials.back().mismatches.empty() && !(*policy)->rules()[trials.back().rule].shadow;
    REQUIRE(decision.rule == (decided ? (*policy)->rules()[trials.back().rule].name : "default"));
  }
  CHECK(read > 40);
}

}  // namespace
}  // namespace sallyport::policy
