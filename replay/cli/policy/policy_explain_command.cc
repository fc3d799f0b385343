#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "replay/cli/policy/policy_call.h"
#include "replay/cli/policy/policy_command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Rules are tried in the order of the file, and the first that matches decides. What is shown of each rule before that one
are the conditions that do not hold. Masks and content rules that apply to the call come last, and the rule that says what
is recorded of it.

Examples:
  sallyport policy explain policy.yaml --identity alice --groups dev,staff --method etcdserverpb.KV/DeleteRange
  sallyport policy explain policy.yaml --method pay.v1.Payments/Authorize --peer 10.1.2.3 --at 2026-01-03T23:30

Exit status: 0 the call is allowed, 1 it is refused, 2 the policy or the call cannot be read.)";

struct ExplainOptions {
  std::string file;
  CallDescription call;
  bool json = false;
};

std::string ActionName(const policy::Rule& rule) {
  return absl::StrCat(rule.allow ? "allow" : "deny", rule.shadow ? ", in shadow" : "");
}

std::vector<std::string> LimitNames(const policy::Policy& policy, const policy::AccessRequest& request) {
  std::vector<std::string> names;
  for (const size_t limit : policy.LimitsOf(request)) names.push_back(policy.limits()[limit].name);
  return names;
}

std::vector<const policy::MaskRule*> MasksOf(const policy::Policy& policy, const policy::AccessRequest& request) {
  std::vector<const policy::MaskRule*> masks;
  policy.mask_index().ForEachMatch(policy::RequestFacts(request), [&](size_t number) {
    masks.push_back(&policy.masks()[number]);
    return true;
  });
  return masks;
}

std::vector<std::string> ViewsOf(const policy::MaskRule& mask) {
  std::vector<std::string> views;
  for (const auto& [view, name] :
       {std::pair(policy::MaskView::kRecord, "record"), std::pair(policy::MaskView::kCaller, "caller"),
        std::pair(policy::MaskView::kUpstream, "upstream")}) {
    if (mask.IsOf(view)) views.emplace_back(name);
  }
  return views;
}

std::vector<std::string> ContentRulesOf(const policy::Policy& policy, const policy::AccessRequest& request) {
  std::vector<std::string> names;
  policy.content_index().ForEachMatch(policy::RequestFacts(request), [&](size_t number) {
    names.push_back(policy.content_rules()[number].name);
    return true;
  });
  return names;
}

void PrintText(const policy::Policy& policy, const policy::AccessRequest& request) {
  for (const policy::RuleTrial& trial : policy.Explain(request)) {
    const policy::Rule& rule = policy.rules()[trial.rule];
    std::cout << "line " << rule.line << "  " << rule.name << " (" << ActionName(rule)
              << "): " << (trial.mismatches.empty() ? "matches" : "does not match") << '\n';
    for (const policy::Mismatch& mismatch : trial.mismatches) {
      std::cout << "    " << mismatch.condition << ": " << Printable(mismatch.reason) << '\n';
    }
  }
  const policy::AccessDecision decision = policy.Decide(request);
  const bool refused =
      policy.shadow() && !decision.shadow_denied.empty() && decision.shadow_denied.back() == decision.rule;
  std::cout << (decision.allowed ? "ALLOWED" : "DENIED") << " by " << DeciderText(policy, decision.rule)
            << (refused ? ", which would deny it; but the whole policy is in shadow" : "") << '\n';
  if (!decision.shadow_denied.empty()) {
    std::cout << "noted as one that would be denied by: "
              << absl::StrJoin(decision.shadow_denied, ", ",
                               [](std::string* out, std::string_view name) { out->append(name); })
              << '\n';
  }
  const std::vector<std::string> limits = LimitNames(policy, request);
  if (decision.allowed && !limits.empty()) std::cout << "counts under limits: " << absl::StrJoin(limits, ", ") << '\n';
  for (const policy::MaskRule* mask : MasksOf(policy, request)) {
    std::cout << "line " << mask->line << "  mask " << Printable(mask->name) << ": "
              << v1::Mask::Action_Name(mask->action.kind) << ", in the view of: " << absl::StrJoin(ViewsOf(*mask), ", ")
              << '\n';
  }
  const std::vector<std::string> content = ContentRulesOf(policy, request);
  if (!content.empty()) std::cout << "looked into by: " << Printable(absl::StrJoin(content, ", ")) << '\n';
  if (const policy::RecordRule* rule = policy.RecordRuleOf(request); rule != nullptr) {
    std::cout << "line " << rule->line << "  record rule " << Printable(rule->name) << ": " << policy::EffectText(*rule)
              << '\n';
  } else if (!policy.record_rules().empty()) {
    std::cout << "recorded whole: no record rule matches\n";
  }
}

Json RecordJson(const policy::RecordRule* rule) {
  if (rule == nullptr) return {};
  return {
      {"rule", rule->name},
      {"line", rule->line},
      {"frame_bytes", rule->shortens() ? Json(rule->frame_bytes) : Json()},
      {"durability", rule->durability.has_value() ? Json(v1::RecordRule::Durability_Name(*rule->durability)) : Json()}};
}

void PrintJson(const policy::Policy& policy, const policy::AccessRequest& request) {
  Json rules = Json::array();
  for (const policy::RuleTrial& trial : policy.Explain(request)) {
    const policy::Rule& rule = policy.rules()[trial.rule];
    Json mismatches = Json::array();
    for (const policy::Mismatch& mismatch : trial.mismatches) {
      mismatches.push_back({{"condition", mismatch.condition}, {"reason", mismatch.reason}});
    }
    rules.push_back({{"rule", rule.name},
                     {"line", rule.line},
                     {"action", rule.allow ? "allow" : "deny"},
                     {"shadow", rule.shadow},
                     {"matches", trial.mismatches.empty()},
                     {"mismatches", mismatches}});
  }
  Json masks = Json::array();
  for (const policy::MaskRule* mask : MasksOf(policy, request)) {
    masks.push_back({{"mask", mask->name},
                     {"line", mask->line},
                     {"with", v1::Mask::Action_Name(mask->action.kind)},
                     {"views", ViewsOf(*mask)}});
  }
  const policy::AccessDecision decision = policy.Decide(request);
  Json shadow = Json::array();
  for (const std::string_view name : decision.shadow_denied) shadow.push_back(name);
  std::cout << JsonLine({{"policy", policy.version()},
                         {"allowed", decision.allowed},
                         {"rule", decision.rule},
                         {"shadow_denied", shadow},
                         {"limits", LimitNames(policy, request)},
                         {"rules", rules},
                         {"masks", masks},
                         {"content", ContentRulesOf(policy, request)},
                         {"record", RecordJson(policy.RecordRuleOf(request))}})
            << '\n';
}

ExitCode RunExplain(const ExplainOptions& options) {
  const auto policy = policy::Policy::Load(options.file);
  if (!policy.ok()) return ReportError(policy.status());
  const absl::StatusOr<PolicyCall> call = PolicyCall::FromDescription(options.call, absl::Now());
  if (!call.ok()) return ReportError(absl::InvalidArgumentError(absl::StrCat("--", call.status().message())));
  const policy::AccessRequest request = call->Request();
  options.json ? PrintJson(**policy, request) : PrintText(**policy, request);
  return (*policy)->Decide(request).allowed ? ExitCode::kFine : ExitCode::kNegative;
}

}  // namespace

void AddPolicyExplainCommand(CLI::App* policy, CommandContext* context) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = policy->add_subcommand("explain", "Say which rule decides a call, and why not those before it");
  command->footer(kFooter);
  AddPolicyFileOption(command, &options->file);
  AddCallDescriptionOptions(command, &options->call);
  command->add_flag("--json", options->json, "One JSON object, for programs");
  command->callback([context, options] { context->run = [options] { return RunExplain(*options); }; });
}

}  // namespace sallyport::replay
