// Who has which role over the API, which calls a role shows, and what is wrong or odd about roles.
#include "policy/roles.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "policy/policy_check.h"
#include "policy/settings_check.h"
#include "tests/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

constexpr char kRoles[] = R"(access: {default: allow}
roles:
  - {name: auditors, match: {groups: [audit]}, role: auditor}
  - {name: pay team, match: {groups: [dev]}, role: investigator, calls: {methods: ["pay.*"], upstreams: [pay]}}
  - {name: all, match: {proofs: [jwt]}, role: caller}
  - {name: platform, match: {groups: [sre], methods: ["sallyport.v1.Operations/*"]}, role: operator}
)";

MadeCall ReaderIn(std::vector<std::string> groups, const std::string& method = "sallyport.v1.Audit/SearchCalls") {
  MadeCall call = AliceReads();
  call.groups = std::move(groups);
  call.method = method;
  call.upstream = "sallyport";
  return call;
}

MadeCall NobodyReads() {
  MadeCall call = AnonymousReads();
  call.method = "sallyport.v1.Audit/SearchCalls";
  call.upstream = "sallyport";
  return call;
}

std::string RolesOf(const Policy& policy, const MadeCall& call) {
  std::vector<std::string> names;
  for (const RoleRule* role : policy.RolesOf(call.request())) names.push_back(role->name);
  // What people are told is the same.
  std::vector<std::string> told;
  for (const RoleTrial& trial : policy.ExplainRoles(call.request())) {
    if (trial.mismatches.empty()) told.push_back(policy.roles()[trial.role].name);
  }
  CHECK(told == names);
  return absl::StrJoin(names, ", ");
}

std::string Wrong(const std::string& role) { return FaultOf("roles:\n  - " + role + "\n"); }

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string WarningsOf(const std::string& text) {
  std::string warnings;
  for (const PolicyWarning& warning : CheckPolicy(*Parsed("access: {default: allow}\n" + text))) {
    warnings += std::to_string(warning.line) + " " + warning.rule + ": " + warning.text + "\n";
  }
  return warnings;
}

TEST_CASE("whoever matches a role has it, several add up in the order of the file, and by default nobody has any") {
  const auto policy = Parsed(kRoles);
  CHECK(RolesOf(*policy, ReaderIn({"audit", "dev"})) == "auditors, pay team, all");
  CHECK(RolesOf(*policy, ReaderIn({"dev"})) == "pay team, all");
  CHECK(RolesOf(*policy, ReaderIn({})) == "all");
  CHECK(RolesOf(*policy, ReaderIn({"sre"}, "/sallyport.v1.Operations/GetHealth")) == "all, platform");
  CHECK(RolesOf(*policy, ReaderIn({"sre"}, "sallyport.v1.Audit/SearchCalls")) == "all");
  MadeCall with_certificate = ReaderIn({"other"});
  with_certificate.proofs = {v1::PROOF_MTLS};
  CHECK(RolesOf(*policy, with_certificate).empty());
  CHECK(RolesOf(*Parsed("access: {default: allow}\n"), ReaderIn({"audit"})).empty());
  // A policy that refuses nothing shows nothing more.
  CHECK(RolesOf(*Parsed(std::string(kRoles) + "shadow: true\n"), NobodyReads()).empty());
}

TEST_CASE("whoever proves nothing has such roles alone whose proofs name none, and no calls of its own") {
  const auto open = Parsed(R"(roles:
  - {name: everybody, role: auditor}
  - {name: inside, match: {networks: [10.0.0.0/8]}, role: operator}
  - {name: but probes, match: {except: [{groups: [probes]}]}, role: investigator}
  - {name: own, match: {proofs: [none, jwt]}, role: caller}
  - {name: visitors, match: {proofs: [none]}, role: investigator, calls: {methods: ["demo.*"]}}
)");
  CHECK(RolesOf(*open, NobodyReads()) == "visitors");
  CHECK(RolesOf(*open, ReaderIn({})) == "everybody, inside, but probes, own");
  // A proof without a subject makes nobody a caller.
  MadeCall nameless = ReaderIn({});
  nameless.subject = "";
  CHECK(RolesOf(*open, nameless) == "everybody, inside, but probes");
  // What stands in the subject of somebody who proved nothing is not looked at.
  MadeCall pretends = NobodyReads();
  pretends.subject = "alice";
  pretends.groups = {"audit"};
  CHECK(RolesOf(*open, pretends) == "visitors");
  CHECK(RolesOf(*Parsed(kRoles), pretends).empty());
}

TEST_CASE("a role shows the calls that it names: auditors all, investigators theirs, callers their own") {
  const auto policy = Parsed(R"(roles:
  - {name: a, match: {groups: [a]}, role: auditor}
  - {name: i, match: {groups: [a]}, role: investigator, calls: {methods: ["/pay.*"], identities: ["*#alice", bob]}}
  - {name: c, match: {groups: [a]}, role: caller, calls: {upstreams: [pay]}}
  - {name: o, match: {groups: [a]}, role: operator}
  - {name: p, match: {groups: [a]}, role: approver}
)");
  const auto shown = [&](const RecordedCall& call) {
    std::string names;
    for (const RoleRule& role : policy->roles()) {
      if (Shows(role, "https://idp#carol", call)) names += role.name;
    }
    return names;
  };
  CHECK(shown({"https://idp#alice", "pay.v1.Payments/Authorize", "pay"}) == "ai");
  CHECK(shown({"bob", "pay.v1.Payments/Authorize", ""}) == "ai");
  CHECK(shown({"bobby", "pay.v1.Payments/Authorize", "pay"}) == "a");
  CHECK(shown({"https://idp#alice", "shop.Orders/Get", "pay"}) == "a");
  CHECK(shown({"https://idp#carol", "shop.Orders/Get", "pay"}) == "ac");
  CHECK(shown({"https://idp#carol", "shop.Orders/Get", "shop"}) == "a");
  // Of somebody else's issuer, and of nobody.
  CHECK(shown({"https://evil#carol", "shop.Orders/Get", "pay"}) == "a");
  CHECK_FALSE(Shows(policy->roles()[2], "", {"", "shop.Orders/Get", "pay"}));
}

TEST_CASE("what is wrong with a role is told with its line") {
  CHECK(Has(Wrong("{match: {groups: [a]}, role: auditor}"), "policy.yaml:2: roles[0].name: is missing"));
  CHECK(Has(Wrong("{name: default, role: auditor}"), "roles[0].name: \"default\" stands for"));
  CHECK(Has(Wrong("{name: a, match: {groups: [a]}}"), "policy.yaml:2: roles[0].role: is missing: auditor"));
  CHECK(Has(Wrong("{name: a, role: root}"), "policy.yaml:2: "));
  CHECK(Has(FaultOf("roles:\n - {name: a, role: caller}\n - {name: a, role: caller}\n"),
            "policy.yaml:3: roles[1].name: \"a\" is the name of roles[0] too, on line 2"));
  CHECK(Has(Wrong("{name: a, role: auditor, match: {groups: []}}"), "roles[0].match.groups: is an empty list"));
  CHECK(Has(Wrong("{name: a, role: auditor, match: {methods: [\"pay.*\"]}}"),
            "policy.yaml:2: roles[0].match.methods[0]: \"pay.*\" is no method of the API"));
  CHECK(Has(Wrong("{name: a, role: auditor, match: {except: [{methods: [\"sallyport.v1.Audit/No\"]}]}}"),
            "roles[0].match.except[0].methods[0]: "));
  CHECK(Has(Wrong("{name: a, role: auditor, match: {upstreams: [pay]}}"),
            "roles[0].match.upstreams: means nothing here"));
  CHECK(Has(Wrong("{name: a, role: auditor, match: {metadata: {x-team: audit}}}"),
            "roles[0].match.metadata: gives no roles"));
  CHECK(Has(Wrong("{name: a, role: auditor, match: {except: [{all_metadata: {x-team: audit}}]}}"),
            "roles[0].match.except[0].all_metadata: gives no roles"));
  for (const char* kind : {"auditor", "operator", "approver"}) {
    CHECK(Has(Wrong(std::string("{name: a, role: ") + kind + ", calls: {methods: [\"pay.*\"]}}"),
              "roles[0].calls: goes with investigator and caller only"));
  }
  CHECK(Has(Wrong("{name: a, role: investigator, calls: {}}"), "roles[0].calls: names no calls"));
  CHECK(Has(Wrong("{name: a, role: investigator, calls: {methods: []}}"), "roles[0].calls.methods: is an empty list"));
  CHECK(
      Has(Wrong("{name: a, role: investigator, calls: {upstreams: [\"\"]}}"), "roles[0].calls.upstreams[0]: is empty"));
  CHECK(Has(Wrong("{name: a, role: investigator, calls: {methods: [pay.Payments.Get]}}"),
            "roles[0].calls.methods[0]: \"pay.Payments.Get\" matches no method"));
  CHECK(Has(Wrong("{name: a, role: investigator, calls: {identities: [" + std::string(1025, 'a') + "]}}"),
            "roles[0].calls.identities[0]: is longer than 1024 bytes"));
  // These are right.
  for (const char* methods : {"sallyport.v1.Audit/*", "sallyport.v1.*", "*", "/sallyport.v1.Policies/GetPolicy"}) {
    CHECK(Parsed(std::string("roles: [{name: a, role: auditor, match: {methods: [\"") + methods + "\"]}}]")
              ->roles()
              .size() == 1);
  }
}

TEST_CASE("which methods are the API's is asked by service, and not by how a name begins") {
  CHECK(IsOfApi("sallyport.v1.Audit/SearchCalls"));
  CHECK(IsOfApi("/sallyport.v1.Operations/Reload"));
  CHECK(IsOfApi("sallyport.v1.Policies/NoneYet"));
  CHECK_FALSE(IsOfApi("sallyport.v1.Auditor/SearchCalls"));
  CHECK_FALSE(IsOfApi("sallyport.v1.Audit"));
  CHECK_FALSE(IsOfApi("a/sallyport.v1.Audit/SearchCalls"));
  CHECK_FALSE(IsOfApi(""));
}

TEST_CASE("check warns of roles that everybody has, that nobody has, and that show calls to whoever comes along") {
  CHECK(
      Has(WarningsOf("roles:\n  - {name: a, role: auditor}\n"), "3 a: makes everybody who proves anything an auditor"));
  CHECK(Has(WarningsOf("roles:\n  - {name: a, role: operator, match: {networks: [10.0.0.0/8]}}\n"),
            "makes everybody who proves anything an operator"));
  CHECK(Has(WarningsOf("roles:\n  - {name: a, role: auditor, match: {proofs: [none], groups: [a]}}\n"),
            "3 a: nobody has this role"));
  CHECK(Has(WarningsOf("roles:\n  - {name: a, role: auditor, match: {all_proofs: [none]}}\n"), "nobody has this role"));
  CHECK(Has(WarningsOf("roles:\n  - {name: a, role: caller, match: {proofs: [none]}}\n"), "3 a: gives nothing"));
  CHECK(Has(WarningsOf("roles:\n  - {name: a, role: investigator, match: {proofs: [none]}}\n"),
            "3 a: shows calls to whoever comes along"));
  CHECK(Has(WarningsOf("roles:\n  - {name: a, role: auditor, match: {identities: [anonymous]}}\n"),
            "\"anonymous\" is a subject like any other"));
  CHECK(WarningsOf("roles:\n  - {name: a, role: caller}\n").empty());
  CHECK(WarningsOf(std::string(kRoles).substr(std::string(kRoles).find("roles:"))).empty());
}

TEST_CASE("roles are compared with the configuration: upstreams that are not there, and an API that is not") {
  const auto warnings = [](const std::string& policy_text, const std::string& config_text) {
    const auto policy = Parsed(policy_text);
    v1::Config config;
    KeyLines lines;
    REQUIRE(ReadYaml(config_text, "sallyport.yaml", &config, &lines).ok());
    Settings settings;
    settings.policy = policy.get();
    settings.policy_file = "policy.yaml";
    settings.config = &config;
    settings.config_file = "sallyport.yaml";
    settings.config_lines = &lines;
    std::string texts;
    for (const PolicyWarning& warning : CheckSettings(settings)) texts += WarningText(warning) + "\n";
    return texts;
  };
  const std::string with_api = "api: {address: \"127.0.0.1:0\"}\nupstreams: {pay: {target: \"127.0.0.1:1\"}}\n";
  CHECK(warnings(kRoles, with_api).empty());
  CHECK(Has(warnings(kRoles, "upstreams: {pay: {target: \"127.0.0.1:1\"}}\n"),
            "policy.yaml:3: roles: mean nothing, for there is no `api` in sallyport.yaml"));
  CHECK(Has(warnings(kRoles, "api: {address: \"127.0.0.1:0\"}\nupstreams: {shop: {target: \"127.0.0.1:1\"}}\n"),
            "policy.yaml:4: rule \"pay team\": no upstream is meant by \"pay\""));
  CHECK(Has(warnings("access: {default: allow}\n", with_api),
            "sallyport.yaml:1: api: nobody is shown anything there: the policy has no roles"));
}

}  // namespace
}  // namespace sallyport::policy
