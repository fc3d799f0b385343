// Who may call what: each condition, and how rules follow each other.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

TEST_CASE("a policy refuses what no rule allows") {
  for (const char* text : {"access: {}", "access: {rules: []}", "limits: []",
                           "access: {rules: [{name: a, match: {groups: [ops]}, action: allow}]}"}) {
    CAPTURE(text);
    const AccessDecision decision = Decide(Parsed(text), AliceReads());
    CHECK_FALSE(decision.allowed);
    CHECK(decision.rule == "default");
    CHECK(decision.shadow_denied.empty());
  }
  const AccessDecision open = Decide(Parsed("access: {default: allow}"), AliceReads());
  CHECK(open.allowed);
  CHECK(open.rule == "default");
}

TEST_CASE("the first rule that matches decides") {
  const auto policy = Parsed(R"(
access:
  rules:
    - {name: no deletes, match: {methods: ["*/Delete*"]}, action: deny}
    - {name: developers, match: {groups: [dev]}, action: allow}
    - {name: nobody else, action: deny}
)");
  MadeCall call = AliceReads();
  CHECK(Decide(policy, call).allowed);
  CHECK(Decide(policy, call).rule == "developers");
  call.method = "/etcdserverpb.KV/DeleteRange";
  CHECK_FALSE(Decide(policy, call).allowed);
  CHECK(Decide(policy, call).rule == "no deletes");
  call = AliceReads();
  call.groups = {"sales"};
  CHECK(Decide(policy, call).rule == "nobody else");
}

TEST_CASE("a rule in shadow is noted and the next ones decide") {
  const auto policy = Parsed(R"(
access:
  rules:
    - {name: soon, match: {methods: ["*/Range"]}, action: deny, shadow: true}
    - {name: later, match: {networks: [10.0.0.0/8]}, action: deny, shadow: true}
    - {name: not this, match: {methods: ["*/Put"]}, action: deny, shadow: true}
    - {name: developers, match: {groups: [dev]}, action: allow}
    - {name: after, action: deny, shadow: true}
)");
  const AccessDecision decision = Decide(policy, AliceReads());
  CHECK(decision.allowed);
  CHECK(decision.rule == "developers");
  REQUIRE(decision.shadow_denied.size() == 2);
  CHECK(decision.shadow_denied[0] == "soon");
  CHECK(decision.shadow_denied[1] == "later");
}

TEST_CASE("a policy in shadow refuses nothing and says what it would have") {
  const auto policy = Parsed("shadow: true\naccess: {rules: [{name: readers, match: {groups: [ops]}, action: allow}]}");
  const AccessDecision decision = Decide(policy, AliceReads());
  CHECK(decision.allowed);
  CHECK(decision.rule == "default");
  REQUIRE(decision.shadow_denied.size() == 1);
  CHECK(decision.shadow_denied[0] == "default");
  MadeCall call = AliceReads();
  call.groups = {"ops"};
  CHECK(Decide(policy, call).shadow_denied.empty());
}

TEST_CASE("what is noted of rules in shadow is bounded, and the one that counts is among it") {
  std::string text = "shadow: true\naccess:\n  rules:\n";
  for (int i = 0; i < 40; ++i) text += "  - {name: s" + std::to_string(i) + ", action: deny, shadow: true}\n";
  text += "  - {name: last, action: deny}\n";
  const auto noted_under = [](const std::string& policy_text) {
    const auto policy = Parsed(policy_text);
    const AccessDecision decision = Decide(policy, AliceReads());
    return std::vector<std::string>(decision.shadow_denied.begin(), decision.shadow_denied.end());
  };
  std::vector<std::string> expected;
  expected.reserve(16);
  for (int i = 0; i < 15; ++i) expected.push_back("s" + std::to_string(i));
  expected.emplace_back("last");
  CHECK(noted_under(text) == expected);
  // In a policy that is in force, sixteen of those in shadow.
  expected.back() = "s15";
  CHECK(noted_under(text.substr(text.find('\n') + 1)) == expected);
}

TEST_CASE("identities, groups and issuers match what the caller is proved to be") {
  const MadeCall alice = AliceReads();
  CHECK(MatchesCall("identities: [alice]", alice));
  CHECK(MatchesCall("identities: [bob, 'al*']", alice));
  CHECK_FALSE(MatchesCall("identities: [Alice]", alice));
  CHECK_FALSE(MatchesCall("identities: [alic]", alice));
  CHECK(MatchesCall("groups: [ops, dev]", alice));
  CHECK(MatchesCall("groups: 'd?v'", alice));
  CHECK_FALSE(MatchesCall("groups: [de]", alice));
  CHECK(MatchesCall("issuers: ['https://idp.example']", alice));
  CHECK_FALSE(MatchesCall("issuers: ['https://idp.example/']", alice));
  CHECK(MatchesCall("issuers: ['https://idp.example'], identities: [alice]", alice));
  CHECK_FALSE(MatchesCall("issuers: ['https://other.example'], identities: [alice]", alice));
}

TEST_CASE("anonymous callers have no subject, issuer or group, whatever is claimed for them") {
  MadeCall nobody = AnonymousReads();
  CHECK_FALSE(MatchesCall("identities: ['*']", nobody));
  CHECK_FALSE(MatchesCall("issuers: ['*']", nobody));
  CHECK_FALSE(MatchesCall("groups: ['*']", nobody));
  CHECK(MatchesCall("proofs: [none]", nobody));
  CHECK_FALSE(MatchesCall("identities: [anonymous]", nobody));
  nobody.subject = "alice";
  nobody.issuer = "https://idp.example";
  nobody.groups = {"dev"};
  CHECK_FALSE(MatchesCall("identities: [alice]", nobody));
  CHECK_FALSE(MatchesCall("issuers: ['*']", nobody));
  CHECK_FALSE(MatchesCall("groups: [dev]", nobody));
  nobody.proofs = {v1::PROOF_NONE};
  CHECK_FALSE(MatchesCall("identities: [alice]", nobody));
  CHECK(MatchesCall("proofs: [none]", nobody));
  CHECK_FALSE(MatchesCall("proofs: [none]", AliceReads()));
}

TEST_CASE("proofs asks for one of them, all_proofs for all") {
  MadeCall call = AliceReads();
  CHECK(MatchesCall("proofs: [jwt, mtls]", call));
  CHECK_FALSE(MatchesCall("proofs: [mtls, api_key]", call));
  CHECK(MatchesCall("all_proofs: [jwt]", call));
  CHECK_FALSE(MatchesCall("all_proofs: [jwt, mtls]", call));
  call.proofs = {v1::PROOF_MTLS, v1::PROOF_JWT};
  CHECK(MatchesCall("all_proofs: [jwt, mtls]", call));
  CHECK_FALSE(MatchesCall("all_proofs: [jwt, mtls, api_key]", call));
  CHECK_FALSE(MatchesCall("proofs: [none]", call));
  CHECK(MatchesCall("all_proofs: [none]", AnonymousReads()));
}

TEST_CASE("methods match with a leading slash or without, on either side") {
  MadeCall call = AliceReads();
  for (const char* method : {"/etcdserverpb.KV/Range", "etcdserverpb.KV/Range"}) {
    call.method = method;
    CHECK(MatchesCall("methods: [etcdserverpb.KV/Range]", call));
    CHECK(MatchesCall("methods: [/etcdserverpb.KV/Range]", call));
    CHECK(MatchesCall("methods: ['etcdserverpb.KV/*']", call));
    CHECK(MatchesCall("methods: ['*/Range']", call));
    CHECK(MatchesCall("methods: ['etcd*']", call));
    CHECK_FALSE(MatchesCall("methods: [etcdserverpb.KV/Put]", call));
    CHECK_FALSE(MatchesCall("methods: ['*/Rang']", call));
  }
  call.method = "//etcdserverpb.KV/Range";
  CHECK_FALSE(MatchesCall("methods: [etcdserverpb.KV/Range]", call));
}

TEST_CASE("upstreams match by name, and a call without one matches none") {
  MadeCall call = AliceReads();
  CHECK(MatchesCall("upstreams: [etcd, pay]", call));
  CHECK_FALSE(MatchesCall("upstreams: [pay]", call));
  call.upstream = "";
  CHECK_FALSE(MatchesCall("upstreams: ['*']", call));
}

TEST_CASE("metadata asks for one value that matches, all_metadata for nothing else") {
  MadeCall call = AliceReads();
  CHECK(MatchesCall("metadata: {tenant: 'eu-*'}", call));
  CHECK_FALSE(MatchesCall("metadata: {tenant: 'us-*'}", call));
  CHECK_FALSE(MatchesCall("metadata: {region: '*'}", call));
  CHECK(MatchesCall("metadata: {tenant: 'eu-*', user-agent: 'grpc-go/*'}", call));
  CHECK_FALSE(MatchesCall("metadata: {tenant: 'eu-*', user-agent: 'grpc-java/*'}", call));
  CHECK(MatchesCall("all_metadata: {tenant: 'eu-*'}", call));
  CHECK_FALSE(MatchesCall("all_metadata: {region: '*'}", call));

  call.metadata.emplace_back("tenant", "us-2");
  CHECK(MatchesCall("metadata: {tenant: 'eu-*'}", call));
  CHECK(MatchesCall("metadata: {tenant: us-2}", call));
  CHECK_FALSE(MatchesCall("all_metadata: {tenant: 'eu-*'}", call));
  CHECK_FALSE(MatchesCall("metadata: {tenant: 'eu-*'}, all_metadata: {tenant: 'eu-*'}", call));
  CHECK(MatchesCall("all_metadata: {tenant: '*-?'}", call));

  call.metadata = {{"flag", ""}};
  CHECK(MatchesCall("metadata: {flag: '*'}", call));
  CHECK(MatchesCall("metadata: {flag: ''}", call));
  CHECK_FALSE(MatchesCall("metadata: {flag: '?*'}", call));
}

TEST_CASE("networks match by the address that the connection comes from") {
  MadeCall call = AliceReads();
  CHECK(MatchesCall("networks: [10.0.0.0/8]", call));
  CHECK(MatchesCall("networks: [10.1.2.3]", call));
  CHECK(MatchesCall("networks: [192.168.0.0/16, 0.0.0.0/0]", call));
  CHECK_FALSE(MatchesCall("networks: [10.1.2.4, 10.2.0.0/16, '::/0', unix]", call));
  call.peer = "ipv6:%5B2001:db8::7%5D:51514";
  CHECK(MatchesCall("networks: ['2001:db8::/32']", call));
  CHECK_FALSE(MatchesCall("networks: ['2001:db9::/32', 0.0.0.0/0]", call));
  call.peer = "unix:/run/x.sock";
  CHECK(MatchesCall("networks: [unix]", call));
  CHECK_FALSE(MatchesCall("networks: [0.0.0.0/0, '::/0']", call));
}

TEST_CASE("times go by the wall clock of their zone") {
  MadeCall call = AliceReads();  // Monday 10:00 in UTC, 11:00 in Berlin
  CHECK(MatchesCall("times: [{days: [mon], from: '09:00', to: '11:00'}]", call));
  CHECK_FALSE(MatchesCall("times: [{days: [mon], from: '09:00', to: '11:00', zone: Europe/Berlin}]", call));
  CHECK(MatchesCall("times: [{days: [mon], from: '11:00', zone: Europe/Berlin}]", call));
  CHECK_FALSE(MatchesCall("times: [{days: [tue, wed, thu, fri, sat, sun]}]", call));
  CHECK(MatchesCall("times: [{days: [tue]}, {to: '10:01'}]", call));
  CHECK_FALSE(MatchesCall("times: [{to: '10:00'}]", call));
  CHECK(MatchesCall("times: [{days: [sun], from: '22:00', to: '10:01'}]", call));
  CHECK_FALSE(MatchesCall("times: [{days: [sun], from: '22:00', to: '10:00'}]", call));
}

TEST_CASE("a call that an except matches is left out") {
  MadeCall call = AliceReads();
  CHECK(MatchesCall("groups: [dev], except: [{methods: ['*/Delete*']}]", call));
  CHECK_FALSE(MatchesCall("groups: [dev], except: [{methods: ['*/Delete*']}, {identities: [alice]}]", call));
  CHECK(MatchesCall("groups: [dev], except: [{identities: [alice], methods: ['*/Put']}]", call));
  CHECK_FALSE(MatchesCall("except: [{metadata: {tenant: '*', user-agent: '*'}}]", call));
  CHECK(MatchesCall("except: [{metadata: {tenant: '*', region: '*'}}]", call));
  CHECK_FALSE(MatchesCall("except: [{times: [{days: [mon]}]}]", call));
  // Who is not known to be an exception is none.
  CHECK(MatchesCall("except: [{identities: ['*']}]", AnonymousReads()));
}

TEST_CASE("an explanation names every condition that does not hold, up to the rule that decides") {
  const auto policy = Parsed(R"(
access:
  rules:
    - {name: one, match: {groups: [ops], methods: ["*/Put"]}, action: allow}
    - {name: two, match: {except: [{identities: [alice]}]}, action: allow}
    - {name: three, match: {groups: [dev]}, action: deny, shadow: true}
    - {name: four, match: {upstreams: [etcd]}, action: allow}
    - {name: five, action: deny}
)");
  const std::vector<RuleTrial> trials = policy->Explain(AliceReads().request());
  REQUIRE(trials.size() == 4);
  REQUIRE(trials[0].mismatches.size() == 2);
  CHECK(trials[0].mismatches[0].condition == "groups");
  CHECK(trials[0].mismatches[0].reason == "none of the caller's groups (staff, dev) matches any of: ops");
  CHECK(trials[0].mismatches[1].condition == "methods");
  CHECK(trials[0].mismatches[1].reason == "method etcdserverpb.KV/Range matches none of: */Put");
  REQUIRE(trials[1].mismatches.size() == 1);
  CHECK(trials[1].mismatches[0].condition == "except[0]");
  CHECK(trials[2].mismatches.empty());
  CHECK(trials[3].mismatches.empty());
  CHECK(policy->rules()[trials[3].rule].name == "four");
  CHECK(policy->rules()[trials[3].rule].line == 7);
}

TEST_CASE("every condition can say why it does not hold") {
  const MadeCall alice = AliceReads();
  const auto why = [&](const std::string& condition, const MadeCall& call) {
    const auto policy = Parsed("access: {rules: [{name: it, match: {" + condition + "}, action: allow}]}");
    const std::vector<Mismatch> mismatches = policy->Explain(call.request()).front().mismatches;
    REQUIRE(mismatches.size() == 1);
    return mismatches[0].condition + ": " + mismatches[0].reason;
  };
  CHECK(why("identities: [bob]", alice) == "identities: subject alice matches none of: bob");
  CHECK(why("identities: [bob]", AnonymousReads()) == "identities: the call has no subject; asked for: bob");
  CHECK(why("groups: [x]", AnonymousReads()) == "groups: the caller is in no group; asked for: x");
  CHECK(why("issuers: [a, b, c, d, e, f, g]", alice) ==
        "issuers: issuer https://idp.example matches none of: a, b, c, d, e and 2 more");
  CHECK(why("proofs: [mtls, api_key]", alice) == "proofs: shown: jwt; asked for one of: mtls, api_key");
  CHECK(why("all_proofs: [jwt, mtls]", alice) == "all_proofs: shown: jwt; asked for all of: jwt, mtls");
  CHECK(why("upstreams: [pay]", alice) == "upstreams: upstream etcd matches none of: pay");
  CHECK(why("metadata: {tenant: us-*}", alice) == "metadata: tenant has no value that matches us-*");
  CHECK(why("all_metadata: {tenant: us-*}", alice) ==
        "all_metadata: tenant is not there, or has a value that does not match us-*");
  CHECK(why("networks: [192.168.0.0/16, unix]", alice) ==
        "networks: peer ipv4:10.1.2.3:51514 is in none of: 192.168.0.0/16, unix");
  CHECK(why("times: [{days: [sat], zone: Europe/Berlin}]", alice) ==
        "times: mon 11:00 in Europe/Berlin is in none of the 1 time given");
}

}  // namespace
}  // namespace sallyport::policy
