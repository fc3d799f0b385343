#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "policy/settings_check.h"
#include "protos/faults.h"
#include "protos/yaml_message.h"
#include "replay/cli/command.h"
#include "replay/cli/policy/policy_command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"
#include "replay/view/reading.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Errors make a file unusable: a gateway would refuse it. Warnings are about what has no effect, or another one than it
seems: rules that no call reaches and the like; with --descriptors, also methods and fields that nothing has; with
--config, also routes that no call reaches and rules that name subjects or groups and not their issuers, if there are
several (the descriptor files that it names are read too); with --data, methods count that were called in the last day.
A gateway says the same when it starts or reads its files again, and `sallyportd --check` without starting.

Exit status: 0 without errors, 1 with errors (or, with --strict, warnings), 3 if the file can't be read.)";

struct CheckOptions {
  std::string file;
  std::vector<std::string> descriptors;
  std::string config;
  bool json = false;
  bool strict = false;
  bool with_data = false;
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
      list.push_back({{"file", warning.file.empty() ? Json() : Json(warning.file)},
                      {"line", warning.line},
                      {"rule", warning.rule.empty() ? Json() : Json(warning.rule)},
                      {"text", warning.text}});
    }
    std::cout << JsonLine({{"file", options.file},
                           {"valid", true},
                           {"version", policy.version()},
                           {"rules", policy.rules().size()},
                           {"limits", policy.limits().size()},
                           {"record_rules", policy.record_rules().size()},
                           {"roles", policy.roles().size()},
                           {"default", policy.allows_by_default() ? "allow" : "deny"},
                           {"shadow", policy.shadow()},
                           {"errors", Json::array()},
                           {"warnings", list}})
              << '\n';
    return;
  }
  for (const policy::PolicyWarning& warning : warnings) {
    std::cout << "warning: " << Printable(policy::WarningText(warning)) << '\n';
  }
  std::cout << Printable(options.file) << ": version " << policy.version() << ", "
            << Count(policy.rules().size(), "rule") << ", " << Count(policy.limits().size(), "limit")
            << (policy.record_rules().empty() ? "" : ", " + Count(policy.record_rules().size(), "record rule"))
            << (policy.roles().empty() ? "" : ", " + Count(policy.roles().size(), "role"))
            << (policy.allows_by_default() ? ", allows by default" : ", denies by default")
            << (policy.shadow() ? ", in shadow" : "") << "; no errors, " << Count(warnings.size(), "warning") << '\n';
}

// The sets of the files named, and of those that the configuration names. What is left out goes to `remarks`; sets that
// cannot be used are named in `faults`, each with its place.
absl::StatusOr<std::shared_ptr<const policy::Descriptors>> ReadDescriptors(const CheckOptions& options,
                                                                           const v1::Config& config,
                                                                           const Faults& places,
                                                                           std::vector<policy::Remark>* remarks,
                                                                           std::vector<std::string>* faults) {
  std::vector<std::pair<std::string, std::string>> paths;  // and what to say before what is wrong with them
  for (const std::string& path : options.descriptors) paths.emplace_back(path, "");
  for (int i = 0; i < config.descriptors_size(); ++i) {
    const std::string& path = config.descriptors(i).file();
    if (!path.empty()) paths.emplace_back(path, places.Place(absl::StrCat("descriptors[", i, "].file")) + ": ");
  }
  std::vector<std::shared_ptr<const policy::Descriptors>> sets;
  for (const auto& [path, place] : paths) {
    std::vector<std::string> left_out;
    auto set = policy::Descriptors::Load(path, &left_out);
    // What was asked for and is not there is no fault of a file.
    if (place.empty() && !set.ok() && !absl::IsInvalidArgument(set.status())) return set.status();
    if (!set.ok()) {
      faults->push_back(absl::StrCat(place, set.status().message()));
      continue;
    }
    for (const std::string& line : left_out) {
      remarks->push_back(policy::LeftOut(config, path, absl::StrCat("left out: ", line)));
    }
    sets.push_back(*std::move(set));
  }
  std::vector<std::string> conflicts;
  auto merged = policy::Descriptors::Merge(sets, &conflicts);
  for (std::string& conflict : conflicts) remarks->push_back({"", std::move(conflict)});
  return merged;
}

// Whether a call like that was recorded in the last day.
std::function<bool(const std::string&)> CalledIn(std::shared_ptr<CallSource> source) {
  return [source = std::move(source)](const std::string& glob) {
    v1::Filter filter;
    filter.set_method(MethodName(glob));
    SetTime(absl::Now() - absl::Hours(24), filter.mutable_since());
    const absl::StatusOr<bool> any = AnyCall(*source, filter);
    // What could not be looked up may have been called.
    return !any.ok() || *any;
  };
}

ExitCode RunCheck(const CommandContext& context, const CheckOptions& options) {
  const auto policy = policy::Policy::Load(options.file);
  if (!policy.ok() && !absl::IsInvalidArgument(policy.status())) return ReportError(policy.status());
  std::vector<std::string> faults;
  if (!policy.ok()) faults.emplace_back(policy.status().message());
  v1::Config config;
  KeyLines lines;
  policy::Settings settings;
  settings.policy_file = options.file;
  if (!options.config.empty()) {
    FormFaults form;
    absl::Status status = ReadYamlFile(options.config, &config, &lines, &form);
    if (status.ok()) status = form.lines.status(options.config);
    if (!status.ok() && !absl::IsInvalidArgument(status)) return ReportError(status);
    if (!status.ok()) faults.emplace_back(status.message());
    settings.config = &config;
    settings.config_file = options.config;
    settings.config_lines = &lines;
  }
  const auto descriptors = ReadDescriptors(options, config, Faults(options.config, lines), &settings.remarks, &faults);
  const ExitCode found = faults.empty() ? ExitCode::kFine : ReportFaults(options, absl::StrJoin(faults, "\n"));
  if (!descriptors.ok()) return ReportError(descriptors.status());
  if (found != ExitCode::kFine) return found;
  settings.policy = policy->get();
  settings.descriptors = {*descriptors};
  if (options.with_data) {
    auto source = OpenRecord(context);
    if (!source.ok()) return ReportError(source.status());
    settings.called = CalledIn(*std::move(source));
  }
  const std::vector<policy::PolicyWarning> warnings = policy::CheckSettings(settings);
  Report(options, **policy, warnings);
  if ((*descriptors)->version().empty()) {
    Note("methods and fields were compared with no descriptors: name some with --descriptors, or a --config that does");
  }
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
  AddDataOption(command, context);
  command->callback([context, options, command] {
    // The variables of the environment are for those who ask for the record.
    options->with_data = command->count("--data") > 0;
    context->run = [context, options] { return RunCheck(*context, *options); };
  });
}

}  // namespace sallyport::replay
