#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/format/call_id.h"
#include "recorder/system/file.h"
#include "recorder/system/private_file.h"
#include "recorder/write/legal_holds.h"
#include "replay/cli/command.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/reading.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
What is held is neither deleted by retention nor shredded by `sallyport keys shred`, and with it everything else that is in the
same segments. A hold on callers covers their calls to come as well. The gateway may be running.

Examples:
  sallyport hold-data --session 1j7xk2m9q4z --reason 'case 4711'
  sallyport hold-data --identity 'https://idp.example#alice'
  sallyport hold-data --list
  sallyport hold-data --release 3)";

struct HoldDataOptions {
  std::string session;
  std::string identity;
  std::string reason;
  std::optional<uint64_t> release;
  bool list = false;
  bool json = false;
};

struct OpenLegalHolds {
  recorder::StoreLayout layout;
  std::unique_ptr<recorder::StoreKeys> keys;
  recorder::LegalHoldList list;
};

absl::StatusOr<OpenLegalHolds> Open(const CommandContext& context) {
  const recorder::StoreLayout layout(context.data_directory);
  if (absl::Status status = CheckStoreOf(context); !status.ok()) return status;
  const absl::StatusOr<std::optional<recorder::KeySource>> source = KeysOf(context);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> keys = recorder::StoreKeys::Open(layout, *source);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<recorder::LegalHoldList> list = recorder::LegalHoldList::Load(layout, **keys);
  if (!list.ok()) return list.status();
  return OpenLegalHolds{layout, *std::move(keys), *std::move(list)};
}

ExitCode RunList(const CommandContext& context, const HoldDataOptions& options) {
  const absl::StatusOr<OpenLegalHolds> holds = Open(context);
  if (!holds.ok()) return ReportError(holds.status());
  Table table({{"HOLD", Table::Align::kRight}, {"PLACED"}, {"SESSION"}, {"IDENTITY"}, {"REASON"}});
  for (const recorder::LegalHold& hold : holds->list.holds()) {
    const std::string session = hold.session_id == 0 ? "" : recorder::FormatId(hold.session_id);
    if (options.json) {
      std::cout << JsonLine({{"hold", hold.id},
                             {"created", ExactTime(hold.created)},
                             {"session", session.empty() ? Json() : Json(session)},
                             {"identity", hold.identity.empty() ? Json() : Json(hold.identity)},
                             {"reason", hold.reason}})
                << '\n';
      continue;
    }
    table.AddRow({absl::StrCat(hold.id), HumanTime(hold.created), session.empty() ? "-" : session,
                  hold.identity.empty() ? "-" : Printable(hold.identity),
                  hold.reason.empty() ? "-" : Printable(hold.reason)});
  }
  if (!options.json) table.Print(std::cout);
  return ExitCode::kFine;
}

// Changes the list and puts it in place of the old one. Takes turns with whoever else changes it, and with whoever
// deletes.
absl::Status ChangeList(const CommandContext& context,
                        absl::FunctionRef<absl::Status(recorder::LegalHoldList& list)> change) {
  const recorder::StoreLayout layout(context.data_directory);
  if (absl::Status status = CheckStoreOf(context); !status.ok()) return status;
  if (absl::Status status = recorder::CheckOwner(layout.LogDirectory()); !status.ok()) return status;
  const auto lock = recorder::TakeLegalHoldsLock(layout);
  absl::StatusOr<OpenLegalHolds> holds = Open(context);
  if (!holds.ok()) return holds.status();
  if (!lock.ok()) return lock.status();
  if (absl::Status status = change(holds->list); !status.ok()) return status;
  return holds->list.Save(layout, *holds->keys, recorder::RealFileSystem());
}

ExitCode RunRelease(const CommandContext& context, const HoldDataOptions& options) {
  absl::Status released;
  const absl::Status status = ChangeList(context, [&](recorder::LegalHoldList& list) {
    released = list.Release(*options.release);
    return released;
  });
  if (absl::IsNotFound(released)) {
    std::cerr << "sallyport: " << std::string(released.message()) << '\n';
    return ExitCode::kNegative;
  }
  if (!status.ok()) return ReportError(status);
  std::cout << "hold " << *options.release << " released\n";
  return ExitCode::kFine;
}

// A hold on a session that was mistyped would hold nothing.
absl::StatusOr<uint64_t> FindSession(const CommandContext& context, const std::string& typed) {
  const absl::StatusOr<uint64_t> session = ReadId(typed, "session");
  if (!session.ok()) return session.status();
  const auto source = OpenRecord(context);
  if (!source.ok()) return source.status();
  absl::Status status = CheckSession(**source, recorder::FormatId(*session), "--session", typed);
  if (!status.ok()) return status;
  return *session;
}

absl::Status NoteUnknownCaller(const CommandContext& context, const std::string& identity) {
  const auto source = OpenRecord(context);
  if (!source.ok()) return source.status();
  v1::Filter filter;
  filter.set_identity(identity);
  const absl::StatusOr<bool> any = AnyCall(**source, filter);
  if (!any.ok()) return any.status();
  if (!*any) {
    Note(absl::StrCat("no call here is of ", Printable(identity),
                      " yet: callers are named as `sallyport calls "
                      "--wide` lists them, such as ISSUER#SUBJECT"));
  }
  return absl::OkStatus();
}

ExitCode RunPlace(const CommandContext& context, const HoldDataOptions& options) {
  recorder::LegalHold hold;
  hold.identity = options.identity;
  hold.reason = options.reason;
  hold.created = absl::Now();
  if (!options.session.empty()) {
    const absl::StatusOr<uint64_t> session = FindSession(context, options.session);
    if (!session.ok()) return ReportError(session.status());
    hold.session_id = *session;
  }
  uint64_t id = 0;
  absl::Status status = ChangeList(context, [&](recorder::LegalHoldList& list) {
    const absl::StatusOr<uint64_t> given = list.Add(std::move(hold));
    if (given.ok()) id = *given;
    return given.status();
  });
  if (!status.ok()) return ReportError(status);
  std::cout << "hold " << id << " placed\n";
  if (!options.identity.empty()) status = NoteUnknownCaller(context, options.identity);
  return status.ok() ? ExitCode::kFine : ReportError(status);
}

ExitCode RunHoldData(const CommandContext& context, const HoldDataOptions& options) {
  const int asked = (options.session.empty() ? 0 : 1) + (options.identity.empty() ? 0 : 1) + (options.list ? 1 : 0) +
                    (options.release.has_value() ? 1 : 0);
  if (asked != 1) {
    return ReportError(absl::InvalidArgumentError("say one of --session ID, --identity GLOB, --list and --release N"));
  }
  if (options.list) return RunList(context, options);
  return options.release.has_value() ? RunRelease(context, options) : RunPlace(context, options);
}

}  // namespace

void AddHoldDataCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<HoldDataOptions>();
  CLI::App* command = app->add_subcommand("hold-data", "Keep calls from being deleted or shredded (legal hold)");
  command->footer(kFooter);
  AddDataOption(command, context);
  command->add_option("--session", options->session, "Hold this session's calls")->type_name("ID")->check(NotEmpty());
  command->add_option("--identity", options->identity, "Hold the calls of these callers, those to come included")
      ->type_name("GLOB")
      ->check(NotEmpty());
  command->add_option("--reason", options->reason, "Why, for the list")->type_name("TEXT");
  command->add_option("--release", options->release, "End a hold, by its number in the list")
      ->type_name("N")
      ->check(WholeNumber(1, std::numeric_limits<uint64_t>::max()));
  command->add_flag("--list", options->list, "List the holds there are");
  command->add_flag("--json", options->json, "With --list: one JSON object per line, for programs");
  command->callback(
      [context, options] { context->run = [context, options] { return RunHoldData(*context, *options); }; });
}

}  // namespace sallyport::replay
