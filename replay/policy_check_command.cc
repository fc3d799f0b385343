#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policy/issuer_check.h"
#include "policy/masking/field_check.h"
#include "policy/policy_check.h"
#include "protos/yaml_message.h"
#include "replay/policy_command.h"
#include "replay/record_json.h"
#include "replay/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Errors make a file unusable: a gateway would refuse it. Warnings are about rules that no call reaches and the like; with
--descriptors, also about masks and content rules that name fields which no message has; with --config, about rules that
name subjects or groups and not their issuers, if the configuration has several.

Exit status: 0 without errors, 1 with errors (or, with --strict, warnings), 3 if the file can't be read.)";

struct CheckOptions {
  std::string file;
  std::vector<std::string> descriptors;
  std::string config;
  bool json = false;
  bool strict = false;
};

std::string Count(size_t count, const char* thing) { return absl::StrCat(count, " ", thing, count == 1 ? "" : "s"); }

ExitCode ReportFaults(const CheckOptions& options, const std::string& message) {
  const std::vector<std::string> faults = absl::StrSplit(message, '\n');
  if (options.json) {
    std::cout << JsonLine({{"file", options.file}, {"valid", false}, {"errors", faults}, {"warnings", Json::array()}})
              << '\n';
    return ExitCode::kNegative;
  }
  for (const std::string& fault : faults) std::cout << "error: " << Printable(fault) << '\n';
  return ExitCode::kNegative;
}

void Report(const CheckOptions& options, const policy::Policy& policy,
            const std::vector<policy::PolicyWarning>& warnings) {
  if (options.json) {
    Json list = Json::array();
    for (const policy::PolicyWarning& warning : warnings) {
      list.push_back({{"line", warning.line},
                      {"rule", warning.rule.empty() ? Json() : Json(warning.rule)},
                      {"text", warning.text}});
    }
    std::cout << JsonLine({{"file", options.file},
                           {"valid", true},
                           {"version", policy.version()},
                           {"rules", policy.rules().size()},
                           {"limits", policy.limits().size()},
                           {"default", policy.allows_by_default() ? "allow" : "deny"},
                           {"shadow", policy.shadow()},
                           {"errors", Json::array()},
                           {"warnings", list}})
              << '\n';
    return;
  }
  for (const policy::PolicyWarning& warning : warnings) {
    std::cout << "warning: ";
    if (warning.line > 0) std::cout << Printable(options.file) << ":" << warning.line << ": ";
    if (!warning.rule.empty()) std::cout << "rule \"" << Printable(warning.rule) << "\": ";
    std::cout << Printable(warning.text) << '\n';
  }
  std::cout << Printable(options.file) << ": version " << policy.version() << ", "
            << Count(policy.rules().size(), "rule") << ", " << Count(policy.limits().size(), "limit")
            << (policy.allows_by_default() ? ", allows by default" : ", denies by default")
            << (policy.shadow() ? ", in shadow" : "") << "; no errors, " << Count(warnings.size(), "warning") << '\n';
}

ExitCode RunCheck(const CheckOptions& options) {
  const auto policy = policy::Policy::Load(options.file);
  if (absl::IsInvalidArgument(policy.status())) return ReportFaults(options, std::string(policy.status().message()));
  if (!policy.ok()) return ReportError(policy.status());
  std::vector<policy::PolicyWarning> warnings = policy::CheckPolicy(**policy);
  if (!options.descriptors.empty()) {
    std::vector<std::shared_ptr<const policy::Descriptors>> sets;
    std::vector<std::string> told;
    for (const std::string& path : options.descriptors) {
      auto set = policy::Descriptors::Load(path, &told);
      if (!set.ok()) return ReportError(set.status());
      sets.push_back(*std::move(set));
    }
    const auto merged = policy::Descriptors::Merge(sets, &told);
    if (!merged.ok()) return ReportError(merged.status());
    for (std::string& text : told) warnings.push_back({0, "", std::move(text)});
    const std::vector<policy::PolicyWarning> fields = policy::CheckFields(**policy, **merged);
    warnings.insert(warnings.end(), fields.begin(), fields.end());
  }
  if (!options.config.empty()) {
    v1::Config config;
    if (absl::Status status = ReadYamlFile(options.config, &config); !status.ok()) return ReportError(status);
    const std::vector<policy::PolicyWarning> issuers = policy::CheckIssuers(config, policy->get());
    warnings.insert(warnings.end(), issuers.begin(), issuers.end());
  }
  std::stable_sort(warnings.begin(), warnings.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  Report(options, **policy, warnings);
  return options.strict && !warnings.empty() ? ExitCode::kNegative : ExitCode::kFine;
}

}  // namespace

void AddPolicyCheckCommand(CLI::App* policy, CommandContext* context) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = policy->add_subcommand("check", "Say what is wrong, or odd, about a policy file");
  command->footer(kFooter);
  AddPolicyFileOption(command, &options->file);
  command->add_option("--descriptors", options->descriptors,
                      "Descriptor-set files or directories of .proto sources, several allowed: checks names of fields");
  command->add_option("--config", options->config, "The gateway's configuration: checks whose groups are meant");
  command->add_flag("--strict", options->strict, "Warnings count as errors");
  command->add_flag("--json", options->json, "One JSON object, for programs");
  command->callback([context, options] { context->run = [options] { return RunCheck(*options); }; });
}

}  // namespace sallyport::replay
