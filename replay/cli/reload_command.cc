#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policy/changes/configuration_changes.h"
#include "protos/yaml_message.h"
#include "recorder/control/control_socket.h"
#include "replay/cli/command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

// Reading descriptors and asking for authorities takes its time.
constexpr absl::Duration kPatience = absl::Minutes(2);

constexpr char kFooter[] = R"(
Has the gateway that serves on the data directory read its configuration again, as SIGHUP does, and waits for what becomes of it.
With --check nothing changes: the gateway says what would, what only counts from its next start on, and what is wrong. With
--against no gateway is asked: two files are compared, in form only, and `sallyportd --check` says whether values are in order.

Exit status: 0 taken up, or in order; 1 the gateway refuses it; 2 wrong usage; 3 no gateway could be asked.)";

struct ReloadOptions {
  bool check = false;
  bool json = false;
  std::string config;
  std::string against;
};

void Report(const ReloadOptions& options, const v1::ControlAnswer& answer) {
  if (options.json) {
    Json changes = Json::array();
    for (const v1::ConfigurationChange& change : answer.changes()) {
      changes.push_back(
          {{"key", change.key()}, {"before", change.before()}, {"after", change.after()}, {"waits", change.waits()}});
    }
    Json faults = Json::array();
    if (!answer.error().empty()) {
      for (const std::string& fault : std::vector<std::string>(absl::StrSplit(answer.error(), '\n'))) {
        faults.push_back(fault);
      }
    }
    Json warnings = Json::array();
    for (const std::string& warning : answer.warnings()) warnings.push_back(warning);
    std::cout << JsonLine({{"ok", answer.error().empty()},
                           {"checked_only", options.check},
                           {"changes", changes},
                           {"errors", faults},
                           {"warnings", warnings},
                           {"cut_short", answer.cut_short()}})
              << '\n';
    return;
  }
  for (const std::string& warning : answer.warnings()) std::cout << "warning: " << Printable(warning) << '\n';
  if (!answer.error().empty()) {
    for (const std::string& fault : std::vector<std::string>(absl::StrSplit(answer.error(), '\n'))) {
      std::cout << "error: " << Printable(fault) << '\n';
    }
    std::cout << (options.check ? "would be refused: nothing would change\n" : "refused: nothing has changed\n");
    return;
  }
  for (const v1::ConfigurationChange& change : answer.changes()) {
    std::cout << Printable(policy::ChangeText(change)) << '\n';
  }
  if (answer.cut_short()) Note("there are more changes and warnings than are shown");
  if (answer.changes().empty()) {
    std::cout << "no key differs; files that it names are read again\n";
  } else {
    std::cout << (options.check ? "in order\n" : "taken up\n");
  }
}

absl::StatusOr<v1::ControlAnswer> Ask(const std::string& data_directory, const v1::ControlRequest& request) {
  absl::StatusOr<recorder::ControlConnection> gateway = recorder::ControlConnection::Connect(data_directory);
  if (!gateway.ok()) return gateway.status();
  if (absl::Status sent = gateway->Send(request); !sent.ok()) return sent;
  return gateway->ReceiveAnswer(kPatience);
}

absl::StatusOr<v1::ControlAnswer> Compare(const std::string& before, const std::string& after) {
  v1::Config one, other;
  KeyLines lines;
  if (absl::Status status = ReadYamlFile(before, &one, &lines, nullptr); !status.ok()) return status;
  v1::ControlAnswer answer;
  if (absl::Status status = ReadYamlFile(after, &other, &lines, nullptr); !status.ok()) {
    answer.set_error(std::string(status.message()));
    return answer;
  }
  for (const v1::ConfigurationChange& change : policy::ConfigurationChanges(one, other)) *answer.add_changes() = change;
  return answer;
}

ExitCode Run(const ReloadOptions& options, const CommandContext& context) {
  if (!options.check && !(options.config.empty() && options.against.empty())) {
    return ReportError(absl::InvalidArgumentError("--config and --against go with --check"));
  }
  if (!options.against.empty() && options.config.empty()) {
    return ReportError(absl::InvalidArgumentError("--against needs --config: the file that would be read"));
  }
  absl::StatusOr<v1::ControlAnswer> answer = absl::UnknownError("");
  if (!options.against.empty()) {
    answer = Compare(options.against, options.config);
  } else {
    v1::ControlRequest request;
    if (options.check) {
      request.set_check(options.config.empty() ? "" : std::filesystem::absolute(options.config).string());
    } else {
      request.set_reload(true);
    }
    answer = Ask(context.data_directory, request);
  }
  if (!answer.ok()) {
    std::cerr << "sallyport: " << answer.status().message() << '\n';
    return ExitCode::kFailed;
  }
  Report(options, *answer);
  return answer->error().empty() ? ExitCode::kFine : ExitCode::kNegative;
}

}  // namespace

void AddReloadCommand(CLI::App* app, CommandContext* context) {
  CLI::App* command = app->add_subcommand("reload", "Has a running gateway read its configuration again");
  command->footer(kFooter);
  auto options = std::make_shared<ReloadOptions>();
  AddDataOption(command, context);
  command->add_flag("--check", options->check, "Only say what would change, and what is wrong");
  command->add_option("--config", options->config, "With --check: the file (else the one that the gateway reads)")
      ->check(NotEmpty());
  command->add_option("--against", options->against, "With --check: a file to compare with, in place of a gateway")
      ->check(NotEmpty());
  command->add_flag("--json", options->json, "One JSON object");
  command->callback([context, options] { context->run = [context, options] { return Run(*options, *context); }; });
}

}  // namespace sallyport::replay
