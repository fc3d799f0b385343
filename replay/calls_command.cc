#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "absl/time/clock.h"
#include "recorder/call_id.h"
#include "replay/call_filter.h"
#include "replay/command.h"

namespace sallyport::replay {
namespace {

struct CallsOptions {
  CallFilter filter;
};

constexpr int kUsualLimit = 50;

ExitCode RunCalls(const CommandContext& context, const CallsOptions& options) {
  absl::StatusOr<recorder::CallQuery> query = ToQuery(options.filter, absl::Now());
  if (!query.ok()) return ReportError(query.status());
  auto reader = OpenStore(context);
  if (!reader.ok()) return ReportError(reader.status());
  const absl::StatusOr<bool> more = ForEachCall(
      reader->get(), *query, options.filter.limit.value_or(kUsualLimit), [](const recorder::CallSummary& call) {
        std::cout << recorder::FormatId(call.id) << ' ' << call.method << '\n';
        return absl::OkStatus();
      });
  return more.ok() ? ExitCode::kFine : ReportError(more.status());
}

}  // namespace

void AddCallsCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<CallsOptions>();
  CLI::App* command = app->add_subcommand("calls", "List recorded calls, newest first");
  AddDataOption(command, context);
  AddCallFilterOptions(command, &options->filter);
  command->callback([context, options] { context->run = [context, options] { return RunCalls(*context, *options); }; });
}

}  // namespace sallyport::replay
