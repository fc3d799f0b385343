#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/call_id.h"
#include "recorder/holds.h"
#include "recorder/keys/private_file.h"
#include "recorder/log/file.h"
#include "replay/cli/command.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"

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

struct OpenHolds {
  recorder::StoreLayout layout;
  std::unique_ptr<recorder::StoreKeys> keys;
  recorder::HoldList list;
};

absl::StatusOr<OpenHolds> Open(const CommandContext& context) {
  const recorder::StoreLayout layout(context.data_directory);
  if (absl::Status status = CheckStoreOf(context); !status.ok()) return status;
  const absl::StatusOr<std::optional<recorder::KeySource>> source = KeysOf(context);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> keys =
      recorder::StoreKeys::Open(layout, *source, recorder::StoreKeys::Access::kRead, recorder::RealFileSystem());
  if (!keys.ok()) return keys.status();
  absl::StatusOr<recorder::HoldList> list = recorder::HoldList::Load(layout, **keys);
  if (!list.ok()) return list.status();
  return OpenHolds{layout, *std::move(keys), *std::move(list)};
}

absl::Status Save(const OpenHolds& holds) {
  return holds.list.Save(holds.layout, *holds.keys, recorder::RealFileSystem());
}

ExitCode RunList(const CommandContext& context, const HoldDataOptions& options) {
  const absl::StatusOr<OpenHolds> holds = Open(context);
  if (!holds.ok()) return ReportError(holds.status());
  Table table({{"HOLD", Table::Align::kRight}, {"PLACED"}, {"SESSION"}, {"IDENTITY"}, {"REASON"}});
  for (const recorder::Hold& hold : holds->list.holds()) {
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

// Both change the list, so they take turns with whoever else does, and with whoever deletes.
ExitCode RunRelease(const CommandContext& context, const HoldDataOptions& options) {
  const recorder::StoreLayout layout(context.data_directory);
  if (absl::Status status = CheckStoreOf(context); !status.ok()) return ReportError(status);
  if (absl::Status status = recorder::CheckOwner(layout.LogDirectory()); !status.ok()) return ReportError(status);
  const auto lock = recorder::TakeHoldsLock(layout);
  absl::StatusOr<OpenHolds> holds = Open(context);
  if (!holds.ok()) return ReportError(holds.status());
  if (!lock.ok()) return ReportError(lock.status());
  absl::Status status = holds->list.Release(*options.release);
  if (absl::IsNotFound(status)) {
    std::cerr << "sallyport: " << std::string(status.message()) << '\n';
    return ExitCode::kNegative;
  }
  if (status.ok()) status = Save(*holds);
  if (!status.ok()) return ReportError(status);
  std::cout << "hold " << *options.release << " released\n";
  return ExitCode::kFine;
}

ExitCode RunAdd(const CommandContext& context, const HoldDataOptions& options) {
  recorder::Hold hold;
  hold.identity = options.identity;
  hold.reason = options.reason;
  hold.created = absl::Now();
  if (!options.session.empty()) {
    const absl::StatusOr<uint64_t> session = ReadId(options.session, "session");
    if (!session.ok()) return ReportError(session.status());
    hold.session_id = *session;
    // A hold on a session that was mistyped would hold nothing.
    const auto reader = OpenStore(context);
    if (!reader.ok()) return ReportError(reader.status());
    if (absl::Status status = CheckSession(**reader, hold.session_id, "--session", options.session); !status.ok()) {
      return ReportError(status);
    }
  }
  const recorder::StoreLayout layout(context.data_directory);
  if (absl::Status status = CheckStoreOf(context); !status.ok()) return ReportError(status);
  if (absl::Status status = recorder::CheckOwner(layout.LogDirectory()); !status.ok()) return ReportError(status);
  const auto lock = recorder::TakeHoldsLock(layout);
  absl::StatusOr<OpenHolds> holds = Open(context);
  if (!holds.ok()) return ReportError(holds.status());
  if (!lock.ok()) return ReportError(lock.status());
  const absl::StatusOr<uint64_t> id = holds->list.Add(std::move(hold));
  if (!id.ok()) return ReportError(id.status());
  if (absl::Status status = Save(*holds); !status.ok()) return ReportError(status);
  std::cout << "hold " << *id << " placed\n";
  if (!options.identity.empty()) {
    const auto reader = OpenStore(context);
    if (!reader.ok()) return ReportError(reader.status());
    recorder::CallQuery query;
    query.identity = options.identity;
    query.limit = 1;
    const auto calls = (*reader)->Calls(query);
    if (!calls.ok()) return ReportError(calls.status());
    if (calls->empty()) {
      Note(absl::StrCat("no call here is of ", Printable(options.identity),
                        " yet: callers are named as `sallyport calls "
                        "--wide` lists them, such as ISSUER#SUBJECT"));
    }
  }
  return ExitCode::kFine;
}

ExitCode RunHoldData(const CommandContext& context, const HoldDataOptions& options) {
  const int asked = (options.session.empty() ? 0 : 1) + (options.identity.empty() ? 0 : 1) + (options.list ? 1 : 0) +
                    (options.release.has_value() ? 1 : 0);
  if (asked != 1) {
    return ReportError(absl::InvalidArgumentError("say one of --session ID, --identity GLOB, --list and --release N"));
  }
  if (options.list) return RunList(context, options);
  return options.release.has_value() ? RunRelease(context, options) : RunAdd(context, options);
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
