#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "absl/strings/str_format.h"
#include "recorder/rebuild.h"
#include "recorder/record_reader.h"
#include "replay/cli/command.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
The index is only a way to find things in the log; nothing is lost with it. Stop the gateway first.

Example:
  sallyport index rebuild --data /var/lib/sallyport)";

// Draws one line over and over, where there is a terminal to draw on.
class ProgressLine {
 public:
  void Show(const recorder::RebuildProgress& progress) {
    if (!terminal_) return;
    const double part = progress.bytes_total == 0 ? 100.0
                                                  : 100.0 * static_cast<double>(progress.bytes_done) /
                                                        static_cast<double>(progress.bytes_total);
    std::cerr << absl::StreamFormat("\r\x1b[Kindexing: %3.0f%% of %s, %d calls", part, HumanSize(progress.bytes_total),
                                    progress.calls)
              << std::flush;
  }
  void Clear() const {
    if (terminal_) std::cerr << "\r\x1b[K" << std::flush;
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
};

ExitCode RunRebuild(const CommandContext& context) {
  const absl::StatusOr<std::optional<recorder::KeySource>> keys = KeysOf(context);
  if (!keys.ok()) return ReportError(keys.status());
  ProgressLine line;
  const absl::StatusOr<uint64_t> calls = recorder::RebuildIndex(
      context.data_directory, *keys, [&](const recorder::RebuildProgress& progress) { line.Show(progress); });
  line.Clear();
  if (!calls.ok()) return ReportError(calls.status());
  std::cout << *calls << (*calls == 1 ? " call" : " calls") << " indexed\n";
  return ExitCode::kFine;
}

}  // namespace

void AddIndexCommand(CLI::App* app, CommandContext* context) {
  CLI::App* index = app->add_subcommand("index", "Look after the index");
  index->require_subcommand(0, 1);
  CLI::App* rebuild = index->add_subcommand("rebuild", "Make the index again from the log alone");
  rebuild->footer(kFooter);
  AddDataOption(rebuild, context);
  rebuild->callback([context] { context->run = [context] { return RunRebuild(*context); }; });
}

}  // namespace sallyport::replay
