#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "recorder/format/call_id.h"
#include "replay/cli/call_options.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/policy/policy_command.h"
#include "replay/cli/policy/policy_dry_run.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/reading.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Puts recorded calls to the policy and compares with what happened to them: refused with PERMISSION_DENIED by the gateway, or
let through. It goes by what the record has: the identity, groups and metadata of then. Limits are played through with
the recorded times, over the calls that were chosen. Calls that were refused before any policy is asked are left out. With
record rules it also says how many bytes of payload they would leave.

Examples:
  sallyport policy dry-run new-policy.yaml --data /var/lib/sallyport --since 7d
  sallyport policy dry-run new-policy.yaml --identity '*#alice' --json | jq '.groups[]'

Exit status: 0 no call would end otherwise, 1 some would.)";

struct DryRunOptions {
  std::string file;
  CallFilter filter;
  bool json = false;
};

// Counts on one line over and over, where there is a terminal.
class Progress {
 public:
  void Step() {
    if (terminal_ && ++calls_ % 1000 == 0) std::cerr << "\r\x1b[K" << calls_ << " calls" << std::flush;
  }
  void Clear() const {
    if (terminal_) std::cerr << "\r\x1b[K" << std::flush;
  }

 private:
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  uint64_t calls_ = 0;
};

std::string ChangeName(PolicyChange change) {
  switch (change) {
    case PolicyChange::kDeny:
      return "deny";
    case PolicyChange::kAllow:
      return "allow";
    case PolicyChange::kLimit:
      return "limit";
    case PolicyChange::kShadow:
      return "shadow";
  }
  return "";
}

// Hands the calls that were chosen to the dry run, the oldest first: all of them, or the newest `--limit`.
absl::StatusOr<ListedCalls> AddCalls(CallSource& source, const DryRunOptions& options, const v1::Filter& filter,
                                     PolicyDryRun* dry_run) {
  Progress progress;
  ListedCalls added;
  const auto add = [&](const v1::CallSummary& summary) {
    progress.Step();
    ++added.count;
    return dry_run->Add(source, summary);
  };
  v1::SearchCallsRequest request;
  *request.mutable_filter() = filter;
  absl::Status status;
  if (const int limit = options.filter.limit.value_or(0); limit == 0) {
    request.set_order(v1::CALL_ORDER_OLDEST_FIRST);
    status = ForEachCall(source, request, 0, add).status();
  } else {
    std::vector<v1::CallSummary> newest;
    const absl::StatusOr<bool> more = ForEachCall(source, request, limit, [&](const v1::CallSummary& summary) {
      newest.push_back(summary);
      return absl::OkStatus();
    });
    status = more.status();
    added.more = more.ok() && *more;
    for (auto summary = newest.rbegin(); status.ok() && summary != newest.rend(); ++summary) status = add(*summary);
  }
  progress.Clear();
  if (!status.ok()) return status;
  return added;
}

Json RecordedJson(const DryRunResult& result) {
  Json rules = Json::array();
  for (const RecordSaving& saving : result.recorded) {
    rules.push_back(
        {{"rule", saving.rule}, {"calls", saving.calls}, {"payload_now", saving.now}, {"payload_then", saving.then}});
  }
  return rules;
}

void PrintJson(const policy::Policy& policy, const DryRunResult& result) {
  Json groups = Json::array();
  for (const ChangeGroup& group : result.groups) {
    groups.push_back({{"change", ChangeName(group.change)},
                      {"rule", group.rule},
                      {"identity", group.identity},
                      {"method", group.method},
                      {"calls", group.calls},
                      {"examples", group.examples}});
  }
  std::cout << JsonLine({{"policy", policy.version()},
                         {"calls", result.calls},
                         {"unchanged", result.calls - result.changed()},
                         {"would_deny", result.of(PolicyChange::kDeny)},
                         {"would_allow", result.of(PolicyChange::kAllow)},
                         {"would_limit", result.of(PolicyChange::kLimit)},
                         {"in_shadow", result.of(PolicyChange::kShadow)},
                         {"undecided", result.undecided},
                         {"shredded", result.shredded},
                         {"unreadable", result.unreadable},
                         {"groups", groups},
                         {"ungrouped", result.ungrouped},
                         {"recorded", RecordedJson(result)},
                         {"unmeasured", result.unmeasured}})
            << '\n';
}

std::string ChangeCell(PolicyChange change) {
  switch (change) {
    case PolicyChange::kDeny:
      return "would be denied";
    case PolicyChange::kAllow:
      return "would be allowed";
    case PolicyChange::kLimit:
      return "would be limited";
    case PolicyChange::kShadow:
      return "noted in shadow";
  }
  return "";
}

void PrintLeftOut(uint64_t calls, const char* why) {
  if (calls > 0) std::cout << calls << (calls == 1 ? " call " : " calls ") << why << '\n';
}

// What the record rules would leave of the payload; nothing without any.
void PrintRecorded(const DryRunResult& result) {
  if (result.recorded.empty()) return;
  RecordSaving sum;
  Table table({{"RECORD RULE", Table::Align::kLeft, 40},
               {"CALLS", Table::Align::kRight},
               {"PAYLOAD NOW", Table::Align::kRight},
               {"THEN", Table::Align::kRight}});
  for (const RecordSaving& saving : result.recorded) {
    sum.now += saving.now;
    sum.then += saving.then;
    table.AddRow({Printable(saving.rule), absl::StrCat(saving.calls), HumanSize(saving.now), HumanSize(saving.then)});
  }
  std::cout << '\n';
  table.Print(std::cout);
  std::cout << "payload recorded: " << HumanSize(sum.now) << " now, " << HumanSize(sum.then)
            << " under this policy, before compression\n";
  PrintLeftOut(result.unmeasured, "whose frames cannot all be read, and not in these sums");
}

void PrintText(const policy::Policy& policy, const DryRunResult& result) {
  if (!result.groups.empty()) {
    Table table({{"", Table::Align::kLeft, 18},
                 {"BY", Table::Align::kLeft, 40},
                 {"IDENTITY", Table::Align::kLeft, 30},
                 {"METHOD", Table::Align::kLeft, 42},
                 {"CALLS", Table::Align::kRight},
                 {"SUCH AS"}});
    for (const ChangeGroup& group : result.groups) {
      table.AddRow({ChangeCell(group.change), Printable(group.rule), Printable(group.identity), Printable(group.method),
                    absl::StrCat(group.calls), absl::StrJoin(group.examples, " ")});
    }
    table.Print(std::cout);
    PrintLeftOut(result.ungrouped, "more in further groups");
    std::cout << '\n';
  }
  std::cout << result.calls << (result.calls == 1 ? " call" : " calls") << " under policy " << policy.version() << ": "
            << result.calls - result.changed() << " unchanged, " << result.of(PolicyChange::kDeny)
            << " would be denied, " << result.of(PolicyChange::kAllow) << " allowed, "
            << result.of(PolicyChange::kLimit) << " limited\n";
  PrintLeftOut(result.undecided, "refused before any policy was asked, and left out");
  PrintLeftOut(result.shredded, "shredded, and left out");
  PrintLeftOut(result.unreadable, "whose record is damaged, and left out");
  PrintRecorded(result);
}

ExitCode RunDryRun(const CommandContext& context, const DryRunOptions& options) {
  const auto policy = policy::Policy::Load(options.file);
  if (!policy.ok()) return ReportError(policy.status());
  const absl::StatusOr<v1::Filter> filter = ToFilter(options.filter, absl::Now());
  if (!filter.ok()) return ReportError(filter.status());
  const auto source = OpenRecord(context);
  if (!source.ok()) return ReportError(source.status());
  v1::SearchCallsRequest request;
  *request.mutable_filter() = *filter;
  if (absl::Status status = CheckKnown(**source, request, options.filter); !status.ok()) return ReportError(status);
  PolicyDryRun dry_run(*policy);
  const absl::StatusOr<ListedCalls> added = AddCalls(**source, options, *filter, &dry_run);
  if (!added.ok()) return ReportError(added.status());
  const DryRunResult result = std::move(dry_run).Finish();
  options.json ? PrintJson(**policy, result) : PrintText(**policy, result);
  const absl::Status told = NoteWhatCallsLack(**source, options.filter, *filter, *added);
  if (!told.ok()) return ReportError(told);
  return result.changed() == 0 ? ExitCode::kFine : ExitCode::kNegative;
}

}  // namespace

void AddPolicyDryRunCommand(CLI::App* policy, CommandContext* context) {
  auto options = std::make_shared<DryRunOptions>();
  CLI::App* command = policy->add_subcommand("dry-run", "Show what a policy would have changed for recorded calls");
  command->footer(kFooter);
  AddPolicyFileOption(command, &options->file);
  AddDataOption(command, context);
  command->add_flag("--json", options->json, "One JSON object, for programs");
  AddCallFilterOptions(command, &options->filter);
  command->callback(
      [context, options] { context->run = [context, options] { return RunDryRun(*context, *options); }; });
}

}  // namespace sallyport::replay
