// Policy files: whatever is accepted decides every call, by the same rule that trying them one by one finds, and can be
// checked, explained and counted under limits.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "policy/limits.h"
#include "policy/policy.h"
#include "policy/policy_check.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

using policy::Policy;

struct Caller {
  std::vector<v1::Proof> proofs;
  const char* subject;
  std::vector<std::string> groups;
  const char* method;
  const char* peer;
};

const Caller kCallers[] = {
    {{v1::PROOF_JWT}, "alice", {"dev", "ops"}, "/a.B/Get", "ipv4:10.1.2.3:5"},
    {{v1::PROOF_MTLS, v1::PROOF_JWT}, "spiffe://a/b", {"team-1"}, "/a.v1.C/Delete", "ipv6:%5B2001:db8::7%5D:5"},
    {{}, "", {}, "/a.B/Get", "unix:"},
};

void CheckDecision(const Policy& policy, const policy::AccessRequest& request) {
  const policy::AccessDecision decision = policy.Decide(request);
  const std::vector<policy::RuleTrial> trials = policy.Explain(request);
  const bool decided =
      !trials.empty() && trials.back().mismatches.empty() && !policy.rules()[trials.back().rule].shadow;
  const std::string_view rule =
      decided ? std::string_view(policy.rules()[trials.back().rule].name) : policy::kDefaultRule;
  Require(decision.rule == rule, "the index decides as trying the rules one by one does");
  const bool allows = decided ? policy.rules()[trials.back().rule].allow : policy.allows_by_default();
  Require(decision.allowed == (allows || policy.shadow()), "a decision is its rule's");
}

}  // namespace

void FuzzPolicy(std::string_view input) {
  const auto policy = Policy::Parse(input, "policy.yaml");
  if (!policy.ok()) {
    Require(policy.status().code() == absl::StatusCode::kInvalidArgument,
            "a policy that is no good is a wrong argument");
    Require(policy.status().message().substr(0, 11) == "policy.yaml", "what is wrong has a place");
    return;
  }
  Require((*policy)->version().size() == 16, "every policy has a version");
  policy::CheckPolicy(**policy);
  const policy::Limits limits(*policy, nullptr, 64);
  for (const Caller& caller : kCallers) {
    const auto metadata = [](policy::MetadataVisitor visit) {
      visit("tenant", "eu-1");
      visit("tenant", "us-1");
    };
    policy::AccessRequest request(metadata);
    request.proofs = caller.proofs;
    request.subject = caller.subject;
    request.issuer = caller.subject[0] == '\0' ? "" : "https://idp.example";
    request.groups = caller.groups;
    request.method = caller.method;
    request.upstream = "u";
    request.peer = caller.peer;
    request.now = absl::FromUnixSeconds(1'767'607'200);
    CheckDecision(**policy, request);
    const policy::Admission admission = limits.Admit(request, request.now);
    Require(admission.admitted || admission.retry_after > absl::ZeroDuration(),
            "who is refused is told when to come back");
    admission.ticket.Charge(1 << 20, request.now);
  }
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzPolicy)
