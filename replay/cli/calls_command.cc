#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/format/call_id.h"
#include "replay/cli/call_list.h"
#include "replay/cli/call_options.h"
#include "replay/cli/call_scan.h"
#include "replay/cli/call_statistics.h"
#include "replay/cli/command.h"
#include "replay/cli/evidence_file.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_json.h"
#include "replay/cli/record_options.h"
#include "replay/cli/stop_on_signal.h"
#include "replay/view/call_filter.h"
#include "replay/view/reading.h"

namespace sallyport::replay {
namespace {

constexpr int kUsualLimit = 50;

constexpr char kFooter[] = R"(
Times are in UTC. The newest call comes first, 50 of them unless --limit says otherwise; --after with the last id listed
gives the next page. --where and --text read what was said, and so take longer; Ctrl-C ends them, with what was found.

Examples:
  sallyport calls --since 1h --status unavailable
  sallyport calls --method 'etcdserverpb.KV/*' --min-duration 250ms --limit 10
  sallyport calls --identity 'https://idp.example#*' --json | jq -r .method | sort | uniq -c
  sallyport calls --status open
  sallyport calls --where 'request.amount.minor_units > 100000 && status == "OK"' --since 1d
  sallyport calls --group-by method,status --since 1d --csv > calls.csv)";

struct CallsOptions {
  CallFilter filter;
  StatisticsOptions statistics;
  std::string after;
  std::string prove;
  bool count = false;
  bool json = false;
  bool csv = false;
  bool wide = false;

  ListForm form() const {
    if (json) return ListForm::kJson;
    if (csv) return ListForm::kCsv;
    return wide ? ListForm::kWideTable : ListForm::kTable;
  }
  int most() const { return filter.limit.value_or(kUsualLimit); }
};

// One run of the command. Lives on the stack of it.
struct CallsRun {
  CallSource& source;
  const CallsOptions& options;
  const v1::SearchCallsRequest& request;
  std::stop_token stop;
};

// Looks for the calls in the index, or in what was said.
absl::StatusOr<ListedCalls> Find(const CallsRun& run, int most,
                                 absl::FunctionRef<absl::Status(const v1::CallSummary&)> call, bool* stopped) {
  ListedCalls listed;
  if (!NeedsScan(run.request.filter())) {
    const absl::StatusOr<bool> more = ForEachCall(run.source, run.request, most, call);
    if (!more.ok()) return more.status();
    listed.more = *more;
    return listed;
  }
  const absl::StatusOr<ScanResult> scan = ScanForCalls(run.source, run.request, most, run.stop, call);
  if (!scan.ok()) return scan.status();
  listed.limited = scan->limited;
  *stopped = scan->stopped;
  if (scan->unreadable != 0) {
    Note(absl::StrCat(scan->unreadable, scan->unreadable == 1 ? " call" : " calls",
                      " could not be read or decoded, and not be looked into"));
  }
  return listed;
}

// Of an answer that is not all.
ExitCode Interrupted() {
  Note("interrupted: calls before these were not looked into");
  return ExitCode::kInterrupted;
}

ExitCode RunList(const CallsRun& run) {
  v1::ProveListRequest to_prove;
  CallList list(run.options.form());
  uint64_t count = 0;
  std::string last;
  bool stopped = false;
  const auto add = [&](const v1::CallSummary& call) {
    last = call.id();
    ++count;
    if (!run.options.prove.empty()) to_prove.add_calls(call.id());
    list.Add(call);
    return absl::OkStatus();
  };
  absl::StatusOr<ListedCalls> listed = Find(run, run.options.most(), add, &stopped);
  if (!listed.ok()) return ReportError(listed.status());
  list.End();
  listed->count = count;
  listed->last = last;
  if (!run.options.prove.empty()) {
    const absl::StatusOr<v1::Evidence> evidence = run.source.ProveList(to_prove);
    if (!evidence.ok()) return ReportError(evidence.status());
    if (absl::Status status = WriteEvidence(*evidence, run.options.prove); !status.ok()) return ReportError(status);
  }
  if (stopped) return Interrupted();
  const absl::Status told = NoteWhatCallsLack(run.source, run.options.filter, run.request.filter(), *listed);
  return told.ok() ? ExitCode::kFine : ReportError(told);
}

// How many calls match. `more`: there are more than that.
absl::StatusOr<uint64_t> Count(const CallsRun& run, bool* more, bool* stopped) {
  uint64_t count = 0;
  if (NeedsScan(run.request.filter())) {
    const auto add = [&](const v1::CallSummary&) {
      ++count;
      return absl::OkStatus();
    };
    const absl::StatusOr<ListedCalls> found = Find(run, 0, add, stopped);
    if (!found.ok()) return found.status();
    return count;
  }
  v1::SearchCallsRequest request = run.request;
  request.set_page_size(1);
  request.set_count(v1::COUNT_MODE_EXACT);
  const absl::StatusOr<v1::SearchCallsResponse> page = run.source.SearchCalls(request);
  if (!page.ok()) return page.status();
  if (!page->has_count()) return absl::UnimplementedError("calls are not counted here");
  *more = page->more();
  return page->count();
}

ExitCode RunCount(const CallsRun& run) {
  bool more = false;
  bool stopped = false;
  const absl::StatusOr<uint64_t> count = Count(run, &more, &stopped);
  if (!count.ok()) return ReportError(count.status());
  if (run.options.json) {
    std::cout << JsonLine({{"count", *count}, {"more", more || stopped}}) << '\n';
  } else {
    std::cout << *count << '\n';
  }
  if (stopped) return Interrupted();
  if (more) Note("there are more: so many were counted");
  const absl::Status told = NoteWhatStoreLacks(run.source, AsksForMoreThanTimes(run.request.filter()));
  return told.ok() ? ExitCode::kFine : ReportError(told);
}

ExitCode RunStatistics(const CallsRun& run) {
  const absl::StatusOr<v1::StatisticsRequest> request =
      ToStatisticsRequest(run.options.statistics, run.request.filter());
  if (!request.ok()) return ReportError(request.status());
  const absl::StatusOr<v1::Statistics> statistics = run.source.GetStatistics(*request);
  if (!statistics.ok()) return ReportError(statistics.status());
  if (absl::Status status = PrintStatistics(*request, *statistics, run.options.form()); !status.ok())
    return ReportError(status);
  const absl::Status told = NoteWhatStoreLacks(run.source, AsksForMoreThanTimes(run.request.filter()));
  return told.ok() ? ExitCode::kFine : ReportError(told);
}

// INVALID_ARGUMENT for options of which one would have no effect beside the other.
absl::Status CheckTogether(const CallsOptions& options) {
  const auto both = [](const char* one, const char* other) {
    return absl::InvalidArgumentError(absl::StrCat(one, " and ", other, " do not go together"));
  };
  if (options.json && options.csv) return both("--json", "--csv");
  if (options.count && options.csv) return both("--count", "--csv");
  const char* number = options.count ? "--count" : (options.statistics.given() ? "--stats" : nullptr);
  if (number == nullptr) return absl::OkStatus();
  if (options.count && options.statistics.given()) return both("--count", "--stats");
  if (!options.after.empty()) return both(number, "--after");
  if (!options.prove.empty()) return both(number, "--prove");
  if (options.filter.limit.has_value()) return both(number, "--limit");
  return absl::OkStatus();
}

ExitCode RunCalls(const CommandContext& context, const CallsOptions& options) {
  if (absl::Status status = CheckTogether(options); !status.ok()) return ReportError(status);
  const absl::StatusOr<v1::Filter> filter = ToFilter(options.filter, absl::Now());
  if (!filter.ok()) return ReportError(filter.status());
  v1::SearchCallsRequest request;
  *request.mutable_filter() = *filter;
  if (!options.after.empty()) {
    const absl::StatusOr<uint64_t> after = ReadId(options.after, "call");
    if (!after.ok()) return ReportError(after.status());
    request.set_after(recorder::FormatId(*after));
  }
  // Before anything that starts threads.
  std::optional<StopOnSignal> stop;
  if (NeedsScan(*filter)) stop.emplace();
  const auto source = OpenRecord(context);
  if (!source.ok()) return ReportError(source.status());
  if (absl::Status status = CheckKnown(**source, request, options.filter, options.after); !status.ok())
    return ReportError(status);
  const CallsRun run = {**source, options, request, stop.has_value() ? stop->token() : std::stop_token()};
  if (options.count) return RunCount(run);
  return options.statistics.given() ? RunStatistics(run) : RunList(run);
}

void AddFormOptions(CLI::App* command, CallsOptions* options) {
  command->add_flag("--json", options->json, "One JSON object per line, for programs");
  command->add_flag("--csv", options->csv,
                    "A table for spreadsheets, in which texts that look like formulas have an apostrophe before them");
  command->add_flag("--wide", options->wide, "More columns, with nothing cut short");
  command->add_flag("--count", options->count, "Only how many calls match, counted to the last");
  command->add_flag(
      "--stats", options->statistics.stats,
      "Only numbers: calls, errors, refusals, latency and bytes, by method unless --group-by says otherwise");
  command
      ->add_option("--group-by", options->statistics.group_by,
                   "Numbers by method, identity, upstream or status, or by several with commas between them")
      ->type_name("KEYS")
      ->check(NotEmpty());
  command->add_option("--interval", options->statistics.interval, "Numbers for every so long, such as 1h")
      ->type_name("DURATION")
      ->check(NotEmpty());
}

}  // namespace

void AddCallsCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<CallsOptions>();
  CLI::App* command = app->add_subcommand("calls", "List recorded calls, newest first");
  command->footer(kFooter);
  AddRecordOptions(command, context);
  AddFormOptions(command, options.get());
  command->add_option("--after", options->after, "Only calls that come after this one in the list")
      ->type_name("ID")
      ->check(NotEmpty());
  command
      ->add_option("--prove", options->prove,
                   "Also write what shows that nothing between the calls listed was left out; `sallyport verify "
                   "--evidence` checks it")
      ->type_name("FILE");
  AddCallFilterOptions(command, &options->filter);
  AddCallSearchOptions(command, &options->filter);
  command->callback([context, options] { context->run = [context, options] { return RunCalls(*context, *options); }; });
}

}  // namespace sallyport::replay
