// What is told about settings that mean nothing.
#include "policy/settings_check.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/policy/masking/masking_fixture.h"

namespace sallyport::policy {
namespace {

constexpr char kProto[] = R"(
syntax = "proto3";
package etcd;
message User { string password = 1; Options options = 2; map<string, Secret> secrets = 3; repeated User friends = 4; }
message Options { bool no_password = 1; }
message Secret { string token = 1; }
message Label { string key = 1; Secret value = 2; Kind kind = 3; repeated string tags = 4; }
enum Kind { NONE = 0; ONE = 1; }
message Labels { repeated Label labels = 1; map<int32, string> by_code = 2; map<bool, Label> by_flag = 3; }
service Auth { rpc Add(User) returns (Options); rpc Remove(User) returns (Options); }
)";

struct Given {
  std::string policy = "access: {default: allow}\n";
  std::string config = {};
  std::set<std::string> called = {};
  bool ask_for_calls = false;
  bool descriptors = true;
};

std::vector<std::string> WarningsOf(const Given& given) {
  const auto policy = Parsed(given.policy);
  v1::Config config;
  KeyLines lines;
  Settings settings;
  settings.policy = policy.get();
  settings.policy_file = "policy.yaml";
  if (!given.config.empty()) {
    REQUIRE(ReadYaml(given.config, "sallyport.yaml", &config, &lines).ok());
    settings.config = &config;
    settings.config_file = "sallyport.yaml";
    settings.config_lines = &lines;
  }
  if (given.descriptors) settings.descriptors = {DescriptorsOf(kProto)};
  if (given.ask_for_calls) {
    settings.called = [&given](const std::string& glob) { return given.called.contains(glob); };
  }
  std::vector<std::string> texts;
  for (const PolicyWarning& warning : CheckSettings(settings)) texts.push_back(WarningText(warning));
  return texts;
}

std::vector<std::string> OfMask(const std::string& mask) {
  return WarningsOf({"access: {default: allow}\nmasks:\n  - {name: m, " + mask + "}\n"});
}

TEST_CASE("fields that no message has are told, with the one that was probably meant") {
  for (const char* meant : {"fields: [etcd.User.password]", "fields: [\"*.password\"]", "fields: [\"**.token\"]",
                            "fields: [\"etcd.*.secrets.value.token\"]", "fields: [\"**\"]",
                            "fields: [\"etcd.User.friends.options.no_*\"]", "fields: [\"etcd.User.**.no_password\"]"}) {
    CAPTURE(meant);
    CHECK(OfMask(meant).empty());
  }
  CHECK(OfMask("fields: [\"etcd.*.pasword\"]") ==
        std::vector<std::string>{"policy.yaml:3: rule \"m\": no field is meant by \"etcd.*.pasword\" (did you mean "
                                 "\"etcd.*.password\"?) in the descriptors known"});
  CHECK(OfMask("fields: [etcd.User.card]") ==
        std::vector<std::string>{
            "policy.yaml:3: rule \"m\": no field is meant by \"etcd.User.card\" in the descriptors known"});
  CHECK(OfMask("fields: [etcd.User.secrets.token]").size() == 1);
  CHECK(OfMask("classes: [pci]") ==
        std::vector<std::string>{
            "policy.yaml:3: rule \"m\": no field has a class like \"pci\" in the descriptors known"});
  CHECK(OfMask("options: [debug_redact]").size() == 1);
}

TEST_CASE("keys that no message can have are told, with what was probably meant") {
  for (const char* meant :
       {"fields: ['etcd.Label[key=user.email].value']", "fields: ['etcd.Label[user.*|\"a b\"]']",
        "fields: ['etcd.User.secrets[a].value.token']", "fields: ['etcd.Labels.by_code[-7|1*]']",
        "fields: ['etcd.Labels.by_flag[true].kind', 'etcd.Labels.by_flag[true].value.kind']",
        "fields: ['etcd.Labels.labels[a].value.token']", "fields: ['*[a]']", "fields: ['etcd.User.**.*[a].token']"}) {
    CAPTURE(meant);
    const std::vector<std::string> told = OfMask(meant);
    CHECK(told.size() == (std::string(meant).find("[true].kind") != std::string::npos ||
                                  std::string(meant).find("*[a].token") != std::string::npos
                              ? 1
                              : 0));
  }
  const auto fault = [](const std::string& glob) {
    const std::vector<std::string> told = OfMask("fields: ['" + glob + "']");
    REQUIRE(told.size() == 1);
    const std::string before = "policy.yaml:3: rule \"m\": ";
    const std::string after = " in the descriptors known";
    CHECK_THAT(told[0], Catch::StartsWith(before) && Catch::EndsWith(after));
    return told[0].substr(before.size(), told[0].size() - before.size() - after.size());
  };
  CHECK(fault("etcd.Label[ke=a].value") ==
        "no field is meant by \"etcd.Label[ke=a].value\", for etcd.Label has no field \"ke\" (did you mean "
        "\"key\"?)");
  CHECK(fault("etcd.Label[name=a]") ==
        "no field is meant by \"etcd.Label[name=a]\", for etcd.Label has no field \"name\"");
  CHECK(fault("etcd.Label[value=a].key") ==
        "no field is meant by \"etcd.Label[value=a].key\", for etcd.Label.value is a message, and keys are strings, "
        "bytes, "
        "integers or booleans, and single ones");
  CHECK(
      fault("etcd.Label[kind=ONE].value") ==
      "no field is meant by \"etcd.Label[kind=ONE].value\", for etcd.Label.kind is of type enum, and keys are strings, "
      "bytes, integers or booleans, and single ones");
  CHECK(fault("etcd.Label[tags=a].value") ==
        "no field is meant by \"etcd.Label[tags=a].value\", for etcd.Label.tags is repeated, and keys are strings, "
        "bytes, "
        "integers or booleans, and single ones");
  CHECK(fault("etcd.Labels.by_code[abc]") ==
        "no field is meant by \"etcd.Labels.by_code[abc]\", for no etcd.Labels.ByCodeEntry.key is \"abc\": it is of "
        "type int32");
  CHECK(fault("etcd.Labels.by_code[007]") ==
        "no field is meant by \"etcd.Labels.by_code[007]\", for no etcd.Labels.ByCodeEntry.key is \"007\": it is of "
        "type int32 (did you mean \"7\"?)");
  CHECK(fault("etcd.Labels.by_code[1|4294967296]") ==
        "\"etcd.Labels.by_code[1|4294967296]\" has a key that means nothing: no etcd.Labels.ByCodeEntry.key is "
        "\"4294967296\": it is of type int32");
  CHECK(
      fault("etcd.Labels.by_flag[yes].value.key") ==
      "no field is meant by \"etcd.Labels.by_flag[yes].value.key\", for no etcd.Labels.ByFlagEntry.key is \"yes\": it "
      "is of type bool (did you mean \"true\"?)");
  CHECK(fault("etcd.Label[a].vale") ==
        "no field is meant by \"etcd.Label[a].vale\" (did you mean \"etcd.Label[a].value\"?)");
  CHECK(fault("etcd.Labels.labels[\"a.b\"].value.tokn") ==
        "no field is meant by \"etcd.Labels.labels[\"a.b\"].value.tokn\" (did you mean "
        "\"etcd.Labels.labels[\"a.b\"].value.token\"?)");
  CHECK(fault("*[a].vale") == "no field is meant by \"*[a].vale\" (did you mean \"*[a].value\"?)");
  // Content rules' too.
  CHECK(WarningsOf({"access: {default: allow}\ncontent:\n  - {name: c, fields: [{field: 'etcd.Label[ky=a].value'}]}\n"})
            .size() == 1);
}

TEST_CASE("methods that no descriptor has are told, but those that are called") {
  const std::string rules =
      "access:\n  rules:\n"
      "  - {name: one, match: {methods: [etcd.Auth/Ad]}, action: allow}\n"
      "  - {name: two, match: {methods: [\"etcd.Auth/*\", \"/etcd.Auth/Add\", \"grpc.health.*\"]}, action: allow}\n"
      "  - {name: three, match: {methods: [\"*\"], except: [{methods: [\"gone.S/*\"]}]}, action: deny}\n";
  CHECK(WarningsOf({rules}) ==
        std::vector<std::string>{"policy.yaml:3: rule \"one\": no method is meant by \"etcd.Auth/Ad\" (did you mean "
                                 "\"etcd.Auth/Add\"?) in the descriptors known",
                                 "policy.yaml:5: rule \"three\": no method is meant by \"gone.S/*\" in the descriptors "
                                 "known"});
  Given called{rules};
  called.ask_for_calls = true;
  called.called = {"gone.S/*"};
  CHECK(WarningsOf(called) ==
        std::vector<std::string>{"policy.yaml:3: rule \"one\": no method is meant by \"etcd.Auth/Ad\" (did you mean "
                                 "\"etcd.Auth/Add\"?) in the descriptors known, nor was there a call of one lately"});
  Given unknown{rules};
  unknown.descriptors = false;
  CHECK(WarningsOf(unknown).empty());
}

TEST_CASE("routes that no call reaches and upstreams that no route leads to are told") {
  Given given;
  given.config =
      "upstreams:\n  a: {target: \"a:1\"}\n  b: {target: \"b:1\"}\n  c: {target: \"c:1\"}\n"
      "routes:\n"
      "  - {services: [\"etcd.*\"], upstream: a}\n"
      "  - {methods: [/etcd.Auth/Add], services: [etcd.Auth], upstream: b}\n"
      "  - {services: [etcd.Auht], upstream: a}\n"
      "  - {upstream: a}\n"
      "  - {authorities: [\"*.x\"], upstream: b}\n";
  const auto unreached = [](int line, int route, int by) {
    return absl::StrCat("sallyport.yaml:", line, ": routes[", route, "]: no call reaches this route: routes[", by,
                        "] matches every call that it matches, and comes first");
  };
  const std::string upstream = "sallyport.yaml:4: upstreams.c: no route leads to this upstream";
  const std::string service =
      absl::StrCat("sallyport.yaml:8: routes[2].services: no service is meant by \"etcd.Auht\" ",
                   "(did you mean \"etcd.Auth\"?) in the descriptors known");
  CHECK(WarningsOf(given) ==
        std::vector<std::string>{upstream, unreached(7, 1, 0), unreached(8, 2, 0), service, unreached(10, 4, 3)});
  // Of two routes, each alone in its file.
  struct Pair {
    const char* first;
    const char* second;
    bool unreached;
  };
  const auto pair = GENERATE(values<Pair>({
      {"methods: [\"*/*\"]", "methods: [etcd.Auth/Add]", true},
      {"methods: [\"*/*\"]", "services: [etcd.Auth]", true},
      {"methods: [\"*/*\"]", "authorities: [x]", true},
      {"methods: [\"*/*\"]", "methods: [\"etcd.*\"]", true},
      {"methods: [\"*/*\"]", "methods: [\"*Auth*\"]", true},
      {"services: [\"*\"]", "methods: [etcd.Auth/Add]", true},
      {"services: [etcd.Auth]", "methods: [etcd.Auth/Add]", true},
      {"services: [/etcd.Auth]", "methods: [\"/etcd.Auth/*\"]", true},
      {"services: [\"etcd.*\"]", "methods: [\"etcd.A*/Add\", etcd.Auth/Remove]", true},
      {"methods: [\"etcd.Auth/*\"]", "services: [etcd.Auth]", true},
      {"methods: [\"etcd.*\"]", "services: [etcd.Auth]", true},
      {"methods: [\"etcd.Auth/*\"]", "services: [etcd.Auth], methods: [\"*/Add\"]", true},
      {"services: [etcd.Auth], methods: [\"*/A*\"]", "methods: [etcd.Auth/Add]", true},
      {"services: [etcd.Auth], methods: [\"*/*\"]", "services: [etcd.Auth], metadata: {tenant: eu}", true},
      {"metadata: {tenant: \"e*\"}", "metadata: {tenant: eu, user: a}, services: [etcd.Auth]", true},
      {"metadata: {tenant: \"*\"}, services: [etcd.Auth]", "metadata: {tenant: eu}, methods: [etcd.Auth/Add]", true},
      {"authorities: [\"*\"]", "methods: [etcd.Auth/Add]", true},
      // One with conditions of its own may leave calls to the next.
      {"methods: [\"*/A*\"]", "services: [etcd.Auth]", false},
      {"methods: [etcd.Auth/Add]", "services: [etcd.Auth]", false},
      {"services: [etcd.Auth], methods: [\"*/Add\"]", "methods: [\"etcd.Auth/*\"]", false},
      {"services: [etcd.Auth]", "methods: [\"etcd.*\"]", false},
      {"methods: [\"etcd.*/Add\"]", "methods: [\"etcd.*\"]", false},
      {"methods: [\"*/*\"], authorities: [x]", "methods: [etcd.Auth/Add]", false},
      {"metadata: {tenant: eu}", "metadata: {tenant: \"*\"}", false},
      {"metadata: {tenant: eu}", "methods: [etcd.Auth/Add]", false},
  }));
  CAPTURE(pair.first, pair.second);
  given.config = absl::StrCat("upstreams: {a: {target: \"a:1\"}}\nroutes:\n  - {", pair.first, ", upstream: a}\n  - {",
                              pair.second, ", upstream: a}\n");
  CHECK(WarningsOf(given) ==
        (pair.unreached ? std::vector<std::string>{unreached(4, 1, 0)} : std::vector<std::string>{}));
  // One with conditions of its own may leave calls to the next.
  given.config =
      "upstreams: {a: {target: \"a:1\"}}\nroutes:\n  - {metadata: {tenant: eu}, upstream: a}\n"
      "  - {authorities: [x], upstream: a}\n  - {services: [\"etcd.*\"], methods: [\"*/Add\"], upstream: a}\n"
      "  - {services: [\"etcd.*\"], upstream: a}\n";
  CHECK(WarningsOf(given).empty());
}

TEST_CASE("upstreams that the configuration has not are told") {
  Given given;
  given.policy =
      "access:\n  rules:\n"
      "  - {name: one, match: {upstreams: [payy]}, action: allow}\n"
      "  - {name: two, match: {upstreams: [pay, \"p*\", sallyport]}, action: allow}\n"
      "  - {name: three, match: {except: [{upstreams: [\"gone-*\"]}]}, action: deny}\n"
      "limits: [{name: four, match: {upstreams: [gone]}, open_calls: 1}]\n"
      "masks: [{name: five, match: {upstreams: [gone]}, fields: [\"*.password\"]}]\n"
      "content: [{name: six, match: {upstreams: [gone]}, fields: [{field: \"*.password\"}]}]\n";
  CHECK(WarningsOf(given).empty());
  given.config = "upstreams: {pay: {target: \"a:1\"}}\n";
  const std::string gone = "no upstream is meant by \"gone\" in sallyport.yaml";
  CHECK(WarningsOf(given) ==
        std::vector<std::string>{
            "policy.yaml:3: rule \"one\": no upstream is meant by \"payy\" (did you mean \"pay\"?) in sallyport.yaml",
            "policy.yaml:5: rule \"three\": no upstream is meant by \"gone-*\" in sallyport.yaml",
            "policy.yaml:6: rule \"four\": " + gone, "policy.yaml:7: rule \"five\": " + gone,
            "policy.yaml:8: rule \"six\": " + gone});
}

TEST_CASE("types whose unknown fields are kept in vain are told") {
  Given given;
  given.policy =
      "access: {default: allow}\nkeep_unknown_fields:\n  - etcd.User\n  - \"etcd.*\"\n  - etcd.Usre\n"
      "  - \"google.*\"\n";
  CHECK(WarningsOf(given) ==
        std::vector<std::string>{"policy.yaml:5: keep_unknown_fields[2]: no type of messages is meant by \"etcd.Usre\" "
                                 "(did you mean \"etcd.User\"?) in the descriptors known",
                                 "policy.yaml:6: keep_unknown_fields[3]: no type of messages is meant by "
                                 "\"google.*\" in the descriptors known"});
  given.descriptors = false;
  CHECK(WarningsOf(given).empty());
}

TEST_CASE("a method that is written with a dot is told with a slash") {
  CHECK(WarningsOf({"access:\n  rules:\n  - {name: one, match: {methods: [\"etcd.Auth.Ad*\"]}, action: allow}\n"}) ==
        std::vector<std::string>{"policy.yaml:3: rule \"one\": no method is meant by \"etcd.Auth.Ad*\" (did you mean "
                                 "\"etcd.Auth/Ad*\"?) in the descriptors known"});
}

TEST_CASE("what groups' credentials do not say is told with the place") {
  Given given;
  given.config =
      "identity:\n  oidc: [{issuer: \"https://a\"}, {issuer: \"https://b\"}]\n"
      "upstreams:\n  a:\n    target: \"a:1\"\n    credentials:\n      by_group: [{groups: [sre]}]\n";
  const std::vector<std::string> warnings = WarningsOf(given);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0],
             Catch::StartsWith("sallyport.yaml:7: upstreams.a.credentials.by_group[0]: names groups without issuers"));
}

TEST_CASE("record rules are compared with methods, upstreams and durability, too") {
  const std::string policy =
      "access: {default: allow}\nrecord:\n  rules:\n    - {name: r, match: {methods: [\"etcd.Auth/Ad\"]}, frames: "
      "none}\n";
  CHECK(WarningsOf({policy}) ==
        std::vector<std::string>{"policy.yaml:4: rule \"r\": no method is meant by \"etcd.Auth/Ad\" (did you mean "
                                 "\"etcd.Auth/Add\"?) in the descriptors known"});
  const std::string others =
      "access: {default: allow}\nrecord: {rules: [{name: r, match: {upstreams: [shop]}, frames: none}]}\n";
  CHECK(WarningsOf({others, "upstreams: {shop: {target: a:1}}\n"}).empty());
  CHECK(WarningsOf({others, "upstreams: {shops: {target: a:1}}\n"}).size() == 1);
  CHECK(
      WarningsOf({others, "upstreams: {shop: {target: a:1}}\ndata: {durability: off}\n"}) ==
      std::vector<std::string>{"sallyport.yaml:2: data.durability: is off: nothing is recorded, whatever the policy's "
                               "record rules say"});
}

}  // namespace
}  // namespace sallyport::policy
