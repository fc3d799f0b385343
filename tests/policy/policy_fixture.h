// What tests of policies share.
#ifndef SALLYPORT_TESTS_POLICY_POLICY_FIXTURE_H_
#define SALLYPORT_TESTS_POLICY_POLICY_FIXTURE_H_

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "policy/policy.h"
#include "tests/policy/made_policy.h"

namespace sallyport::policy {

inline std::shared_ptr<const Policy> Parsed(const std::string& text) {
  auto policy = Policy::Parse(text, "policy.yaml");
  INFO(policy.status().message());
  REQUIRE(policy.ok());
  return *std::move(policy);
}

// What is said to be wrong with the text.
inline std::string FaultOf(const std::string& text) {
  const auto policy = Policy::Parse(text, "policy.yaml");
  REQUIRE(policy.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(policy.status().message());
}

// 2026-01-05T10:00:00Z, a Monday.
inline absl::Time MondayAtTen() { return absl::FromUnixSeconds(1'767'607'200); }

// Alice, in the group dev, who calls etcdserverpb.KV/Range with a token.
inline MadeCall AliceReads() {
  MadeCall call;
  call.proofs = {v1::PROOF_JWT};
  call.subject = "alice";
  call.issuer = "https://idp.example";
  call.groups = {"staff", "dev"};
  call.method = "/etcdserverpb.KV/Range";
  call.upstream = "etcd";
  call.peer = "ipv4:10.1.2.3:51514";
  call.now = MondayAtTen();
  call.metadata = {{"user-agent", "grpc-go/1.50"}, {"tenant", "eu-1"}};
  return call;
}

inline MadeCall AnonymousReads() {
  MadeCall call = AliceReads();
  call.proofs = {};
  call.subject = call.issuer = "";
  call.groups = {};
  return call;
}

inline AccessDecision Decide(const std::shared_ptr<const Policy>& policy, const MadeCall& call) {
  return policy->Decide(call.request());
}

// Whether a rule with these conditions, as flow YAML such as "groups: [dev]", matches the call.
inline bool MatchesCall(const std::string& conditions, const MadeCall& call) {
  const auto policy = Parsed("access: {rules: [{name: it, match: {" + conditions + "}, action: allow}]}");
  const bool explained = policy->Explain(call.request()).front().mismatches.empty();
  const bool decided = Decide(policy, call).allowed;
  REQUIRE(explained == decided);
  return decided;
}

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_POLICY_FIXTURE_H_
