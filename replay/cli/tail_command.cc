#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "replay/cli/command.h"
#include "replay/cli/event_forms.h"
#include "replay/cli/record_options.h"
#include "replay/cli/stop_on_signal.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Follows from now on, until Ctrl-C. Times are in UTC.

Examples:
  sallyport tail --method 'payments.*'
  sallyport tail --messages --identity '*#billing-agent'
  sallyport tail --json | jq -c 'select(.event == "end" and .status != "OK")')";

struct TailOptions {
  std::string identity;
  std::string method;
  std::string upstream;
  bool frames = false;
  bool messages = false;
  bool json = false;
};

// Prints what is said to who follows, as it comes.
class TailPrinter {
 public:
  TailPrinter(const CommandContext& context, const TailOptions& options) : context_(context), options_(options) {}

  absl::Status Print(const v1::TailCallsResponse& said) {
    if (said.has_event()) {
      options_.json ? PrintJson(said.event()) : PrintText(said.event());
    } else if (said.has_caught_up()) {
      std::cout.flush();
    } else if (said.has_following()) {
      SayWhetherWritten(said.following().written());
    }
    return std::cout ? absl::OkStatus() : absl::UnavailableError("the output could not be written");
  }

 private:
  void PrintText(const v1::TailedEvent& tailed) const {
    const v1::Event& event = tailed.event();
    std::cout << HumanTime(ToTime(event.time())).substr(11) << "  " << event.call() << "  "
              << TailText(tailed, options_.messages) << '\n';
  }
  void PrintJson(const v1::TailedEvent& tailed) const {
    std::cout << JsonLine(TailJson(tailed, options_.messages)) << '\n';
  }

  // At first, and where that has changed: with no word a store is one that is written.
  void SayWhetherWritten(bool written) {
    if (!written_.has_value()) std::cerr << "following " << PlaceOf(context_) << ", Ctrl-C ends" << std::endl;
    if (written != written_.value_or(true)) {
      Note(written ? "a gateway writes to this store now"
                   : "no gateway writes to this store now: nothing comes until one does");
    }
    written_ = written;
  }

  const CommandContext& context_;
  const TailOptions& options_;
  std::optional<bool> written_;
};

v1::TailCallsRequest ToRequest(const TailOptions& options) {
  v1::TailCallsRequest request;
  request.mutable_filter()->set_identity(options.identity);
  request.mutable_filter()->set_method(MethodName(options.method));
  request.mutable_filter()->set_upstream(options.upstream);
  if (options.messages) {
    request.set_detail(v1::TailCallsRequest::DETAIL_MESSAGES);
  } else if (options.frames) {
    request.set_detail(v1::TailCallsRequest::DETAIL_EVENTS);
  }
  return request;
}

ExitCode RunTail(const CommandContext& context, const TailOptions& options) {
  const StopOnSignal stop;
  const auto source = OpenRecord(context);
  if (!source.ok()) return ReportError(source.status());
  TailPrinter printer(context, options);
  const absl::Status status = (*source)->TailCalls(
      ToRequest(options), stop.token(), [&](const v1::TailCallsResponse& said) { return printer.Print(said); });
  return status.ok() ? ExitCode::kFine : ReportError(status);
}

}  // namespace

void AddTailCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<TailOptions>();
  CLI::App* command = app->add_subcommand("tail", "Print calls as they start and end");
  command->footer(kFooter);
  AddRecordOptions(command, context);
  command->add_option("--identity", options->identity, "Who calls")->type_name("GLOB")->check(NotEmpty());
  command->add_option("--method", options->method, "What is called, such as 'etcdserverpb.KV/*'")
      ->type_name("GLOB")
      ->check(NotEmpty());
  command->add_option("--upstream", options->upstream, "The upstream's name")->type_name("GLOB")->check(NotEmpty());
  command->add_flag("--frames", options->frames, "Each frame too, and response headers and half-closes");
  command->add_flag("--messages", options->messages, "The same, and each frame's message");
  command->add_flag("--json", options->json, "One JSON object per line, for programs");
  command->callback([context, options] { context->run = [context, options] { return RunTail(*context, *options); }; });
}

}  // namespace sallyport::replay
