#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "recorder/backup/restore.h"
#include "recorder/format/store_layout.h"
#include "recorder/system/file.h"
#include "replay/cli/command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/names.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Checks every file of the backup against its manifest, and again while it is copied, verifies the log, makes the index anew, and
puts the directory in place in one step. A backup of which a byte was changed, or to which a file was added or from which
one was taken, is refused.

Put the keyring beside the directory first (DIR.keyring), or name it with --keys; without it the log is verified as far as
that goes without keys, and the gateway makes the index when it starts.

Examples:
  sallyport restore --from /backup/sallyport --data /var/lib/sallyport --keys file:/root/sallyport.keyring

Exit status: 0 restored, 1 the backup was changed or does not verify, 3 it could not be done.)";

struct RestoreCommandOptions {
  std::string from;
  bool unverified = false;
  bool json = false;
};

Json ReportJson(const recorder::RestoreReport& report) {
  return {{"store", absl::BytesToHexString({report.store_id.data(), report.store_id.size()})},
          {"time", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", report.time, absl::UTCTimeZone())},
          {"files", report.files},
          {"bytes", report.bytes},
          {"segments", report.segments},
          {"entries", report.entries},
          {"tree_size", report.tree_size},
          {"kept_segments", report.kept_segments},
          {"errors", report.errors},
          {"opened", report.why_not_opened.empty()},
          {"calls", report.has_index ? Json(report.calls) : Json()}};
}

void PrintReport(const recorder::RestoreReport& report, const CommandContext& context) {
  const recorder::StoreLayout layout(context.data_directory);
  std::cout << "restored " << report.files << " files, " << HumanSize(report.bytes) << ", from the backup of "
            << HumanTime(report.time).substr(0, 19) << " UTC to " << Printable(layout.directory()) << '\n'
            << report.segments << (report.segments == 1 ? " segment, " : " segments, ") << report.entries
            << " entries, up to the signed tree of " << report.tree_size << " leaves\n";
  if (report.kept_segments != 0) {
    std::cout << "not restored: " << report.kept_segments << (report.kept_segments == 1 ? " segment" : " segments")
              << " that the store had deleted before\n";
  }
  if (report.has_index) {
    std::cout << "the index was made again, with " << report.calls << (report.calls == 1 ? " call\n" : " calls\n");
  } else {
    std::cout
        << "no block was opened, and no index made (" << Printable(report.why_not_opened) << ")\n"
        << "The keyring is not in a backup: put your copy of it at " << Printable(layout.DefaultKeyring())
        << " with mode 0600, or say where it is (data.keys, --keys). The gateway makes the index when it starts.\n";
  }
  std::cout << "Calls that were open then are ended as interrupted when the gateway starts.\n";
}

ExitCode Run(const CommandContext& context, const RestoreCommandOptions& options) {
  const absl::StatusOr<std::optional<recorder::KeySource>> keys = KeysOf(context);
  if (!keys.ok()) return ReportError(keys.status());
  recorder::RestoreOptions restore;
  restore.from = options.from;
  restore.data = context.data_directory;
  restore.keys = *keys;
  restore.unverified = options.unverified;
  const absl::StatusOr<recorder::RestoreReport> report = recorder::RestoreBackup(restore, recorder::RealFileSystem());
  if (absl::IsDataLoss(report.status())) {
    ReportError(absl::DataLossError(
        absl::StrCat(Printable(std::string(report.status().message())), "\nNothing was restored.")));
    return ExitCode::kNegative;
  }
  if (!report.ok()) return ReportError(report.status());
  if (options.json) {
    std::cout << JsonLine(ReportJson(*report)) << '\n';
  } else {
    PrintReport(*report, context);
  }
  if (report->errors == 0) return ExitCode::kFine;
  Note(absl::StrCat("the log does not verify (", report->errors, " errors): `sallyport verify` lists them"));
  return ExitCode::kNegative;
}

}  // namespace

void AddRestoreCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<RestoreCommandOptions>();
  CLI::App* command = app->add_subcommand("restore", "Make a data directory of a backup");
  AddDataOption(command, context);
  command->add_option("--from", options->from, "The backup's directory")
      ->type_name("DIR")
      ->required()
      ->check(NotEmpty());
  command->add_flag("--unverified", options->unverified,
                    "Restore a log that does not verify, such as one that was damaged before it was copied");
  command->add_flag("--json", options->json, "One JSON object, for programs");
  command->footer(kFooter);
  command->callback([context, options] { context->run = [context, options] { return Run(*context, *options); }; });
}

}  // namespace sallyport::replay
