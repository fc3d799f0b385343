// What `sallyport policy` says of roles, and of masks for readers.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/replay/cli/policy_files.h"

namespace sallyport::replay {
namespace {

using Json = nlohmann::json;

constexpr char kRoles[] = R"(access: {default: allow}
roles:
  - {name: auditors, match: {groups: [audit]}, role: auditor}
  - {name: shop team, match: {groups: [dev]}, role: investigator, calls: {methods: ["shop.*"]}}
masks:
  - {name: mails, detect: [email], views: [record, reader], readers: {roles: [investigator]}}
)";

TEST_CASE("policy explain says of a method of the API which roles somebody has, and why not the others") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", kRoles);
  const std::vector<std::string> arguments = {
      "policy", "explain", file, "--identity", "bob", "--groups", "dev", "--method", "sallyport.v1.Audit/SearchCalls"};
  const CommandResult text = Run(arguments);
  CHECK(text.code == 0);
  CHECK(text.output ==
        "line 3  auditors (auditor): does not match\n"
        "    groups: none of the caller's groups (dev) matches any of: audit\n"
        "line 4  shop team (investigator): matches, shows calls, methods: shop.*\n"
        "ALLOWED as shop team\n");
  const CommandResult nobody = Run({"policy", "explain", file, "--method", "sallyport.v1.Audit/GetCall", "--json"});
  CHECK(nobody.code == 1);
  const Json json = Json::parse(nobody.output);
  CHECK(json["allowed"] == false);
  CHECK(json["rule"] == "default");
  REQUIRE(json["roles"].size() == 2);
  CHECK(json["roles"][1]["name"] == "shop team");
  CHECK(json["roles"][1]["role"] == "investigator");
  CHECK(json["roles"][1]["matches"] == false);
}

TEST_CASE("policy explain says of other calls what the caller sees of the record, and from whom masks hide") {
  const PolicyFiles files;
  const std::string file = files.Write("p.yaml", kRoles);
  const CommandResult text =
      Run({"policy", "explain", file, "--identity", "bob", "--groups", "audit", "--method", "shop.Orders/Get"});
  CHECK(text.code == 0);
  CHECK(
      Contains(text.output, "mask mails: redact, in the view of: record, reader (readers with roles: investigator)\n"));
  CHECK(Contains(text.output, "of the record, sees: auditors\n"));
  const Json json = Json::parse(
      Run({"policy", "explain", file, "--identity", "eve", "--method", "shop.Orders/Get", "--json"}).output);
  CHECK(json["allowed"] == true);
  CHECK(json["masks"][0]["views"] == Json::array({"record", "reader"}));
  CHECK(json["masks"][0]["readers"]["roles"] == Json::array({"investigator"}));
  CHECK(json["roles"][0]["matches"] == false);
}

TEST_CASE("cases of policy test may expect roles, all of them, and none") {
  const PolicyFiles files;
  files.Write("p.yaml", kRoles);
  const auto run = [&](const std::string& cases) {
    return Run({"policy", "test", files.Write("cases.yaml", "policy: p.yaml\ncases:\n" + cases), "--json"});
  };
  const CommandResult right =
      run("  - {name: a, identity: a, groups: [audit, dev], method: sallyport.v1.Audit/GetCall, expect: allow,\n"
          "     roles: [auditors, shop team]}\n"
          "  - {name: b, identity: b, method: sallyport.v1.Audit/GetCall, expect: deny, roles: []}\n"
          "  - {name: c, identity: c, groups: [dev], method: shop.Orders/Get, expect: allow, roles: [shop team]}\n");
  CHECK(right.code == 0);
  CHECK(Json::parse(right.output)["untested_roles"] == Json::array());
  const CommandResult wrong =
      run("  - {name: a, identity: a, groups: [audit, dev], method: sallyport.v1.Audit/GetCall, expect: allow,\n"
          "     roles: [auditors]}\n"
          "  - {name: b, identity: b, groups: [audit], method: shop.Orders/Get, expect: allow, roles: []}\n"
          "  - {name: c, identity: c, method: sallyport.v1.Audit/GetCall, expect: allow}\n"
          "  - {name: d, identity: d, groups: [dev], method: sallyport.v1.Audit/GetCall, expect: deny}\n");
  CHECK(wrong.code == 1);
  const Json json = Json::parse(wrong.output);
  CHECK(json["failed"] == 4);
  CHECK(json["cases"][0]["problems"] == Json::array({"expected roles: auditors, found: auditors, shop team"}));
  CHECK(json["cases"][1]["problems"] == Json::array({"expected roles: none, found: auditors"}));
  CHECK(json["cases"][2]["problems"] == Json::array({"expected allow, but it is denied: no role"}));
  CHECK(json["cases"][3]["problems"] == Json::array({"expected deny, but it is allowed as shop team"}));
}

// Adds a look, as the gateway records it.
void AddLook(ShopStore& store, absl::Duration offset, const std::vector<std::string>& groups, v1::Proof proof) {
  recorder::EntryBatch batch = store.recorder().NewBatch(store.NewId(offset));
  recorder::CallStart start = store.Start("/sallyport.v1.Audit/GetCall");
  start.identity = {"https://idp.test", "bob", groups, proof};
  start.upstream = "sallyport";
  batch.AddStart(ShopTime() + offset, start);
  recorder::CallEnd end;
  end.reason = recorder::EndReason::kCompleted;
  batch.AddEnd(ShopTime() + offset, end);
  store.Append(std::move(batch));
}

TEST_CASE("policy dry-run asks roles about recorded looks, and no access rule") {
  ShopStore store;
  const PolicyFiles files;
  AddLook(store, absl::ZeroDuration(), {"audit"}, v1::PROOF_JWT);
  AddLook(store, absl::Seconds(1), {"former"}, v1::PROOF_JWT);
  AddLook(store, absl::Seconds(2), {}, v1::PROOF_LOCAL);
  store.Close();
  std::string policy = kRoles;
  policy.replace(policy.find("allow"), 5, "deny");
  const CommandResult result =
      Run({"policy", "dry-run", files.Write("p.yaml", policy), "--data", store.data(), "--json"});
  CHECK(result.code == 1);
  const Json json = Json::parse(result.output);
  CHECK(json["calls"] == 3);
  CHECK(json["would_deny"] == 1);
  CHECK(json["groups"][0]["rule"] == "default");
  CHECK(json["groups"][0]["method"] == "sallyport.v1.Audit/GetCall");
}

}  // namespace
}  // namespace sallyport::replay
