#include "replay/cli/policy/policy_command.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
A policy says who may call what (protos/sallyport/v1/policy.proto describes the file). Nothing here changes or reaches a
gateway.

Examples:
  sallyport policy check policy.yaml
  sallyport policy explain policy.yaml --identity alice --groups dev --method etcdserverpb.KV/Range
  sallyport policy test policy_test.yaml
  sallyport policy dry-run new-policy.yaml --data /var/lib/sallyport --since 7d
  sallyport policy discover --data /var/lib/sallyport --since 1d)";

}  // namespace

void AddPolicyFileOption(CLI::App* command, std::string* file) {
  command->add_option("FILE", *file, "The policy file")->required()->type_name("");
}

std::string DeciderText(const policy::Policy& policy, std::string_view name) {
  for (const policy::Rule& rule : policy.rules()) {
    if (rule.name == name) return absl::StrCat("rule \"", rule.name, "\" (line ", rule.line, ")");
  }
  return "default";
}

void AddPolicyCommand(CLI::App* app, CommandContext* context) {
  CLI::App* policy = app->add_subcommand("policy", "Check, explain and try out policies");
  policy->require_subcommand(0, 1);
  policy->footer(kFooter);
  AddPolicyCheckCommand(policy, context);
  AddPolicyExplainCommand(policy, context);
  AddPolicyTestCommand(policy, context);
  AddPolicyDryRunCommand(policy, context);
  AddPolicyDiscoverCommand(policy, context);
}

}  // namespace sallyport::replay
