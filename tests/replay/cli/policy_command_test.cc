// `sallyport policy`.
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/replay/cli/policy_files.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

TEST_CASE("policy check says what is wrong, with lines, and exits with 1") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml",
                                       "access:\n  rules:\n    - {name: a, action: allow, match: {groups: []}}\n"
                                       "    - {name: a, action: deny}\n");
  const CommandResult text = Run({"policy", "check", file});
  CHECK(text.code == 1);
  CHECK(text.errors.empty());
  REQUIRE(LinesOf(text.output).size() == 2);
  CHECK(LinesOf(text.output)[0].find("error: " + file + ":3: access.rules[0].match.groups: is an empty list") == 0);
  CHECK(LinesOf(text.output)[1].find("error: " + file + ":4: access.rules[1].name: ") == 0);
  const CommandResult json = Run({"policy", "check", file, "--json"});
  CHECK(json.code == 1);
  const Json report = Json::parse(json.output);
  CHECK(report["valid"] == false);
  CHECK(report["errors"].size() == 2);
}

TEST_CASE("policy check says what is odd, and with --strict that is as bad as an error") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml",
                                       "access:\n  rules:\n    - {name: all, action: allow}\n"
                                       "    - {name: late, match: {groups: [x]}, action: deny}\n");
  const CommandResult text = Run({"policy", "check", file});
  CHECK(text.code == 0);
  REQUIRE(LinesOf(text.output).size() == 2);
  CHECK(LinesOf(text.output)[0] ==
        "warning: " + file +
            ":4: rule \"late\": no call reaches this rule: \"all\" on line 3 matches every call "
            "that it matches, and comes first");
  CHECK(Contains(text.output, ", 2 rules, 0 limits, denies by default; no errors, 1 warning"));
  CHECK(Run({"policy", "check", file, "--strict"}).code == 1);
  const Json report = Json::parse(Run({"policy", "check", file, "--json"}).output);
  CHECK(report["valid"] == true);
  CHECK(report["rules"] == 2);
  CHECK(report["default"] == "deny");
  CHECK(report["version"].get<std::string>().size() == 16);
  CHECK(report["warnings"] == Json::array({{{"file", file},
                                            {"line", 4},
                                            {"rule", "late"},
                                            {"text",
                                             "no call reaches this rule: \"all\" on line 3 matches every call that it "
                                             "matches, and comes first"}}}));
}

TEST_CASE("a policy file that is not there is not wrong but missing") {
  const PolicyFiles files;
  const std::string missing = files.Path("missing.yaml");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"policy", "check", missing},
                                             {"policy", "explain", missing, "--method", "a.B/C"},
                                             {"policy", "test", missing},
                                             {"policy", "dry-run", missing}}) {
    const CommandResult result = Run(arguments);
    CHECK(result.code == 3);
    CHECK(Contains(result.errors, missing));
    CHECK(result.output.empty());
  }
}

TEST_CASE("policy explain tells every rule up to the one that decides, and why not those before it") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", kPolicy);
  const CommandResult allowed = Run({"policy", "explain", file, "--identity", "alice", "--groups", "staff,dev",
                                     "--method", "shop.Orders/Get", "--peer", "10.1.2.3"});
  CHECK(allowed.code == 0);
  CHECK(allowed.output ==
        "line 3  no deletes (deny): does not match\n"
        "    methods: method shop.Orders/Get matches none of: */Delete*\n"
        "line 6  soon (deny, in shadow): matches\n"
        "line 7  developers (allow): matches\n"
        "ALLOWED by rule \"developers\" (line 7)\n"
        "noted as one that would be denied by: soon\n"
        "counts under limits: each caller\n");
  const CommandResult denied =
      Run({"policy", "explain", file, "--method", "/shop.Orders/Get", "--peer", "2001:db8::1"});
  CHECK(denied.code == 1);
  CHECK(Contains(denied.output, "    networks: peer ipv6:[2001:db8::1]:0 is in none of: 10.0.0.0/8\n"));
  CHECK(Contains(denied.output, "    groups: the caller is in no group; asked for: dev\n"));
  CHECK(Contains(denied.output, "DENIED by default\n"));
}

TEST_CASE("policy explain tells which masks and content rules apply") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", R"(
access: {default: allow}
masks:
  - {name: cards, match: {groups: [support]}, fields: [shop.Order.card_number], with: last4, views: [record, caller]}
  - {name: other, match: {groups: [nobody]}, fields: [shop.Order.card_number]}
content:
  - {name: no keys, detect: [pem_private_key]}
)");
  const CommandResult text =
      Run({"policy", "explain", file, "--identity", "a", "--groups", "support", "--method", "shop.Orders/Get"});
  CHECK(text.code == 0);
  CHECK(Contains(text.output, "line 4  mask cards: last4, in the view of: record, caller\nlooked into by: no keys\n"));
  const Json report = Json::parse(Run({"policy", "explain", file, "--identity", "a", "--groups", "support", "--method",
                                       "shop.Orders/Get", "--json"})
                                      .output);
  CHECK(report["masks"] == Json::array({{{"mask", "cards"},
                                         {"line", 4},
                                         {"with", "last4"},
                                         {"views", Json::array({"record", "caller"})},
                                         {"readers", nullptr}}}));
  CHECK(report["content"] == Json::array({"no keys"}));
}

TEST_CASE("policy check says whose groups are meant, given the configuration") {
  const PolicyFiles files;
  const std::string file =
      files.Write("p.yaml", "access: {rules: [{name: sre, match: {groups: [sre]}, action: allow}]}\n");
  const std::string config =
      files.Write("sallyport.yaml", "identity: {oidc: [{issuer: \"https://a\"}], api_keys: {file: keys}}\n");
  CHECK(Run({"policy", "check", file, "--strict"}).code == 0);
  const CommandResult found = Run({"policy", "check", file, "--config", config, "--strict"});
  CHECK(found.code == 1);
  CHECK(Contains(found.output, "rule \"sre\": names groups without issuers, so whichever of https://a, api-keys"));
  CHECK(Run({"policy", "check", file, "--config", files.Path("none")}).code == 3);
}

TEST_CASE("policy check tells all that is wrong with all files in one go") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", "acess: {}\nlimits: [{name: a}]\n");
  const std::string config = files.Write(
      "sallyport.yaml", "upstreams: {a: {taget: \"a:1\"}}\ndescriptors:\n- {file: " + files.Path("none") + "}\n");
  const std::string set = files.Write("set", "no set");
  const CommandResult found = Run({"policy", "check", file, "--config", config, "--descriptors", set});
  CAPTURE(found.output, found.errors);
  CHECK(found.code == 1);
  CHECK(Contains(found.output, "p.yaml:1: acess: unknown key"));
  CHECK(Contains(found.output, "p.yaml:2: limits[0]: limits nothing"));
  CHECK(Contains(found.output, "sallyport.yaml:1: upstreams.a.taget: unknown key"));
  CHECK(Contains(found.output, "sallyport.yaml:3: descriptors[0].file: " + files.Path("none") + ": "));
  CHECK(Contains(found.output, set + ": not a descriptor set"));
  CHECK(Json::parse(Run({"policy", "check", file, "--config", config, "--descriptors", set, "--json"}).output)["errors"]
            .size() == 5);
}

TEST_CASE("policy check tells upstreams that the configuration has not, and sources that are left out") {
  const PolicyFiles files;
  const std::string file = files.Write(
      "p.yaml", "access: {default: allow, rules: [{name: one, match: {upstreams: [shopp]}, action: deny}]}\n");
  std::filesystem::create_directory(files.Path("protos"));
  files.Write("protos/good.proto",
              "syntax = \"proto3\"; package shop; message Good {} service S { rpc M(Good) returns (Good); }");
  files.Write("protos/bad.proto", "syntax = \"proto3\"; message {}");
  const std::string config = files.Write(
      "sallyport.yaml", "upstreams: {shop: {target: \"a:1\"}}\ndescriptors:\n- file: " + files.Path("protos") + "\n");
  const CommandResult found = Run({"policy", "check", file, "--config", config});
  CAPTURE(found.output, found.errors);
  CHECK(found.code == 0);
  CHECK(
      Contains(found.output, "rule \"one\": no upstream is meant by \"shopp\" (did you mean \"shop\"?) in " + config));
  CHECK(Contains(found.output,
                 "warning: " + config + ":3: descriptors[0].file: left out: " + files.Path("protos/bad.proto:1:")));
  CHECK(Run({"policy", "check", file, "--config", config, "--strict"}).code == 1);
}

TEST_CASE("policy check says which fields are not there, given descriptors") {
  const PolicyFiles files;
  const std::string set = files.Write("shop.binpb", policy::ShopSet().SerializeAsString());
  files.Write("protos.yaml", "");
  const std::string file = files.Write("p.yaml", R"(
access: {default: allow}
masks:
  - {name: fine, fields: [shop.Order.card_number, "*.card_number", "shop.Order.next.**.card_number"]}
  - {name: odd, fields: [shop.Order.card_numer, "*.card_number"], classes: [pii], options: [acme.v1.pii]}
content:
  - {name: also, fields: [{field: "shop.Ordr.**"}]}
)");
  CHECK(LinesOf(Run({"policy", "check", file, "--strict"}).output).size() == 1);
  const CommandResult result = Run({"policy", "check", file, "--strict", "--descriptors", set});
  CHECK(result.code == 1);
  const std::vector<std::string> lines = LinesOf(result.output);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "warning: " + file +
                        ":5: rule \"odd\": no field is meant by \"shop.Order.card_numer\" (did you mean "
                        "\"shop.Order.card_number\"?) in the descriptors known");
  CHECK(Contains(lines[1], "no field has a class like \"pii\""));
  CHECK(Contains(lines[2], "no field has the option \"acme.v1.pii\""));
  CHECK(Contains(lines[3], ":7: rule \"also\": no field is meant by \"shop.Ordr.**\""));
  CHECK(Run({"policy", "check", file, "--descriptors", files.Path("missing.binpb")}).code == 3);
}

TEST_CASE("policy explain gives the same to programs") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", kPolicy);
  const CommandResult result =
      Run({"policy", "explain", file, "--identity", "alice", "--method", "shop.Orders/DeleteAll", "--json"});
  CHECK(result.code == 1);
  const Json report = Json::parse(result.output);
  CHECK(report["allowed"] == false);
  CHECK(report["rule"] == "no deletes");
  CHECK(report["shadow_denied"] == Json::array());
  CHECK(report["limits"] == Json::array({"each caller"}));
  CHECK(report["rules"] == Json::array({{{"rule", "no deletes"},
                                         {"line", 3},
                                         {"action", "deny"},
                                         {"shadow", false},
                                         {"matches", true},
                                         {"mismatches", Json::array()}}}));
}

TEST_CASE("policy explain takes every part of a call") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", R"(access: {rules: [{name: it, action: allow, match: {
    identities: [alice], issuers: ["https://i"], groups: [b], all_proofs: [jwt, mtls], methods: ["a.B/*"], upstreams: [u],
    metadata: {t: "x=y", n-bin: "hello"}, networks: [unix], times: [{days: [sat], from: "23:00"}]}}]})");
  const std::vector<std::string> whole = {"policy",     "explain",
                                          file,         "--identity",
                                          "alice",      "--issuer",
                                          "https://i",  "--groups",
                                          "a",          "b",
                                          "--proof",    "jwt",
                                          "--proof",    "mtls",
                                          "--method",   "a.B/C",
                                          "--upstream", "u",
                                          "--peer",     "unix",
                                          "--metadata", "t=x=y",
                                          "--metadata", "n-bin=aGVsbG8=",
                                          "--at",       "2026-01-03T23:30"};
  const CommandResult result = Run(whole);
  CAPTURE(result.output, result.errors);
  CHECK(result.code == 0);
  // Without any one of them it is another call.
  for (size_t at = 3; at + 1 < whole.size(); ++at) {
    if (whole[at].substr(0, 2) != "--" || whole[at] == "--method" || whole[at] == "--at") continue;
    std::vector<std::string> part = whole;
    const size_t values = whole[at] == "--groups" ? 2 : 1;
    part.erase(part.begin() + static_cast<ptrdiff_t>(at), part.begin() + static_cast<ptrdiff_t>(at + 1 + values));
    CAPTURE(whole[at]);
    CHECK(Run(part).code == 1);
  }
}

TEST_CASE("a call that cannot be read is wrong usage") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", kPolicy);
  struct Wrong {
    std::vector<std::string> arguments;
    std::string told;
  };
  const Wrong wrong = GENERATE(values<Wrong>({
      {{}, "--method is required"},
      {{"--method", "shop.Orders"}, "--method: \"shop.Orders\" is not of the form package.Service/Method"},
      {{"--method", "a.B/C", "--proof", "saml"}, "--proof: \"saml\" is not one of jwt, mtls, api_key, local"},
      {{"--method", "a.B/C", "--proof", "none", "--identity", "x"}, "--proof: none goes with neither"},
      {{"--method", "a.B/C", "--proof", "none,jwt", "--identity", "x"}, "--proof: none does not go with others"},
      {{"--method", "a.B/C", "--peer", "localhost"}, "--peer: \"localhost\" is not an address"},
      {{"--method", "a.B/C", "--metadata", "x"}, "is not of the form name=value"},
      {{"--method", "a.B/C", "--at", "noon"}, "--at: \"noon\" is not a point in time"},
  }));
  std::vector<std::string> arguments = {"policy", "explain", file};
  arguments.insert(arguments.end(), wrong.arguments.begin(), wrong.arguments.end());
  const CommandResult result = Run(arguments);
  CAPTURE(result.errors);
  CHECK(result.code == 2);
  CHECK(Contains(result.errors, wrong.told));
  CHECK(result.output.empty());
}

TEST_CASE("policy test runs cases and exits with 1 if one does not come out") {
  const PolicyFiles files;
  files.Write("p.yaml", kPolicy);
  const std::string good = files.Write("good.yaml", R"(policy: p.yaml
cases:
  - {name: developers get, identity: alice, groups: dev, method: shop.Orders/Get, expect: allow, rule: developers}
  - {name: nobody deletes, identity: alice, groups: [dev], method: shop.Orders/DeleteAll, expect: deny, rule: no deletes}
  - {name: noted, identity: a, groups: [dev], method: shop.Orders/Get, peer: 10.0.0.1, expect: allow, shadow: [soon]}
  - {name: strangers, method: shop.Orders/Get, expect: deny, rule: default}
)");
  const CommandResult fine = Run({"policy", "test", good});
  CAPTURE(fine.output, fine.errors);
  CHECK(fine.code == 0);
  CHECK(LinesOf(fine.output).back() == "4 of 4 cases as expected");
  const std::string bad = files.Write("bad.yaml", R"(policy: p.yaml
cases:
  - {name: developers get, identity: alice, groups: dev, method: shop.Orders/Get, expect: deny}
  - {name: other rule, identity: alice, groups: dev, method: shop.Orders/Get, expect: allow, rule: no deletes}
  - {name: not noted, identity: alice, groups: dev, method: shop.Orders/Get, expect: allow, shadow: soon}
)");
  const CommandResult failed = Run({"policy", "test", bad});
  CHECK(failed.code == 1);
  CHECK(Contains(failed.output, "FAILED  developers get (" + bad +
                                    ":3)\n        expected deny, but it is allowed by rule "
                                    "\"developers\" (line 7)\n"));
  CHECK(Contains(failed.output,
                 "        expected rule \"no deletes\" to decide, but rule \"developers\" (line 7) does\n"));
  CHECK(Contains(failed.output, "        expected soon in shadow, found none\n"));
  CHECK(Contains(failed.output, "no case reaches: no deletes, soon\n0 of 3 cases as expected\n"));
  const CommandResult json = Run({"policy", "test", bad, "--json"});
  CHECK(json.code == 1);
  const Json report = Json::parse(json.output);
  CHECK(report["passed"] == 0);
  CHECK(report["failed"] == 3);
  CHECK(report["cases"][0]["line"] == 3);
  CHECK(report["cases"][0]["rule"] == "developers");
  CHECK(report["untested_rules"] == Json::array({"no deletes", "soon"}));
  // Another policy can be held against the same cases.
  const std::string open = files.Write("open.yaml", "access: {default: allow}");
  CHECK(Contains(Run({"policy", "test", good, "--policy", open}).output, "0 of 4 cases as expected"));
}

TEST_CASE("cases that cannot be used are told with their line") {
  const PolicyFiles files;
  files.Write("p.yaml", kPolicy);
  struct Wrong {
    std::string text;
    std::string told;
  };
  const Wrong wrong = GENERATE(values<Wrong>({
      {"policy: p.yaml\ncases: []\n", "cases: there are none"},
      {"cases:\n- {name: a, method: a.B/C, expect: deny}\n", "policy: is missing"},
      {"policy: p.yaml\ncases:\n- {method: a.B/C, expect: deny}\n", ":3: cases[0].name: is missing"},
      {"policy: p.yaml\ncases:\n- {name: a, method: a.B/C}\n", ":3: cases[0].expect: is missing: allow or deny"},
      {"policy: p.yaml\ncases:\n- {name: a, expect: deny}\n", ":3: cases[0]: method: \"\" is not of the form"},
      {"policy: p.yaml\ncases:\n- {name: a, metod: a.B/C}\n",
       ":3: cases[0].metod: unknown key; did you mean \"method\"?"},
      {"policy: p.yaml\ncases:\n- {name: a, method: a.B/C, expect: maybe}\n", "unknown value \"maybe\""},
      {"policy: p.yaml\ncases:\n- {name: a, method: a.B/C, expect: deny, peer: x}\n",
       ":3: cases[0]: peer: \"x\" is not"},
  }));
  const CommandResult result = Run({"policy", "test", files.Write("t.yaml", wrong.text)});
  CAPTURE(result.errors);
  CHECK(result.code == 2);
  CHECK(Contains(result.errors, wrong.told));
}

TEST_CASE("nothing that a policy or a record says acts on a terminal") {
  ShopStore store;
  const PolicyFiles files;
  AddCall(store, absl::ZeroDuration(), "a\x1b[2Jb", {}, "/shop.Orders/Get");
  const std::string file =
      files.Write("p.yaml", "access: {rules: [{name: a, match: {groups: [\"\\e[2J\"]}, action: allow}]}");
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"policy", "check", file},
           {"policy", "explain", file, "--method", "a.B/C", "--groups", "\x1b[1m"},
           {"policy", "explain", file, "--method", "a.B/C", "--groups", "\x1b[1m", "--json"},
           {"policy", "dry-run", file, "--data", store.data()},
           {"policy", "dry-run", file, "--data", store.data(), "--json"}}) {
    const CommandResult result = Run(arguments);
    CHECK(result.code <= 1);
    CHECK_FALSE(Contains(result.output + result.errors, "\x1b"));
  }
}

TEST_CASE("the example policy is without errors or warnings, and all its cases come out") {
  const std::string examples = std::string(SALLYPORT_SOURCE_DIRECTORY) + "/deploy/examples/";
  const CommandResult check = Run({"policy", "check", "--strict", examples + "policy.yaml"});
  CAPTURE(check.output, check.errors);
  CHECK(check.code == 0);
  const CommandResult test = Run({"policy", "test", examples + "policy_test.yaml"});
  CAPTURE(test.output, test.errors);
  CHECK(test.code == 0);
  CHECK_FALSE(Contains(test.output, "no case reaches"));
}

}  // namespace
}  // namespace sallyport::replay
