#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/call_id.h"
#include "replay/cli/call_filter.h"
#include "replay/cli/command.h"
#include "replay/cli/evidence_writer.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"

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

std::string StatusCell(const recorder::CallSummary& call) {
  if (call.shredded) return "shredded";
  if (call.end_reason == v1::END_REASON_UNSPECIFIED) return "open";
  if (call.end_reason == v1::END_REASON_INTERRUPTED) return "interrupted";
  return StatusName(call.status_code);
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

std::vector<std::string> Row(const recorder::CallSummary& call, bool wide) {
  const bool open = call.shredded || call.end_reason == v1::END_REASON_UNSPECIFIED;
  // Milliseconds tell calls of one second apart, but only the wide table has room for them.
  std::vector<std::string> row = {recorder::FormatId(call.id),
                                  wide ? HumanTime(call.start) : HumanTime(call.start).substr(0, 19),
                                  Printable(call.identity),
                                  Printable(call.method),
                                  StatusCell(call),
                                  open ? "-" : HumanDuration(call.duration),
                                  open ? "-" : HumanSize(call.request_bytes),
                                  open ? "-" : HumanSize(call.response_bytes)};
  if (wide) {
    row.push_back(open ? "-" : std::to_string(call.request_frames) + "/" + std::to_string(call.response_frames));
    row.push_back(call.upstream.empty() ? "-" : Printable(call.upstream));
    row.push_back(call.session_id == 0 ? "-" : recorder::FormatId(call.session_id));
    row.push_back(call.peer.empty() ? "-" : PeerText(call.peer));
  }
  return row;
}

ExitCode RunCalls(const CommandContext& context, const CallsOptions& options) {
  absl::StatusOr<recorder::CallQuery> query = ToQuery(options.filter, absl::Now());
  if (!query.ok()) return ReportError(query.status());
  if (!options.after.empty()) {
    const absl::StatusOr<uint64_t> after = ReadId(options.after, "call");
    if (!after.ok()) return ReportError(after.status());
    query->after = *after;
  }
  auto reader = OpenStore(context);
  if (!reader.ok()) return ReportError(reader.status());
  if (absl::Status status = CheckKnown(**reader, *query, options.filter, options.after); !status.ok())
    return ReportError(status);

  Table table = NewTable(options.wide);
  ListedCalls listed;
  std::vector<uint64_t> to_prove;
  const absl::StatusOr<bool> more = ForEachCall(reader->get(), *query, options.filter.limit.value_or(kUsualLimit),
                                                [&](const recorder::CallSummary& call) {
                                                  listed.last = call.id;
                                                  ++listed.count;
                                                  if (!options.prove.empty()) to_prove.push_back(call.id);
                                                  if (options.json) {
                                                    std::cout << JsonLine(SummaryJson(call)) << '\n';
                                                  } else {
                                                    table.AddRow(Row(call, options.wide));
                                                  }
                                                  return absl::OkStatus();
                                                });
  if (!more.ok()) return ReportError(more.status());
  if (!options.json) table.Print(std::cout, options.wide ? Fit::kWhole : OutputFit());
  if (!options.prove.empty()) {
    const absl::StatusOr<v1::Evidence> evidence = EvidenceOfAnswer(context, **reader, to_prove);
    if (!evidence.ok()) return ReportError(evidence.status());
    if (absl::Status status = WriteEvidence(*evidence, options.prove); !status.ok()) return ReportError(status);
  }
  listed.more = *more;
  const absl::Status told = TellAboutCalls(**reader, options.filter, *query, listed);
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
