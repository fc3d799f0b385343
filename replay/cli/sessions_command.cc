#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "protos/quantities.h"
#include "recorder/format/call_id.h"
#include "replay/cli/call_options.h"
#include "replay/cli/command.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_json.h"
#include "replay/cli/record_options.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/exact_text.h"
#include "replay/view/proto_time.h"
#include "replay/view/reading.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
A session is the calls of one identity that belong together: those on one connection, or those that carry the same
`sallyport-session` metadata value (NAME). Times are in UTC; the session that began last comes first.

Examples:
  sallyport sessions --since 1d
  sallyport calls --session 1j7xk2m9q4z)";

struct SessionsOptions {
  std::string identity;
  std::string since;
  std::string after;
  int limit = 50;
  bool json = false;
};

absl::StatusOr<v1::SearchSessionsRequest> ToRequest(const SessionsOptions& options, absl::Time now) {
  v1::SearchSessionsRequest request;
  request.set_identity(options.identity);
  if (!options.since.empty()) {
    const absl::StatusOr<absl::Time> since = ParseTime(options.since, now);
    if (!since.ok()) return absl::InvalidArgumentError(absl::StrCat("--since: ", since.status().message()));
    if (absl::Status status = CheckNotAhead("--since", options.since, *since, now); !status.ok()) return status;
    SetTime(*since, request.mutable_since());
  }
  if (!options.after.empty()) {
    const absl::StatusOr<uint64_t> after = ReadId(options.after, "session");
    if (!after.ok()) return after.status();
    request.set_after(recorder::FormatId(*after));
  }
  return request;
}

ExitCode RunSessions(const CommandContext& context, const SessionsOptions& options) {
  const absl::StatusOr<v1::SearchSessionsRequest> request = ToRequest(options, absl::Now());
  if (!request.ok()) return ReportError(request.status());
  const auto source = OpenRecord(context);
  if (!source.ok()) return ReportError(source.status());
  if (absl::Status status = CheckSession(**source, request->after(), "--after", options.after); !status.ok())
    return ReportError(status);

  using Align = Table::Align;
  Table table({{"SESSION", Align::kLeft},
               {"IDENTITY", Align::kLeft, 30},
               {"NAME", Align::kLeft, 24},
               {"PEER", Align::kLeft, 32},
               {"FIRST CALL", Align::kLeft},
               {"LAST CALL", Align::kLeft},
               {"CALLS", Align::kRight}});
  std::string last;
  const auto list = [&](const v1::SessionSummary& session) {
    last = session.id();
    if (options.json) {
      std::cout << JsonLine(SessionJson(session)) << '\n';
      return absl::OkStatus();
    }
    const std::string& name = ExactText(session.name(), "name", session.exact());
    table.AddRow({session.id(), Printable(session.identity()), name.empty() ? "-" : Printable(name),
                  PeerText(session.peer()), HumanTime(ToTime(session.first_start())).substr(0, 19),
                  HumanTime(ToTime(session.last_start())).substr(0, 19), absl::StrCat(session.calls())});
    return absl::OkStatus();
  };
  const absl::StatusOr<bool> more = ForEachSession(**source, *request, options.limit, list);
  if (!more.ok()) return ReportError(more.status());
  if (!options.json) table.Print(std::cout);
  if (*more) Note(absl::StrCat("there are more sessions: --after ", last, " lists the next, --limit 0 all"));
  const absl::Status told = NoteWhatStoreLacks(**source, true);
  return told.ok() ? ExitCode::kFine : ReportError(told);
}

}  // namespace

void AddSessionsCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<SessionsOptions>();
  CLI::App* command = app->add_subcommand("sessions", "List sessions, newest first");
  command->footer(kFooter);
  AddRecordOptions(command, context);
  command->add_flag("--json", options->json, "One JSON object per line, for programs");
  command->add_option("--identity", options->identity, "Who called")->type_name("GLOB")->check(NotEmpty());
  command->add_option("--since", options->since, "With a call at or after: 10m (ago), 2026-01-02T03:04 (UTC)")
      ->type_name("TIME")
      ->check(NotEmpty());
  command->add_option("--after", options->after, "Only sessions that come after this one in the list")
      ->type_name("ID")
      ->check(NotEmpty());
  command->add_option("--limit", options->limit, "At most so many, 0 for all")
      ->type_name("N")
      ->capture_default_str()
      ->check(WholeNumber(0, 1'000'000'000));
  command->callback(
      [context, options] { context->run = [context, options] { return RunSessions(*context, *options); }; });
}

}  // namespace sallyport::replay
