// What is told about policies that are odd.
#include "policy/policy_check.h"

#include <catch2/catch.hpp>

#include "policy/issuer_check.h"
#include "policy/matching/match_cover.h"
#include "tests/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

// The warnings, one a line.
std::string WarningsOf(const std::string& text) {
  std::string warnings;
  for (const PolicyWarning& warning : CheckPolicy(*Parsed(text))) {
    warnings += std::to_string(warning.line) + " " + warning.rule + ": " + warning.text + "\n";
  }
  return warnings;
}

// Whether the second of two rules with these conditions is said to be out of reach.
bool IsUnreachable(const std::string& first, const std::string& second) {
  const std::string warnings =
      WarningsOf("access:\n  rules:\n  - {name: one, match: {" + first + "}, action: allow}\n  - {name: two, match: {" +
                 second + "}, action: allow}\n");
  return warnings.find("two: no call reaches this rule: \"one\" on line 3 matches every call that it matches") !=
         std::string::npos;
}

TEST_CASE("rules behind one that decides every call of theirs are told") {
  CHECK(WarningsOf("access:\n  rules:\n  - {name: a, match: {groups: [x]}, action: allow}\n"
                   "  - {name: all, action: deny}\n  - {name: b, match: {groups: [y]}, action: allow}\n") ==
        "5 b: no call reaches this rule: \"all\" on line 4 matches every call that it matches, and comes first\n");
  CHECK(IsUnreachable("", "groups: [x]"));
  CHECK(IsUnreachable("groups: [x]", "groups: [x]"));
  CHECK(IsUnreachable("groups: [x, y]", "groups: [y]"));
  CHECK(IsUnreachable("groups: ['team-*']", "groups: ['team-a*', team-b]"));
  CHECK(IsUnreachable("methods: ['*']", ""));
  CHECK(IsUnreachable("methods: ['*/*']", "groups: [x]"));
  CHECK(IsUnreachable("methods: ['*/*']", "methods: ['pay.*']"));
  CHECK(IsUnreachable("methods: ['pay.*/*']", "methods: ['pay.*', 'pay.a*b']"));
  CHECK(IsUnreachable("methods: ['etcdserverpb.*']", "methods: ['etcdserverpb.KV/*'], groups: [x]"));
  CHECK(IsUnreachable("identities: ['*@example.com']", "identities: [alice@example.com], proofs: [jwt]"));
  CHECK(IsUnreachable("proofs: [jwt, mtls]", "proofs: [mtls]"));
  CHECK(IsUnreachable("proofs: [mtls]", "all_proofs: [jwt, mtls]"));
  CHECK(IsUnreachable("all_proofs: [jwt]", "all_proofs: [jwt, mtls]"));
  CHECK(IsUnreachable("proofs: [none, jwt, mtls, api_key]", "groups: [x]"));
  CHECK(IsUnreachable("metadata: {t: 'a*'}", "metadata: {t: ab, u: c}"));
  CHECK(IsUnreachable("metadata: {t: '*'}", "all_metadata: {t: ab}"));
  CHECK(IsUnreachable("networks: [10.0.0.0/8]", "networks: [10.1.0.0/16, 10.2.0.1]"));
  CHECK(IsUnreachable("networks: [unix]", "networks: [unix]"));
  CHECK(IsUnreachable("networks: ['2001:db8::/32']", "networks: ['2001:db8:1::/48']"));
  CHECK(IsUnreachable("times: [{from: '08:00', to: '18:00'}]", "times: [{days: [mon], from: '09:00', to: '10:00'}]"));
  CHECK(IsUnreachable("times: [{to: '12:00'}, {from: '12:00'}]", "times: [{from: '22:00', to: '06:00'}]"));
  CHECK(IsUnreachable("except: [{methods: ['*/Delete*']}]", "methods: [a.B/Get]"));
  CHECK(IsUnreachable("except: [{groups: [x]}]", "except: [{groups: [x, y]}], methods: ['a.*']"));
}

TEST_CASE("rules that some call reaches are not told") {
  CHECK_FALSE(IsUnreachable("groups: [x]", ""));
  CHECK_FALSE(IsUnreachable("groups: [x]", "groups: [x, y]"));
  CHECK_FALSE(IsUnreachable("groups: [x], methods: ['a.*']", "groups: [x]"));
  CHECK_FALSE(IsUnreachable("groups: ['*']", "identities: [a]"));
  CHECK_FALSE(IsUnreachable("identities: ['*']", ""));
  CHECK_FALSE(IsUnreachable("methods: [a.B/C]", "methods: ['a.B/*']"));
  CHECK_FALSE(IsUnreachable("proofs: [jwt]", "proofs: [jwt, mtls]"));
  CHECK_FALSE(IsUnreachable("all_proofs: [jwt, mtls]", "proofs: [jwt]"));
  CHECK_FALSE(IsUnreachable("metadata: {t: ab}", "metadata: {t: 'a*'}"));
  CHECK_FALSE(IsUnreachable("all_metadata: {t: ab}", "metadata: {t: ab}"));
  CHECK_FALSE(IsUnreachable("networks: [10.1.0.0/16]", "networks: [10.0.0.0/8]"));
  CHECK_FALSE(IsUnreachable("times: [{from: '08:00', to: '18:00'}]", "times: [{from: '08:00', to: '18:01'}]"));
  CHECK_FALSE(IsUnreachable("times: [{from: '08:00', to: '18:00', zone: Europe/Berlin}]",
                            "times: [{from: '08:00', to: '18:00'}]"));
  CHECK_FALSE(IsUnreachable("except: [{methods: ['*/Delete*']}]", "methods: ['a.B/*']"));
  CHECK_FALSE(IsUnreachable("except: [{groups: [x]}]", "methods: ['a.*']"));
  // A rule in shadow keeps nothing from those behind it.
  CHECK(WarningsOf("access: {rules: [{name: s, action: deny, shadow: true}, {name: a, action: allow}]}").empty());
}

TEST_CASE("other oddities are told") {
  CHECK(WarningsOf("limits: [{name: a, open_calls: 1}]") ==
        "1 : every call is refused: no rule allows anything, and nor does access.default\n");
  CHECK(WarningsOf("access: {default: allow}").empty());
  CHECK(WarningsOf("access: {rules: [{name: a, match: {identities: [anonymous]}, action: allow}]}") ==
        "1 a: \"anonymous\" is a subject like any other here: for callers that prove nothing write proofs: [none]\n");
  CHECK(WarningsOf("access: {rules: [{name: a, match: {proofs: [none], groups: [x]}, action: allow}]}") ==
        "1 a: no call matches this rule: anonymous callers have no subject, groups, issuer or proof\n");
  CHECK(WarningsOf("access: {rules: [{name: a, match: {proofs: [none], all_proofs: [jwt]}, action: allow}]}") ==
        "1 a: no call matches this rule: anonymous callers have no subject, groups, issuer or proof\n");
}

TEST_CASE("a rule that no call is said to reach decides none, for policies and calls made at random") {
  Maker maker({.services = 2, .methods = 2, .groups = 2, .subjects = 3, .tenants = 2, .hosts = 4}, 17);
  int unreachable = 0;
  for (int round = 0; round < 150; ++round) {
    v1::Policy source = maker.MakePolicy(40);
    source.set_shadow(false);
    const auto policy = Parsed(FileOf(source));
    std::vector<std::string> dead;
    for (const PolicyWarning& warning : CheckPolicy(*policy)) {
      if (warning.text.starts_with("no call ")) dead.push_back(warning.rule);
    }
    unreachable += static_cast<int>(dead.size());
    for (int i = 0; i < 200; ++i) {
      const MadeCall call = maker.MakeCall();
      const std::string rule(Decide(policy, call).rule);
      CAPTURE(rule, FileOf(source));
      REQUIRE(std::find(dead.begin(), dead.end(), rule) == dead.end());
    }
    // Nothing is overlooked for having been looked for too narrowly.
    for (size_t late = 0; late < policy->rules().size(); ++late) {
      for (size_t early = 0; early < late; ++early) {
        if (policy->rules()[early].shadow || !Covers(policy->rules()[early].match, policy->rules()[late].match))
          continue;
        CAPTURE(early, late, FileOf(source));
        REQUIRE(std::find(dead.begin(), dead.end(), policy->rules()[late].name) != dead.end());
      }
    }
  }
  CHECK(unreachable > 100);
}

TEST_CASE("as soon as there are two issuers, rules say whose subjects and groups they mean") {
  const std::string text =
      "access:\n  rules:\n"
      "  - {name: groups, match: {groups: [sre]}, action: allow}\n"
      "  - {name: subjects, match: {identities: [alice]}, action: allow}\n"
      "  - {name: said, match: {groups: [sre], issuers: [\"https://idp.example\"]}, action: allow}\n"
      "  - {name: anybody, match: {identities: [\"*\"]}, action: deny}\n"
      "  - {name: but, match: {methods: [\"a.B/*\"], except: [{groups: [sre]}]}, action: deny}\n"
      "limits: [{name: limit, match: {groups: [sre]}, open_calls: 1}]\n"
      "masks: [{name: mask, match: {except: [{groups: [sre]}]}, fields: [a.B.c]}]\n"
      "content: [{name: content, match: {groups: [sre]}, fields: [{field: a.B.c}]}]\n";
  const auto policy = Parsed(text);
  v1::Config config;
  auto* const issuer = config.mutable_identity()->add_oidc();
  issuer->set_issuer("https://idp.example");
  auto* const group = (*config.mutable_upstreams())["etcd"].mutable_credentials()->add_by_group();
  group->add_groups("sre");
  CHECK(CheckIssuers(config, policy.get()).empty());

  const auto second = GENERATE(0, 1, 2, 3);
  if (second == 0) config.mutable_identity()->add_oidc()->set_issuer("https://other.example");
  if (second == 1) config.mutable_identity()->mutable_mtls()->add_trust_domains()->set_name("prod.example");
  if (second == 2) config.mutable_listen()->mutable_tls()->set_client_ca("ca.pem");
  if (second == 3) config.mutable_identity()->mutable_api_keys()->set_file("keys");
  std::vector<std::string> rules;
  for (const PolicyWarning& warning : CheckIssuers(config, policy.get())) {
    rules.push_back(warning.rule.empty() ? warning.text.substr(0, warning.text.find(' ')) : warning.rule);
    CHECK(warning.text.find("https://idp.example") != std::string::npos);
  }
  CHECK(rules == std::vector<std::string>{"groups", "subjects", "but", "limit", "mask", "content",
                                          "upstreams.etcd.credentials.by_group[0]"});
  group->add_issuers("https://idp.example");
  CHECK(CheckIssuers(config, nullptr).empty());
}

}  // namespace
}  // namespace sallyport::policy
