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
is recorded of it, and which roles whoever calls has when it reads the record. Of a method of the API, such as
sallyport.v1.Audit/SearchCalls, the roles decide, and what is shown of each that is not had are the conditions that do not
hold.

Examples:
  sallyport policy explain policy.yaml --identity alice --groups dev,staff --method etcdserverpb.KV/DeleteRange
  sallyport policy explain policy.yaml --method pay.v1.Payments/Authorize --peer 10.1.2.3 --at 2026-01-03T23:30
  sallyport policy explain policy.yaml --identity bob --groups audit --method sallyport.v1.Audit/SearchCalls

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
  const policy::RequestFacts facts(request);
  for (const policy::MaskRule& mask : policy.masks()) {
    if (policy::Matches(mask.match, facts)) masks.push_back(&mask);
  }
  return masks;
}

std::vector<std::string> ViewsOf(const policy::MaskRule& mask) {
  std::vector<std::string> views;
  for (const auto& [view, name] :
       {std::pair(policy::MaskView::kRecord, "record"), std::pair(policy::MaskView::kCaller, "caller"),
        std::pair(policy::MaskView::kUpstream, "upstream"), std::pair(policy::MaskView::kReader, "reader")}) {
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

std::vector<std::string> RoleKindsOf(const policy::MaskReaders& readers) {
  std::vector<std::string> kinds;
  for (const policy::RoleKind kind : readers.roles) kinds.emplace_back(policy::RoleName(kind));
  return kinds;
}

// " (readers with identities: …; groups: …; roles: …)"; empty where a mask hides from all readers.
std::string ReadersText(const policy::MaskReaders& readers) {
  std::vector<std::string> parts;
  const auto add = [&](const char* what, const std::vector<std::string>& list) {
    if (!list.empty()) parts.push_back(absl::StrCat(what, ": ", absl::StrJoin(list, ", ")));
  };
  add("identities", readers.identities);
  add("groups", readers.groups);
  add("roles", RoleKindsOf(readers));
  return parts.empty() ? "" : absl::StrCat(" (readers with ", absl::StrJoin(parts, "; "), ")");
}

// Which calls a role shows, for people.
std::string CallsText(const policy::RoleRule& role) {
  if (!policy::ShowsCalls(role.kind)) return "no calls";
  std::string text = role.kind == policy::RoleKind::kCaller ? "its own calls" : "calls";
  const auto add = [&](const char* what, const std::vector<std::string>& globs) {
    if (!globs.empty()) absl::StrAppend(&text, ", ", what, ": ", absl::StrJoin(globs, ", "));
  };
  add("identities", role.calls.identities);
  add("methods", role.calls.methods);
  add("upstreams", role.calls.upstreams);
  return text == "calls" ? "all calls" : text;
}

void PrintMismatches(const std::vector<policy::Mismatch>& mismatches) {
  for (const policy::Mismatch& mismatch : mismatches) {
    std::cout << "    " << mismatch.condition << ": " << Printable(mismatch.reason) << '\n';
  }
}

// Of a call of the API, which no access rule is asked about.
void PrintRoles(const policy::Policy& policy, const policy::AccessRequest& request) {
  for (const policy::RoleTrial& trial : policy.ExplainRoles(request)) {
    const policy::RoleRule& role = policy.roles()[trial.role];
    std::cout << "line " << role.line << "  " << Printable(role.name) << " (" << policy::RoleName(role.kind)
              << "): " << (trial.mismatches.empty() ? "matches, shows " + Printable(CallsText(role)) : "does not match")
              << '\n';
    PrintMismatches(trial.mismatches);
  }
  const std::vector<std::string> roles = RoleNames(policy, request);
  std::cout << (roles.empty() ? "DENIED: no role" : "ALLOWED as " + Printable(absl::StrJoin(roles, ", "))) << '\n';
}

void PrintText(const policy::Policy& policy, const policy::AccessRequest& request) {
  for (const policy::RuleTrial& trial : policy.Explain(request)) {
    const policy::Rule& rule = policy.rules()[trial.rule];
    std::cout << "line " << rule.line << "  " << rule.name << " (" << ActionName(rule)
              << "): " << (trial.mismatches.empty() ? "matches" : "does not match") << '\n';
    PrintMismatches(trial.mismatches);
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
              << Printable(ReadersText(mask->readers)) << '\n';
  }
  const std::vector<std::string> content = ContentRulesOf(policy, request);
  if (!content.empty()) std::cout << "looked into by: " << Printable(absl::StrJoin(content, ", ")) << '\n';
  if (const policy::RecordRule* rule = policy.RecordRuleOf(request); rule != nullptr) {
    std::cout << "line " << rule->line << "  record rule " << Printable(rule->name) << ": " << policy::EffectText(*rule)
              << '\n';
  } else if (!policy.record_rules().empty()) {
    std::cout << "recorded whole: no record rule matches\n";
  }
  if (policy.roles().empty()) return;
  const std::vector<std::string> roles = RoleNames(policy, AsReader(request));
  std::cout << "of the record, sees: "
            << (roles.empty() ? "nothing, for it has no role" : Printable(absl::StrJoin(roles, ", "))) << '\n';
}

Json MismatchesJson(const std::vector<policy::Mismatch>& mismatches) {
  Json list = Json::array();
  for (const policy::Mismatch& mismatch : mismatches) {
    list.push_back({{"condition", mismatch.condition}, {"reason", mismatch.reason}});
  }
  return list;
}

Json RolesJson(const policy::Policy& policy, const policy::AccessRequest& request) {
  Json roles = Json::array();
  for (const policy::RoleTrial& trial : policy.ExplainRoles(request)) {
    const policy::RoleRule& role = policy.roles()[trial.role];
    roles.push_back({{"name", role.name},
                     {"line", role.line},
                     {"role", policy::RoleName(role.kind)},
                     {"matches", trial.mismatches.empty()},
                     {"mismatches", MismatchesJson(trial.mismatches)}});
  }
  return roles;
}

Json ReadersJson(const policy::MaskRule& mask) {
  if (!mask.IsOf(policy::MaskView::kReader)) return {};
  return {
      {"identities", mask.readers.identities}, {"groups", mask.readers.groups}, {"roles", RoleKindsOf(mask.readers)}};
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
    rules.push_back({{"rule", rule.name},
                     {"line", rule.line},
                     {"action", rule.allow ? "allow" : "deny"},
                     {"shadow", rule.shadow},
                     {"matches", trial.mismatches.empty()},
                     {"mismatches", MismatchesJson(trial.mismatches)}});
  }
  Json masks = Json::array();
  for (const policy::MaskRule* mask : MasksOf(policy, request)) {
    masks.push_back({{"mask", mask->name},
                     {"line", mask->line},
                     {"with", v1::Mask::Action_Name(mask->action.kind)},
                     {"views", ViewsOf(*mask)},
                     {"readers", ReadersJson(*mask)}});
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
                         {"record", RecordJson(policy.RecordRuleOf(request))},
                         {"roles", RolesJson(policy, AsReader(request))}})
            << '\n';
}

void PrintRolesJson(const policy::Policy& policy, const policy::AccessRequest& request) {
  const std::vector<std::string> roles = RoleNames(policy, request);
  std::cout << JsonLine({{"policy", policy.version()},
                         {"allowed", !roles.empty()},
                         {"rule", roles.empty() ? std::string(policy::kDefaultRule) : roles.front()},
                         {"shadow_denied", Json::array()},
                         {"limits", Json::array()},
                         {"rules", Json::array()},
                         {"masks", Json::array()},
                         {"content", Json::array()},
                         {"record", Json()},
                         {"roles", RolesJson(policy, request)}})
            << '\n';
}

ExitCode RunExplain(const ExplainOptions& options) {
  const auto policy = policy::Policy::Load(options.file);
  if (!policy.ok()) return ReportError(policy.status());
  const absl::StatusOr<PolicyCall> call = PolicyCall::FromDescription(options.call, absl::Now());
  if (!call.ok()) return ReportError(absl::InvalidArgumentError(absl::StrCat("--", call.status().message())));
  const policy::AccessRequest request = call->Request();
  if (policy::IsOfApi(request.method)) {
    options.json ? PrintRolesJson(**policy, request) : PrintRoles(**policy, request);
    return (*policy)->RolesOf(request).empty() ? ExitCode::kNegative : ExitCode::kFine;
  }
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
