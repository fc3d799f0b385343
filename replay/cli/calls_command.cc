#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/time/clock.h"
#include "recorder/format/call_id.h"
#include "replay/cli/call_options.h"
#include "replay/cli/command.h"
#include "replay/cli/evidence_file.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"
#include "replay/view/reading.h"

namespace sallyport::replay {
namespace {

constexpr int kUsualLimit = 50;

constexpr char kFooter[] = R"(
Times are in UTC. The newest call comes first, 50 of them unless --limit says otherwise; --after with the last id listed
gives the next page.

Examples:
  sallyport calls --since 1h --status unavailable
  sallyport calls --method 'etcdserverpb.KV/*' --min-duration 250ms --limit 10
  sallyport calls --identity 'https://idp.example#*' --json | jq -r .method | sort | uniq -c
  sallyport calls --status open)";

struct CallsOptions {
  CallFilter filter;
  std::string after;
  std::string prove;
  bool json = false;
  bool wide = false;
};

std::string StatusCell(const v1::CallSummary& call) {
  if (!call.has_outcome() || call.state() == v1::CALL_STATE_INTERRUPTED) return StateName(call.state());
  return StatusName(call.outcome().status_code());
}

Table NewTable(bool wide) {
  using Align = Table::Align;
  std::vector<Table::Column> columns = {{"CALL", Align::kLeft, 13},     {"STARTED", Align::kLeft, 23},
                                        {"IDENTITY", Align::kLeft, 18}, {"METHOD", Align::kLeft, 42},
                                        {"STATUS", Align::kLeft, 19},   {"TOOK", Align::kRight},
                                        {"SENT", Align::kRight},        {"RECEIVED", Align::kRight}};
  if (wide) {
    columns.insert(columns.end(), {{"FRAMES", Align::kRight}, {"UPSTREAM"}, {"SESSION"}, {"PEER"}});
  }
  return Table(std::move(columns));
}

std::vector<std::string> Row(const v1::CallSummary& call, bool wide) {
  const v1::CallOutcome& outcome = call.outcome();
  const auto known = [&](std::string cell) { return call.has_outcome() ? std::move(cell) : "-"; };
  const auto or_dash = [](std::string cell) { return cell.empty() ? "-" : std::move(cell); };
  // Milliseconds tell calls of one second apart, but only the wide table has room for them.
  const std::string start = HumanTime(ToTime(call.start()));
  std::vector<std::string> row = {call.id(),
                                  wide ? start : start.substr(0, 19),
                                  Printable(call.identity()),
                                  Printable(ExactText(call.method(), "method", call.exact())),
                                  StatusCell(call),
                                  known(HumanDuration(ToDuration(outcome.duration()))),
                                  known(HumanSize(outcome.request_bytes())),
                                  known(HumanSize(outcome.response_bytes()))};
  if (wide) {
    row.push_back(known(std::to_string(outcome.request_frames()) + "/" + std::to_string(outcome.response_frames())));
    row.push_back(or_dash(Printable(call.upstream())));
    row.push_back(or_dash(call.session()));
    row.push_back(or_dash(PeerText(call.peer())));
  }
  return row;
}

// Prints the calls that were asked for. `to_prove` gets their ids.
absl::StatusOr<ListedCalls> List(CallSource& source, const CallsOptions& options, const v1::SearchCallsRequest& request,
                                 v1::ProveListRequest* to_prove) {
  Table table = NewTable(options.wide);
  ListedCalls listed;
  const auto list = [&](const v1::CallSummary& call) {
    listed.last = call.id();
    ++listed.count;
    if (!options.prove.empty()) to_prove->add_calls(call.id());
    if (options.json) {
      std::cout << JsonLine(SummaryJson(call)) << '\n';
    } else {
      table.AddRow(Row(call, options.wide));
    }
    return absl::OkStatus();
  };
  const absl::StatusOr<bool> more = ForEachCall(source, request, options.filter.limit.value_or(kUsualLimit), list);
  if (!more.ok()) return more.status();
  listed.more = *more;
  if (!options.json) table.Print(std::cout, options.wide ? Fit::kWhole : OutputFit());
  return listed;
}

ExitCode RunCalls(const CommandContext& context, const CallsOptions& options) {
  const absl::StatusOr<v1::Filter> filter = ToFilter(options.filter, absl::Now());
  if (!filter.ok()) return ReportError(filter.status());
  v1::SearchCallsRequest request;
  *request.mutable_filter() = *filter;
  if (!options.after.empty()) {
    const absl::StatusOr<uint64_t> after = ReadId(options.after, "call");
    if (!after.ok()) return ReportError(after.status());
    request.set_after(recorder::FormatId(*after));
  }
  const auto source = OpenRecord(context);
  if (!source.ok()) return ReportError(source.status());
  if (absl::Status status = CheckKnown(**source, request, options.filter, options.after); !status.ok())
    return ReportError(status);

  v1::ProveListRequest to_prove;
  const absl::StatusOr<ListedCalls> listed = List(**source, options, request, &to_prove);
  if (!listed.ok()) return ReportError(listed.status());
  if (!options.prove.empty()) {
    const absl::StatusOr<v1::Evidence> evidence = (*source)->ProveList(to_prove);
    if (!evidence.ok()) return ReportError(evidence.status());
    if (absl::Status status = WriteEvidence(*evidence, options.prove); !status.ok()) return ReportError(status);
  }
  const absl::Status told = NoteWhatCallsLack(**source, options.filter, *filter, *listed);
  return told.ok() ? ExitCode::kFine : ReportError(told);
}

}  // namespace

void AddCallsCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<CallsOptions>();
  CLI::App* command = app->add_subcommand("calls", "List recorded calls, newest first");
  command->footer(kFooter);
  AddDataOption(command, context);
  command->add_flag("--json", options->json, "One JSON object per line, for programs");
  command->add_flag("--wide", options->wide, "More columns, with nothing cut short");
  command->add_option("--after", options->after, "Only calls that come after this one in the list")
      ->type_name("ID")
      ->check(NotEmpty());
  command
      ->add_option("--prove", options->prove,
                   "Also write what shows that nothing between the calls listed was left out; `sallyport verify "
                   "--evidence` checks it")
      ->type_name("FILE");
  AddCallFilterOptions(command, &options->filter);
  command->callback([context, options] { context->run = [context, options] { return RunCalls(*context, *options); }; });
}

}  // namespace sallyport::replay
