#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <memory>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "protos/quantities.h"
#include "recorder/keys/key_admin.h"
#include "recorder/keys/sealed_view.h"
#include "recorder/write/legal_holds.h"
#include "replay/cli/command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
What is recorded is sealed with a key for each segment of the log, and those are wrapped with a key-encryption key, which
is in a keyring or behind a command (recorder/KEYS.md). Run these as the user whom the files belong to; the gateway may
go on running.

Examples:
  sallyport keys status
  sallyport keys rotate && sallyport keys rewrap --drop-unused
  sallyport keys shred --before 90d

API keys of service accounts are in a file of their own, which the gateway reads (identity.api_keys.file):
  sallyport keys issue-api-key --file api-keys --subject ci --groups build,deploy --expires 90d
  sallyport keys list-api-keys --file api-keys
  sallyport keys revoke-api-key --file api-keys ID)";

struct KeysOptions {
  bool json = false;
  bool drop_unused = false;
  bool yes = false;
  std::vector<uint64_t> segments;
  std::string before;
  std::string out;
};

using Keys = std::optional<recorder::KeySource>;

recorder::StoreLayout LayoutOf(const CommandContext& context) { return recorder::StoreLayout(context.data_directory); }

std::string ListOf(const std::vector<uint64_t>& segments) { return absl::StrJoin(segments, ", "); }
std::string SegmentsOf(const std::vector<uint64_t>& segments) {
  return absl::StrCat(segments.size() == 1 ? "segment " : "segments ", ListOf(segments));
}

Json StatusJson(const recorder::KeysStatus& status) {
  Json keks = Json::array();
  for (const auto& use : status.key_encryption_keys) {
    keks.push_back({{"id", use.id},
                    {"created", use.created.has_value() ? Json(ExactTime(*use.created)) : Json()},
                    {"current", use.current},
                    {"missing", use.missing},
                    {"key_files", use.key_files}});
  }
  Json segments = Json::array();
  for (const auto& segment : status.segments) {
    const auto& kek = segment.key_encryption_key;
    segments.push_back({{"segment", segment.segment},
                        {"key_encryption_key", kek.has_value() ? Json(*kek) : Json()},
                        {"shredded", segment.shredded}});
  }
  return {{"source", status.source},
          {"store", status.store_id},
          {"verifier_key", status.verifier_key},
          {"key_encryption_keys", keks},
          {"segments", segments}};
}

void PrintStatus(const recorder::KeysStatus& status) {
  std::vector<uint64_t> shredded;
  std::vector<uint64_t> missing;
  for (const auto& segment : status.segments) {
    if (segment.key_encryption_key.has_value()) continue;
    (segment.shredded ? shredded : missing).push_back(segment.segment);
  }
  const auto which = [](const std::vector<uint64_t>& segments) {
    const std::string list = ListOf(segments);
    return segments.empty() ? "" : absl::StrCat(": ", OutputFit() == Fit::kCut ? CutMiddle(list, 60) : list);
  };
  std::cout << "keys from        " << Printable(status.source) << "\nverifier key     " << status.verifier_key
            << "\nsegments         " << status.segments.size() - shredded.size() - missing.size() << " with keys, "
            << shredded.size() << " shredded" << which(shredded) << '\n';
  if (!missing.empty()) {
    std::cout << "keys missing     " << missing.size() << which(missing)
              << " (put them back from a backup; if they were meant to go, `sallyport keys shred` says so)\n";
  }
  std::cout << '\n';
  Table table({{"KEY-ENCRYPTION KEY"}, {"CREATED"}, {"KEY FILES", Table::Align::kRight}, {""}});
  for (const auto& use : status.key_encryption_keys) {
    table.AddRow(
        {use.id, use.created.has_value() ? HumanTime(*use.created).substr(0, 19) : "-", std::to_string(use.key_files),
         use.missing ? "not in the keyring" : (use.current ? "current" : (use.key_files == 0 ? "unused" : ""))});
  }
  table.Print(std::cout);
}

ExitCode RunStatus(const CommandContext& context, const Keys& keys, const KeysOptions& options) {
  const absl::StatusOr<recorder::KeysStatus> status = recorder::ReadKeysStatus(LayoutOf(context), keys);
  if (!status.ok()) return ReportError(status.status());
  if (options.json) {
    std::cout << JsonLine(StatusJson(*status)) << '\n';
  } else {
    PrintStatus(*status);
  }
  return ExitCode::kFine;
}

ExitCode RunRotate(const CommandContext& context, const Keys& keys, const KeysOptions&) {
  const absl::StatusOr<recorder::Rotation> rotation =
      recorder::RotateKeyring(LayoutOf(context), keys, absl::Now(), recorder::RealFileSystem());
  if (!rotation.ok()) return ReportError(rotation.status());
  std::cout << "key-encryption key " << rotation->id << " is the current one in " << Printable(rotation->keyring)
            << std::endl;
  std::cerr << "Back the keyring up again. `sallyport keys rewrap` moves the older key files under the new key.\n";
  return ExitCode::kFine;
}

ExitCode RunRewrap(const CommandContext& context, const Keys& keys, const KeysOptions& options) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const absl::StatusOr<recorder::Rewrapping> done = recorder::RewrapKeys(
      LayoutOf(context), keys, options.drop_unused ? recorder::UnusedKeys::kDrop : recorder::UnusedKeys::kKeep,
      recorder::RealFileSystem(), [&](uint64_t files, uint64_t all) {
        if (terminal) std::cerr << "\r\x1b[K" << files << " of " << all << " key files" << std::flush;
      });
  if (terminal) std::cerr << "\r\x1b[K" << std::flush;
  if (!done.ok()) return ReportError(done.status());
  std::cout << done->rewrapped << (done->rewrapped == 1 ? " key file" : " key files") << " rewrapped, " << done->left
            << " left as they were\n";
  for (const std::string& id : done->dropped) std::cout << "key-encryption key " << id << " dropped\n";
  return ExitCode::kFine;
}

// Asks on the terminal. INVALID_ARGUMENT where there is nobody to ask.
absl::StatusOr<bool> Confirmed(const std::string& question) {
  if (isatty(STDIN_FILENO) == 0) {
    return absl::InvalidArgumentError("shredding cannot be undone: say --yes, or run it where it can ask");
  }
  // Nobody agrees to what could not be shown.
  if (!std::cout.flush()) return absl::UnavailableError("the output could not be written");
  std::cerr << question << " This cannot be undone. Type yes: " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return absl::StripAsciiWhitespace(answer) == "yes";
}

// What legal holds forbid to shred. Where there are none, no key is needed.
absl::StatusOr<std::set<uint64_t>> HeldSegments(const CommandContext& context, const Keys& source) {
  const recorder::StoreLayout layout = LayoutOf(context);
  if (!recorder::FileExists(layout.LegalHolds())) return std::set<uint64_t>();
  const absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> keys = recorder::StoreKeys::Open(layout, source);
  if (!keys.ok()) return keys.status();
  return recorder::HeldSegments(layout, **keys);
}

absl::StatusOr<recorder::ShredPlan> Plan(const CommandContext& context, const Keys& keys, const KeysOptions& options) {
  recorder::ShredQuery query;
  query.segments = options.segments;
  if (query.segments.empty() == options.before.empty()) {
    return absl::InvalidArgumentError("say which: --segment N (several allowed) or --before TIME");
  }
  if (!options.before.empty()) {
    const absl::StatusOr<absl::Time> before = ParseTime(options.before, absl::Now());
    if (!before.ok()) return absl::InvalidArgumentError(absl::StrCat("--before: ", before.status().message()));
    if (*before > absl::Now()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--before: ", options.before, " is ", HumanTime(*before).substr(0, 19),
                       " UTC, which is still to come, and now it is ", HumanTime(absl::Now()).substr(0, 19),
                       ": all that is closed would be shredded. Give a time that has passed"));
    }
    query.before = *before;
  }
  const absl::StatusOr<std::set<uint64_t>> held = HeldSegments(context, keys);
  if (!held.ok()) return held.status();
  return recorder::PlanShredding(LayoutOf(context), query,
                                 [&](uint64_t segment) -> absl::StatusOr<bool> { return held->contains(segment); });
}

ExitCode RunShred(const CommandContext& context, const Keys& keys, const KeysOptions& options) {
  // No hold is placed between the plan and the deed.
  const auto lock = recorder::TakeLegalHoldsLock(LayoutOf(context));
  if (!lock.ok()) return ReportError(lock.status());
  const absl::Status finished = recorder::FinishShredding(LayoutOf(context), recorder::RealFileSystem());
  if (!finished.ok()) return ReportError(finished);
  const absl::StatusOr<recorder::ShredPlan> plan = Plan(context, keys, options);
  if (!plan.ok()) return ReportError(plan.status());
  if (!plan->held.empty()) std::cerr << "held, and left alone: " << SegmentsOf(plan->held) << '\n';
  if (!plan->damaged.empty()) std::cerr << "damaged, and left alone: " << SegmentsOf(plan->damaged) << '\n';
  if (plan->segments.empty()) {
    std::cout << "no segment to shred\n";
    return plan->held.empty() ? ExitCode::kFine : ExitCode::kNegative;
  }
  using Align = Table::Align;
  Table table({{"SEGMENT", Align::kRight}, {"BEGUN"}, {"CLOSED"}, {"ENTRIES", Align::kRight}});
  for (const auto& segment : plan->segments) {
    table.AddRow({std::to_string(segment.number), HumanTime(segment.created), HumanTime(segment.closed),
                  std::to_string(segment.entries)});
  }
  table.Print(std::cout);
  if (!options.yes) {
    const absl::StatusOr<bool> confirmed =
        Confirmed(plan->segments.size() == 1 ? "Shred this segment, so that nobody can ever read it?"
                                             : "Shred these segments, so that nobody can ever read them?");
    if (!confirmed.ok()) return ReportError(confirmed.status());
    if (!*confirmed) {
      std::cout << "nothing was shredded\n";
      return ExitCode::kNegative;
    }
  }
  for (const auto& segment : plan->segments) {
    const absl::Status status = recorder::ShredSegment(LayoutOf(context), segment.number, recorder::RealFileSystem());
    if (!status.ok()) return ReportError(status);
    std::cout << "segment " << segment.number << " shredded\n";
  }
  return ExitCode::kFine;
}

ExitCode RunRevealKey(const KeysOptions& options) {
  const absl::StatusOr<recorder::RevealPrivateKey> key =
      recorder::RevealPrivateKey::Create(options.out, recorder::RealFileSystem());
  if (!key.ok()) return ReportError(key.status());
  std::cout << key->public_half().Format() << '\n';
  if (!std::cout.flush()) {
    return ReportError(absl::UnavailableError(
        absl::StrCat("the output could not be written, and the public half is nowhere else: remove ",
                     Printable(options.out), " and make another")));
  }
  std::cerr << "The public half is above, for the gateway. Keep " << Printable(options.out)
            << " away from it: who has that file can open what is sealed to it.\n";
  return ExitCode::kFine;
}

}  // namespace

void AddKeysCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<KeysOptions>();
  CLI::App* keys = app->add_subcommand("keys", "Look after the keys that protect what is recorded, and after API keys");
  keys->require_subcommand(0, 1);
  keys->footer(kFooter);
  using Runner = ExitCode (*)(const CommandContext&, const Keys&, const KeysOptions&);
  const auto add = [&](const char* name, const char* description, Runner runner) {
    CLI::App* command = keys->add_subcommand(name, description);
    AddDataOption(command, context);
    command->callback([context, options, runner] {
      context->run = [context, options, runner] {
        if (absl::Status status = CheckStoreOf(*context); !status.ok()) return ReportError(status);
        const absl::StatusOr<Keys> source = KeysOf(*context);
        return source.ok() ? runner(*context, *source, *options) : ReportError(source.status());
      };
    });
    return command;
  };
  add("status", "Show which keys there are, and what they protect", RunStatus)
      ->add_flag("--json", options->json, "One JSON object, for programs");
  add("rotate", "Add a fresh key-encryption key to the keyring, and use it from now on", RunRotate);
  add("rewrap", "Wrap all key files with the current key-encryption key", RunRewrap)
      ->add_flag("--drop-unused", options->drop_unused,
                 "Then take keys that no key file needs out of the keyring; copies of older key files become useless");
  CLI::App* shred = add("shred", "Destroy the keys of segments, so that nobody can ever read them", RunShred);
  shred->add_option("--segment", options->segments, "This segment; several allowed")
      ->type_name("N")
      ->check(WholeNumber(1, std::numeric_limits<uint64_t>::max()));
  shred->add_option("--before", options->before, "All segments closed before: 90d (ago), 2026-01-02T03:04 (UTC)")
      ->type_name("TIME");
  shred->add_flag("--yes", options->yes, "Do not ask");
  CLI::App* reveal = keys->add_subcommand("reveal-key", "Make a key that opens the originals of masked frames");
  reveal->add_option("--out", options->out, "A new file for the private half")->type_name("FILE")->required();
  reveal->callback([context, options] { context->run = [options] { return RunRevealKey(*options); }; });
  AddApiKeyCommands(keys, context);
}

}  // namespace sallyport::replay
