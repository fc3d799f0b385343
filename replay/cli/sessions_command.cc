#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "protos/quantities.h"
#include "recorder/call_id.h"
#include "replay/cli/call_filter.h"
#include "replay/cli/command.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr int kPage = 500;

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

absl::StatusOr<recorder::SessionQuery> ToQuery(const SessionsOptions& options, absl::Time now) {
  recorder::SessionQuery query;
  query.identity = options.identity;
  if (!options.since.empty()) {
    const absl::StatusOr<absl::Time> since = ParseTime(options.since, now);
    if (!since.ok()) return absl::InvalidArgumentError(absl::StrCat("--since: ", since.status().message()));
    query.since = *since;
    if (absl::Status status = CheckNotAhead("--since", options.since, query.since, now); !status.ok()) return status;
  }
  if (!options.after.empty()) {
    const absl::StatusOr<uint64_t> after = ReadId(options.after, "session");
    if (!after.ok()) return after.status();
    query.after = *after;
  }
  return query;
}

// Hands on sessions up to `limit` (0: all). True if there are more.
absl::StatusOr<bool> ForEachSession(recorder::RecordReader* reader, recorder::SessionQuery query, int limit,
                                    absl::FunctionRef<void(const recorder::SessionSummary&)> session) {
  int left = limit;
  while (true) {
    query.limit = limit == 0 ? kPage : std::min(kPage, left + 1);
    absl::StatusOr<std::vector<recorder::SessionSummary>> page = reader->Sessions(query);
    if (!page.ok()) return page.status();
    for (const recorder::SessionSummary& summary : *page) {
      if (limit != 0 && left-- == 0) return true;
      session(summary);
    }
    if (page->size() < static_cast<size_t>(query.limit)) return false;
    query.after = page->back().id;
  }
}

ExitCode RunSessions(const CommandContext& context, const SessionsOptions& options) {
  const absl::StatusOr<recorder::SessionQuery> query = ToQuery(options, absl::Now());
  if (!query.ok()) return ReportError(query.status());
  auto reader = OpenStore(context);
  if (!reader.ok()) return ReportError(reader.status());
  if (absl::Status status = CheckSession(**reader, query->after, "--after", options.after); !status.ok())
    return ReportError(status);

  using Align = Table::Align;
  Table table({{"SESSION", Align::kLeft},
               {"IDENTITY", Align::kLeft, 30},
               {"NAME", Align::kLeft, 24},
               {"PEER", Align::kLeft, 32},
               {"FIRST CALL", Align::kLeft},
               {"LAST CALL", Align::kLeft},
               {"CALLS", Align::kRight}});
  uint64_t last = 0;
  const absl::StatusOr<bool> more =
      ForEachSession(reader->get(), *query, options.limit, [&](const recorder::SessionSummary& session) {
        last = session.id;
        if (options.json) {
          std::cout << JsonLine(SessionJson(session)) << '\n';
          return;
        }
        table.AddRow({recorder::FormatId(session.id), Printable(session.identity),
                      session.name.empty() ? "-" : Printable(session.name), PeerText(session.peer),
                      HumanTime(session.first_start).substr(0, 19), HumanTime(session.last_start).substr(0, 19),
                      absl::StrCat(session.calls)});
      });
  if (!more.ok()) return ReportError(more.status());
  if (!options.json) table.Print(std::cout);
  if (*more) {
    Note(absl::StrCat("there are more sessions: --after ", recorder::FormatId(last), " lists the next, --limit 0 all"));
  }
  const absl::Status told = TellAboutStore(**reader, true);
  return told.ok() ? ExitCode::kFine : ReportError(told);
}

}  // namespace

void AddSessionsCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<SessionsOptions>();
  CLI::App* command = app->add_subcommand("sessions", "List sessions, newest first");
  command->footer(kFooter);
  AddDataOption(command, context);
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
