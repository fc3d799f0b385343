// sallyport: finds, shows and replays what a gateway has recorded.
#include <google/protobuf/stubs/common.h>
#if GOOGLE_PROTOBUF_VERSION < 4022000
#include <google/protobuf/stubs/logging.h>
#endif

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <vector>

#include "replay/cli/command.h"
#include "replay/cli/usage_error.h"

namespace {

constexpr char kFooter[] = R"(
Examples:
  sallyport calls --since 10m --status unavailable
  sallyport show 1j7xk2m9q4z

Exit status: 0 fine, 1 the answer is no, 2 wrong usage, 3 could not be done.
`sallyport COMMAND --help` says more about each command.)";

using sallyport::replay::ExitCode;

// What to exit with once everything was said on stdout: what nobody can read was not said.
ExitCode Written(ExitCode code) {
  if (std::cout.flush() || code == ExitCode::kUsage || code == ExitCode::kFailed) return code;
  std::cerr << "sallyport: the output could not be written\n";
  return ExitCode::kFailed;
}

ExitCode Run(int argc, char** argv) {
#if GOOGLE_PROTOBUF_VERSION < 4022000
  // What a message's bytes lack is said where the message is shown, not by the library on stderr.
  google::protobuf::SetLogHandler(nullptr);
#endif
  CLI::App app("Finds, shows and replays the gRPC calls that a Sallyport gateway has recorded.", "sallyport");
  // At most one: with none the help is shown, and what is not a command is named rather than missed.
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "sallyport " SALLYPORT_VERSION);
  app.footer(kFooter);
  sallyport::replay::CommandContext context;

  // Every command is registered here, in the order in which --help lists them.
  sallyport::replay::AddCallsCommand(&app, &context);
  sallyport::replay::AddShowCommand(&app, &context);
  sallyport::replay::AddSessionsCommand(&app, &context);
  sallyport::replay::AddTailCommand(&app, &context);
  sallyport::replay::AddIndexCommand(&app, &context);
  sallyport::replay::AddKeysCommand(&app, &context);
  sallyport::replay::AddHoldDataCommand(&app, &context);
  sallyport::replay::AddPolicyCommand(&app, &context);
  sallyport::replay::AddReplayCommand(&app, &context);
  sallyport::replay::AddVerifyCommand(&app, &context);
  sallyport::replay::AddEvidenceCommand(&app, &context);
  sallyport::replay::AddBackupCommand(&app, &context);
  sallyport::replay::AddRestoreCommand(&app, &context);
  sallyport::replay::AddDoctorCommand(&app, &context);
  sallyport::replay::AddReloadCommand(&app, &context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version are thrown too.
    if (error.get_exit_code() == 0) {
      app.exit(error);
      return Written(ExitCode::kFine);
    }
    std::cerr << "sallyport: " << sallyport::replay::ExplainUsage(app, error) << '\n';
    return ExitCode::kUsage;
  }
  if (!context.run) {
    const std::vector<CLI::App*> chosen = app.get_subcommands();
    std::cerr << "sallyport: a command is required\n\n" << (chosen.empty() ? app : *chosen.front()).help();
    return ExitCode::kUsage;
  }
  return Written(context.run());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return static_cast<int>(Run(argc, argv));
  } catch (const std::exception& error) {
    // Such as want of memory.
    std::cerr << "sallyport: " << error.what() << '\n';
    return static_cast<int>(ExitCode::kFailed);
  }
}
