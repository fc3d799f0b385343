// What a policy file may say, and what is told about one that is wrong.
#include <catch2/catch.hpp>

#include "absl/strings/str_replace.h"
#include "policy/content_hash.h"
#include "tests/policy/policy_fixture.h"

namespace sallyport::policy {
namespace {

// The fault of a policy with one rule whose match is this.
std::string MatchFault(const std::string& conditions) {
  const std::string fault =
      FaultOf("access:\n  rules:\n  - name: it\n    action: allow\n    match: {" + conditions + "}\n");
  const std::string place = "policy.yaml:5: access.rules[0].match";
  INFO(fault);
  REQUIRE(fault.starts_with(place));
  return fault.substr(place.size());
}

TEST_CASE("a version is the beginning of the hash of the file's bytes") {
  const std::string text = "access: {default: allow}\n";
  CHECK(Parsed(text)->version() == ContentHash(text).substr(0, 16));
  CHECK(Parsed(text)->version() != Parsed(text + "\n")->version());
}

TEST_CASE("faults name file, line and key, all of them at once") {
  CHECK(FaultOf("acess: {}") == "policy.yaml:1: acess: unknown key; did you mean \"access\"?");
  CHECK(FaultOf("access:\n  rules:\n  - name: a\n    action: alow\n") ==
        "policy.yaml:4: access.rules[0].action: unknown value \"alow\"; did you mean \"allow\"?");
  CHECK(
      FaultOf("access:\n  rules:\n  - {name: a}\n  - {action: deny}\n  - {name: a, action: allow, shadow: true}\n") ==
      "policy.yaml:3: access.rules[0].action: is missing: allow or deny\n"
      "policy.yaml:4: access.rules[1].name: is missing: callers that it refuses are told it, and the record names it\n"
      "policy.yaml:5: access.rules[2].name: \"a\" is the name of access.rules[0] too, on line 3: choose another\n"
      "policy.yaml:5: access.rules[2].shadow: goes with deny: it notes what would have been refused");
  std::string many = "access:\n  rules:\n";
  for (int i = 0; i < 30; ++i) many += "  - {action: deny}\n";
  const std::string faults = FaultOf(many);
  CHECK(std::count(faults.begin(), faults.end(), '\n') == 20);
  CHECK(faults.ends_with("policy.yaml: and 10 more"));
}

TEST_CASE("faults of form do not hide those of meaning, and make up none") {
  struct Both {
    std::string text;
    std::string told;  // without the file's name
  };
  const auto both = GENERATE(values<Both>({
      {"acess: {}\nlimits: [{name: a}]\n",
       "1: acess: unknown key; did you mean \"access\"?\n2: limits[0]: limits nothing: give calls_per_second, "
       "open_calls "
       "or bytes_per_second"},
      {"access:\n  rules:\n  - {name: a, action: alow, shadow: true}\n  - {action: deny}\n",
       "3: access.rules[0].action: unknown value \"alow\"; did you mean \"allow\"?\n4: access.rules[1].name: is "
       "missing: "
       "callers that it refuses are told it, and the record names it"},
      {"access: {rules: [{name: a, action: deny, match: {proofs: [jwtt], groups: []}}]}\n",
       "1: access.rules[0].match.proofs[0]: unknown value \"jwtt\"; did you mean \"jwt\"?\n"
       "1: access.rules[0].match.groups: is an empty list, which no call would match: name something, or remove the "
       "key "
       "to match every call"},
      {"access: {rules: [{nam: a, action: deny}]}\n", "1: access.rules[0].nam: unknown key; did you mean \"name\"?"},
      {"limits: [{name: a, calls_per_secnd: 5, burst: 3}]\n",
       "1: limits[0].calls_per_secnd: unknown key; did you mean \"calls_per_second\"?"},
      {"detectrs: [{name: own, pattern: x}]\nmasks: [{name: a, detect: [own]}, {name: a, detect: [ssn]}]\n",
       "1: detectrs: unknown key; did you mean \"detectors\"?\n2: masks[1].name: "},
      {"detectors: [{name: own, pattern: \"(\"}]\nmasks: [{name: a, detect: [own]}]\n", "1: detectors[0].pattern: "},
      {"masks: [{name: a, fields: [\"*.b\"], with: truncat, length: 3}]\n",
       "1: masks[0].with: unknown value \"truncat\"; did you mean \"truncate\"?"},
  }));
  std::string faults = absl::StrReplaceAll(FaultOf(both.text), {{"policy.yaml:", ""}});
  CAPTURE(both.text, faults);
  CHECK(faults.starts_with(both.told));
  CHECK(std::count(faults.begin(), faults.end(), '\n') == std::count(both.told.begin(), both.told.end(), '\n'));
}

TEST_CASE("names are plain, short and not taken") {
  const auto fault = [](const std::string& name) {
    return FaultOf("access: {rules: [{name: " + name + ", action: deny}]}");
  };
  CHECK(fault("default").find("stands for what no rule decides") != std::string::npos);
  CHECK(fault("\"caf\xc3\xa9\"").find("is no name") != std::string::npos);
  CHECK(fault("\"a\\nb\"").find("is no name") != std::string::npos);
  CHECK(fault("' a'").find("is no name") != std::string::npos);
  CHECK(fault(std::string(65, 'x')).find("is no name") != std::string::npos);
  CHECK(Parsed("access: {rules: [{name: " + std::string(64, 'x') + ", action: deny}]}") != nullptr);
  CHECK(Parsed("access: {rules: [{name: 'No deletes, at night', action: deny}]}") != nullptr);
}

TEST_CASE("an empty list is a fault: it reads as nobody and would mean everybody") {
  for (const char* condition : {"identities", "groups", "issuers", "proofs", "all_proofs", "methods", "upstreams",
                                "networks", "times", "except"}) {
    CAPTURE(condition);
    CHECK(MatchFault(std::string(condition) + ": []").find(" is an empty list") != std::string::npos);
  }
  CHECK(MatchFault("metadata: {}").find(" is an empty list") != std::string::npos);
  CHECK(MatchFault("all_metadata: {}").find(" is an empty list") != std::string::npos);
  CHECK(MatchFault("times: [{days: []}]").find("times[0].days: is an empty list") != std::string::npos);
  CHECK(MatchFault("except: [{}]") == ".except[0]: leaves every call out: give it a condition, or remove it");
  CHECK(MatchFault("except: [{groups: []}]").find("except[0].groups: is an empty list") != std::string::npos);
  // A match without conditions is every call, as none at all is.
  CHECK(Decide(Parsed("access: {rules: [{name: a, match: {}, action: allow}]}"), AliceReads()).allowed);
  CHECK(Decide(Parsed("access: {rules: [{name: a, action: allow}]}"), AliceReads()).allowed);
}

TEST_CASE("conditions that could not be meant are faults") {
  CHECK(MatchFault("groups: ['']") == ".groups[0]: is empty: give a text or a glob");
  CHECK(MatchFault("groups: [" + std::string(1025, 'x') + "]") == ".groups[0]: is longer than 1024 bytes");
  CHECK(MatchFault("methods: [etcdserverpb.KV]") ==
        ".methods[0]: \"etcdserverpb.KV\" matches no method, for a slash stands before a method's own name: write "
        "\"etcdserverpb/KV\", or "
        "\"etcdserverpb.KV/*\" for all methods of a service");
  CHECK(MatchFault("networks: [10.0.0.1/8]") ==
        ".networks[0]: \"10.0.0.1/8\" has bits set beyond the first 8: write the network's own address, or a longer "
        "prefix");
  CHECK(MatchFault("networks: [localhost]").find("is not a network: write 10.0.0.0/8") != std::string::npos);
  CHECK(MatchFault("networks: [10.0.0.0/33]").find("longer than the 32 bits") != std::string::npos);
  CHECK(MatchFault("metadata: {Tenant: x}").find("is no name of metadata: those have a-z") != std::string::npos);
  for (const char* name : {"authorization", "proxy-authorization", "cookie", "set-cookie"}) {
    for (const char* kind : {"metadata", "all_metadata"}) {
      for (const char* ending : {"", "-bin"}) {
        CAPTURE(name, kind, ending);
        CHECK(MatchFault(std::string(kind) + ": {" + name + ending + ": x}").find("holds credentials") !=
              std::string::npos);
      }
    }
  }
  CHECK_NOTHROW(Parsed("access: {rules: [{name: a, match: {metadata: {x-authorization: x}}, action: allow}]}"));
  CHECK(MatchFault("all_proofs: [none, jwt]").find("none cannot be shown together") != std::string::npos);
  CHECK(MatchFault("proofs: [saml]").find("unknown value \"saml\"; expected one of: none, jwt, mtls, api_key") !=
        std::string::npos);
  CHECK(MatchFault("except: {groups: [x]}") == ".except: expected a list, found a map");
  CHECK(MatchFault("except: [{groups: [x], except: [{groups: [y]}]}]").find("cannot stand in an except") !=
        std::string::npos);
}

TEST_CASE("times that could not be meant are faults") {
  CHECK(MatchFault("times: [{from: '8:30'}]") ==
        ".times[0].from: \"8:30\" is not a time of day: write such as \"08:30\"");
  CHECK(MatchFault("times: [{to: '24:01'}]").find("is not a time of day") != std::string::npos);
  CHECK(MatchFault("times: [{from: '08:00', to: '08:00'}]").find("begins and ends at the same time") !=
        std::string::npos);
  CHECK(MatchFault("times: [{from: '24:00', to: '08:00'}]").find("begin at \"00:00\"") != std::string::npos);
  CHECK(MatchFault("times: [{days: [monday]}]").find("unknown value \"monday\"") != std::string::npos);
  for (const char* zone : {"Mars/Olympus", "../../etc/passwd", "/etc/passwd", "file:/etc/passwd", "Europe", "''"}) {
    CAPTURE(zone);
    if (std::string(zone) == "''") continue;  // as if it were not there: UTC
    CHECK(MatchFault("times: [{zone: '" + std::string(zone) + "'}]").find("time zone database") != std::string::npos);
  }
}

TEST_CASE("limits say what they limit, within bounds") {
  const auto fault = [](const std::string& limit) { return FaultOf("limits:\n- {" + limit + "}\n"); };
  CHECK(fault("name: a") ==
        "policy.yaml:2: limits[0]: limits nothing: give calls_per_second, open_calls or bytes_per_second");
  CHECK(fault("calls_per_second: 5").find("limits[0].name: is missing") != std::string::npos);
  for (const char* rate : {"0", "-1", "1e7", "nan", "inf"}) {
    CAPTURE(rate);
    CHECK(fault("name: a, calls_per_second: " + std::string(rate)).find("is not between 0 and 1000000") !=
          std::string::npos);
  }
  CHECK(fault("name: a, calls_per_second: 0.00001").find("less than one call a day") != std::string::npos);
  CHECK(fault("name: a, calls_per_second: 1, burst: 0").find("would let no call through") != std::string::npos);
  CHECK(fault("name: a, calls_per_second: 1, burst: 100000").find("longer than a day") != std::string::npos);
  CHECK(fault("name: a, open_calls: 5, burst: 3").find("goes with calls_per_second") != std::string::npos);
  CHECK(fault("name: a, open_calls: 0").find("is not between 1 and") != std::string::npos);
  CHECK(fault("name: a, bytes_per_second: 1").find("is not between 1KiB and 1TiB") != std::string::npos);
  CHECK(fault("name: a, bytes_per_second: fast").find("is not a size") != std::string::npos);
  CHECK(fault("name: a, open_calls: 5, per: []").find("is an empty list") != std::string::npos);
  CHECK(fault("name: a, open_calls: 5, match: {groups: []}").find("limits[0].match.groups") != std::string::npos);
  // At the bounds, and one step beyond.
  for (const char* within :
       {"calls_per_second: 1, burst: 86400", "calls_per_second: 1000000", "open_calls: 10000000",
        "bytes_per_second: 1KiB", "bytes_per_second: 1TiB", "calls_per_second: 0.5, burst: 43200"}) {
    CAPTURE(within);
    CHECK_NOTHROW(Parsed("limits:\n- {name: a, " + std::string(within) + "}\n"));
  }
  for (const char* beyond :
       {"calls_per_second: 1, burst: 86401", "calls_per_second: 1000001", "open_calls: 10000001",
        "bytes_per_second: 1023", "bytes_per_second: 1025GiB", "calls_per_second: 0.5, burst: 43201"}) {
    CAPTURE(beyond);
    CHECK_FALSE(fault("name: a, " + std::string(beyond)).empty());
  }
  const auto policy =
      Parsed("limits: [{name: a, per: [identity, method], calls_per_second: 0.5, bytes_per_second: 1MiB}]");
  REQUIRE(policy->limits().size() == 1);
  CHECK(policy->limits()[0].bytes_per_second == 1 << 20);
  CHECK_FALSE(policy->limits()[0].shadow);
  CHECK(Parsed("shadow: true\nlimits: [{name: a, open_calls: 1}]")->limits()[0].shadow);
}

TEST_CASE("a file that says nothing is refused: it is more likely cut short than meant") {
  for (const char* text : {"", "\n", "# access:\n", "---\n"}) {
    INFO(text);
    CHECK(FaultOf(text).find("policy.yaml: is empty. To refuse all calls say so") == 0);
  }
}

TEST_CASE("a file that cannot be read is named") {
  const auto policy = Policy::Load("/nonexistent/policy.yaml");
  CHECK(policy.status().code() == absl::StatusCode::kNotFound);
  CHECK(std::string(policy.status().message()).find("/nonexistent/policy.yaml") == 0);
}

}  // namespace
}  // namespace sallyport::policy
