#include "gateway/api/policies_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/format/entry_batch.h"
#include "recorder/system/file.h"
#include "replay/view/proto_time.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostPolicyBytes = size_t{64} << 20;

bool OperatesOrAudits(const Reader& reader) { return reader.operates() || reader.auditor(); }

// A line for each rule that was tried, and below it what does not hold.
std::string TrialText(const policy::Policy& policy, const policy::AccessRequest& request) {
  std::string text;
  for (const policy::RuleTrial& trial : policy.Explain(request)) {
    const policy::Rule& rule = policy.rules()[trial.rule];
    absl::StrAppend(&text, "line ", rule.line, "  ", rule.name, " (", rule.allow ? "allow" : "deny",
                    rule.shadow ? ", in shadow" : "", "): ", trial.mismatches.empty() ? "matches" : "does not match",
                    "\n");
    for (const policy::Mismatch& mismatch : trial.mismatches) {
      absl::StrAppend(&text, "    ", mismatch.condition, ": ", mismatch.reason, "\n");
    }
  }
  return text;
}

void AddNames(const policy::Policy& policy, const policy::AccessRequest& request, v1::ExplainResponse& answer) {
  for (const size_t limit : policy.LimitsOf(request)) answer.add_limits(policy.limits()[limit].name);
  const policy::RequestFacts facts(request);
  policy.mask_index().ForEachMatch(facts, [&](size_t number) {
    answer.add_masks(policy.masks()[number].name);
    return true;
  });
  policy.content_index().ForEachMatch(facts, [&](size_t number) {
    answer.add_content_rules(policy.content_rules()[number].name);
    return true;
  });
  if (const policy::RecordRule* rule = policy.RecordRuleOf(request); rule != nullptr) {
    answer.set_record_rule(rule->name);
  }
  for (const policy::RoleRule* role : policy.RolesOf(request)) answer.add_roles(role->name);
}

}  // namespace

absl::StatusOr<v1::ExplainResponse> ExplainCall(const policy::Policy& policy, const v1::ExplainRequest& asked,
                                                absl::Time now) {
  if (asked.method().empty()) return absl::InvalidArgumentError("method: give package.Service/Method");
  for (const auto& [name, value] : asked.metadata()) {
    if (name != absl::AsciiStrToLower(name)) {
      return absl::InvalidArgumentError("metadata: names are in lower case, as gRPC has them");
    }
  }
  const auto metadata = [&asked](policy::MetadataVisitor visit) {
    for (const auto& [name, value] : asked.metadata()) visit(name, value);
  };
  policy::AccessRequest request(metadata);
  const v1::Proof proof = asked.identity().proof();
  const std::vector<std::string> groups(asked.identity().groups().begin(), asked.identity().groups().end());
  if (proof != v1::PROOF_NONE) request.proofs = {&proof, 1};
  request.subject = asked.identity().subject();
  request.issuer = asked.identity().issuer();
  request.groups = groups;
  request.method = asked.method();
  request.upstream = asked.upstream();
  request.peer = asked.peer();
  request.now = asked.has_time() ? replay::ToTime(asked.time()) : now;
  const policy::AccessDecision decision = policy.Decide(request);
  v1::ExplainResponse answer;
  answer.set_allowed(decision.allowed);
  answer.set_rule(std::string(decision.rule));
  answer.set_text(recorder::ValidText(TrialText(policy, request)));
  AddNames(policy, request, answer);
  return answer;
}

absl::Status PoliciesService::Answer(const policy::Policy* in_force, v1::GetPolicyResponse* answer) const {
  for (const auto& [version, since] : hooks_.policies()) {
    v1::PolicyVersion& told = *answer->add_versions();
    told.set_version(version);
    replay::SetTime(since, told.mutable_since());
  }
  if (in_force == nullptr) return absl::OkStatus();
  if (answer->versions_size() > 0) *answer->mutable_in_force() = answer->versions(0);
  answer->mutable_in_force()->set_version(in_force->version());
  const std::string file = hooks_.policy_file();
  absl::StatusOr<std::string> text = recorder::ReadWholeFile(file, kMostPolicyBytes);
  if (!text.ok()) return absl::FailedPreconditionError("the policy's file cannot be read any more");
  const auto parsed = policy::Policy::Parse(*text, file);
  if (!parsed.ok() || (*parsed)->version() != in_force->version()) {
    return absl::FailedPreconditionError("the policy's file has changed, and what it says now is not in force");
  }
  answer->set_text(*std::move(text));
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* PoliciesService::GetPolicy(grpc::CallbackServerContext* context,
                                                     const v1::GetPolicyRequest* request,
                                                     v1::GetPolicyResponse* response) {
  return calls_->Answer<v1::GetPolicyRequest, v1::GetPolicyResponse>(
      context, "/sallyport.v1.Policies/GetPolicy", request, response, OperatesOrAudits, ApiCalls::Recorded::kYes,
      [this](ApiCall& call, const auto& /*asked*/, auto* answer, ShownCalls& /*shown*/) {
        return Answer(call.rules->policy.get(), answer);
      });
}

grpc::ServerUnaryReactor* PoliciesService::Explain(grpc::CallbackServerContext* context,
                                                   const v1::ExplainRequest* request, v1::ExplainResponse* response) {
  return calls_->Answer<v1::ExplainRequest, v1::ExplainResponse>(
      context, "/sallyport.v1.Policies/Explain", request, response, OperatesOrAudits, ApiCalls::Recorded::kYes,
      [](ApiCall& call, const auto& asked, auto* answer, ShownCalls& /*shown*/) {
        if (call.rules->policy == nullptr) return absl::FailedPreconditionError("there is no policy");
        absl::StatusOr<v1::ExplainResponse> explained = ExplainCall(*call.rules->policy, asked, absl::Now());
        if (!explained.ok()) return explained.status();
        *answer = *std::move(explained);
        return absl::OkStatus();
      });
}

}  // namespace sallyport::gateway
