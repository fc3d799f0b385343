// `sallyport policy`: one subcommand per file, registered in policy_command.cc.
#ifndef SALLYPORT_REPLAY_CLI_POLICY_POLICY_COMMAND_H_
#define SALLYPORT_REPLAY_CLI_POLICY_POLICY_COMMAND_H_

#include <string>

#include "policy/policy.h"
#include "replay/cli/command.h"

namespace sallyport::replay {

void AddPolicyCheckCommand(CLI::App* policy, CommandContext* context);
void AddPolicyExplainCommand(CLI::App* policy, CommandContext* context);
void AddPolicyTestCommand(CLI::App* policy, CommandContext* context);
void AddPolicyDiscoverCommand(CLI::App* policy, CommandContext* context);
void AddPolicyDryRunCommand(CLI::App* policy, CommandContext* context);

// The required FILE.
void AddPolicyFileOption(CLI::App* command, std::string* file);

// "rule \"developers\" (line 12)", or "default".
std::string DeciderText(const policy::Policy& policy, std::string_view rule);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_POLICY_POLICY_COMMAND_H_
