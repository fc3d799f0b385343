#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/backup/backup.h"
#include "recorder/system/file.h"
#include "replay/cli/command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/names.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
The gateway may go on writing. Segments that are closed are copied once; the next backup to the same directory copies what is
new. What was copied is read again and verified, as `sallyport verify` does, before it counts: until then, and when it is
interrupted, the backup is the one before.

The keyring is never in it. Back that up by itself, and keep it elsewhere: without it nobody reads what was recorded, and
with it everybody does who has the backup.

Examples:
  sallyport backup --data /var/lib/sallyport --to /backup/sallyport
  sallyport backup --data /var/lib/sallyport --to /backup/sallyport --prune

Exit status: 0 backed up, 1 what was copied does not verify, 3 it could not be done.)";

struct BackupCommandOptions {
  std::string to;
  bool prune = false;
  bool quick = false;
  bool json = false;
};

Json ReportJson(const recorder::BackupReport& report, bool quick) {
  return {{"store", absl::BytesToHexString({report.store_id.data(), report.store_id.size()})},
          {"run", report.run},
          {"files", report.files},
          {"bytes", report.bytes},
          {"copied_files", report.copied_files},
          {"copied_bytes", report.copied_bytes},
          {"removed_files", report.removed_files},
          {"kept_segments", report.kept_segments},
          {"tree_size", report.tree_size},
          {"verified", quick ? Json() : Json(report.verified)},
          {"opened", quick ? Json() : Json(report.why_not_opened.empty())},
          {"left_out", report.left_out}};
}

void PrintReport(const recorder::BackupReport& report, const BackupCommandOptions& options) {
  std::cout << "run " << report.run << ": " << report.files << " files, " << HumanSize(report.bytes) << "; copied "
            << report.copied_files << " of them, " << HumanSize(report.copied_bytes) << '\n';
  if (options.quick) {
    std::cout << "read back what was copied; the log was not verified (--quick)\n";
  } else if (report.why_not_opened.empty()) {
    std::cout << "verified with the store's keys, up to the signed tree of " << report.tree_size << " leaves\n";
  } else {
    std::cout << "verified up to the signed tree of " << report.tree_size << " leaves; no block was opened ("
              << Printable(report.why_not_opened) << ")\n";
  }
  if (report.kept_segments != 0) {
    std::cout << report.kept_segments << (report.kept_segments == 1 ? " segment is" : " segments are")
              << " kept that the store does not have any more: --prune removes what retention has deleted\n";
  }
}

ExitCode Run(const CommandContext& context, const BackupCommandOptions& options) {
  const absl::StatusOr<std::optional<recorder::KeySource>> keys = KeysOf(context);
  if (!keys.ok()) return ReportError(keys.status());
  if (absl::Status status = CheckStoreOf(context); !status.ok()) return ReportError(status);
  recorder::BackupOptions backup;
  backup.data = context.data_directory;
  backup.to = options.to;
  backup.keys = *keys;
  backup.prune = options.prune;
  backup.quick = options.quick;
  backup.now = absl::Now();
  const absl::StatusOr<recorder::BackupReport> report = recorder::BackUp(backup, recorder::RealFileSystem());
  if (absl::IsDataLoss(report.status())) {
    ReportError(absl::DataLossError(absl::StrCat(Printable(std::string(report.status().message())), "\nThe backup in ",
                                                 Printable(options.to), " is as it was before this run.")));
    return ExitCode::kNegative;
  }
  if (!report.ok()) return ReportError(report.status());
  if (options.json) {
    std::cout << JsonLine(ReportJson(*report, options.quick)) << '\n';
  } else {
    PrintReport(*report, options);
  }
  for (const std::string& left : report->left_out) Note(absl::StrCat("left out: ", Printable(left)));
  return ExitCode::kFine;
}

}  // namespace

void AddBackupCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<BackupCommandOptions>();
  CLI::App* command = app->add_subcommand("backup", "Copy the record to another directory, while the gateway writes");
  AddDataOption(command, context);
  command->add_option("--to", options->to, "The backup's directory; created if need be")
      ->type_name("DIR")
      ->required()
      ->check(NotEmpty());
  command->add_flag("--prune", options->prune, "Remove from the backup, too, what retention has deleted");
  command->add_flag("--quick", options->quick, "Read back only what is new, and do not verify the log");
  command->add_flag("--json", options->json, "One JSON object, for programs");
  command->footer(kFooter);
  command->callback([context, options] { context->run = [context, options] { return Run(*context, *options); }; });
}

}  // namespace sallyport::replay
