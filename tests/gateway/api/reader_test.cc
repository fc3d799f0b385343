#include "gateway/api/reader.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

namespace sallyport::gateway {
namespace {

constexpr char kPolicy[] = R"(
access: {default: allow}
roles:
  - {name: auditors, match: {groups: [audit]}, role: auditor}
  - {name: pay team, match: {groups: [payments]}, role: investigator, calls: {methods: ["pay.*"]}}
  - {name: watchers, match: {groups: [watch]}, role: investigator, calls: {methods: ["sallyport.v1.Audit/*"]}}
  - {name: all, match: {proofs: [jwt]}, role: caller}
  - {name: platform, match: {groups: [sre]}, role: operator}
  - {name: everybody, role: caller}
  - {name: open, match: {proofs: [none]}, role: investigator, calls: {methods: ["open.*"]}}
)";

std::shared_ptr<const policy::Policy> ThePolicy() {
  auto policy = policy::Policy::Parse(kPolicy, "policy.yaml");
  INFO(policy.status().ToString());
  REQUIRE(policy.ok());
  return *policy;
}

Caller CallerWith(ProofKind kind, const std::vector<std::string>& groups) {
  auto proof = std::make_shared<ProvedIdentity>();
  proof->kind = kind;
  proof->issuer = "https://idp";
  proof->subject = "ann";
  proof->groups = groups;
  Caller caller;
  caller.proofs.push_back(std::move(proof));
  return caller;
}

Reader Read(const Caller& caller) {
  return ReaderOf(caller, ThePolicy().get(), "/sallyport.v1.Audit/SearchCalls", "ipv4:10.0.0.1:1",
                  absl::FromUnixSeconds(1'767'614'400));
}

TEST_CASE("an auditor sees everything") {
  const Reader reader = Read(CallerWith(ProofKind::kApiKey, {"audit"}));
  CHECK(reader.identity == "https://idp#ann");
  CHECK(reader.auditor());
  REQUIRE(reader.Scope().parts.size() == 2);
  CHECK(reader.Scope().parts[0].everything());
  CHECK(reader.RoleNames() == std::vector<std::string>{"auditors", "everybody"});
}

TEST_CASE("an investigator sees what its role names, and no looks unless it names them") {
  const Reader pay = Read(CallerWith(ProofKind::kApiKey, {"payments"}));
  const recorder::CallScope scope = pay.Scope();
  REQUIRE(scope.parts.size() == 2);
  CHECK(scope.parts[0].methods == std::vector<std::string>{"pay.*"});
  CHECK(scope.parts[0].but_methods == std::vector<std::string>{"sallyport.v1.*"});
  CHECK_FALSE(scope.parts[0].own.has_value());
  CHECK_FALSE(pay.auditor());
  const Reader watch = Read(CallerWith(ProofKind::kApiKey, {"watch"}));
  CHECK(watch.Scope().parts[0].but_methods.empty());
}

TEST_CASE("a caller sees what stands under its own identity") {
  const Reader reader = Read(CallerWith(ProofKind::kJwt, {}));
  REQUIRE(reader.Scope().parts.size() == 2);
  for (const recorder::CallScope::Part& part : reader.Scope().parts) CHECK(part.own == "https://idp#ann");
  CHECK(reader.ScopeKinds().size() == 2);
}

TEST_CASE("an operator sees no calls") {
  auto policy = policy::Policy::Parse("access: {default: allow}\nroles: [{name: sre, role: operator}]\n", "p");
  REQUIRE(policy.ok());
  const Reader reader = ReaderOf(CallerWith(ProofKind::kJwt, {}), policy->get(), "/x/Y", "unix:", absl::Now());
  CHECK(reader.operates());
  CHECK_FALSE(reader.SeesCalls());
  CHECK(reader.Scope().parts.empty());
}

TEST_CASE("whoever proves nothing has such roles alone that say so, and no calls of its own") {
  const Reader reader = Read(Caller());
  CHECK(reader.identity == "anonymous");
  REQUIRE(reader.roles.size() == 1);
  CHECK(reader.roles[0].name == "open");
  REQUIRE(reader.Scope().parts.size() == 1);
  CHECK_FALSE(reader.Scope().parts[0].own.has_value());
  const Reader nobody = ReaderOf(Caller(), nullptr, "/x/Y", "unix:", absl::Now());
  CHECK(nobody.roles.empty());
}

TEST_CASE("the machine's own user is auditor, approver and operator without a policy") {
  Caller caller = CallerWith(ProofKind::kLocal, {});
  const Reader reader = ReaderOf(caller, nullptr, "/x/Y", "unix:", absl::Now());
  CHECK(reader.auditor());
  CHECK(reader.operates());
  CHECK(reader.Has(policy::RoleKind::kApprover));
  CHECK(reader.RoleNames() == std::vector<std::string>{kLocalRole});
}

}  // namespace
}  // namespace sallyport::gateway
