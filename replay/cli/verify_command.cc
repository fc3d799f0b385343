#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "recorder/evidence/evidence.h"
#include "recorder/format/call_id.h"
#include "recorder/format/tree_state.h"
#include "recorder/system/file.h"
#include "recorder/verify/evidence_check.h"
#include "recorder/verify/verifier.h"
#include "replay/cli/command.h"
#include "replay/cli/progress_line.h"
#include "replay/cli/record_json.h"
#include "replay/cli/record_options.h"
#include "replay/cli/terminal_text.h"
#include "replay/cli/verify_server.h"
#include "replay/view/names.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMaxCheckpointFile = size_t{1} << 20;
constexpr size_t kMaxEvidenceFile = size_t{1} << 30;

constexpr char kFooter[] = R"(
Recomputes everything from the bytes of the store: checksums, hashes, the tree over the log, its signed checkpoint, the index.
No key is needed for that; with the store's keys at hand the blocks are opened and what calls say is checked as well. The gateway
may go on writing.

The key that signs the checkpoints comes with the store, so on its own it shows only that the store fits itself. What
somebody who could write to the disk cannot forge is a key you noted elsewhere (--key; `sallyport keys status` shows it) and a
checkpoint you kept (--against).

Examples:
  sallyport verify --data /var/lib/sallyport
  sallyport verify --key sallyport/5f0c...+1a2b3c4d+AT... --against checkpoints/2026-01-01 --jobs 4
  sallyport verify --evidence call.json --key sallyport/5f0c...+1a2b3c4d+AT...)";

struct VerifyCommandOptions {
  std::string key;
  std::string against;
  std::string evidence;
  int jobs = 1;
  bool no_keys = false;
  bool json = false;
};

// How far the verifier has come, as a text.
std::string ProgressText(const recorder::VerifyProgress& progress) {
  const double part = progress.bytes_total == 0 ? 100.0
                                                : 100.0 * static_cast<double>(progress.bytes_done) /
                                                      static_cast<double>(progress.bytes_total);
  return absl::StrFormat("verifying: %3.0f%% of %s", part, HumanSize(progress.bytes_total));
}

std::string Base64(const recorder::Hash& hash) { return absl::Base64Escape({hash.data(), hash.size()}); }

Json FindingJson(const recorder::Finding& finding) {
  Json json;
  json["error"] = finding.weight == recorder::Finding::Weight::kError;
  json["file"] = finding.file;
  json["segment"] = finding.segment == 0 ? Json() : Json(finding.segment);
  json["offset"] = finding.length == 0 && finding.offset == 0 ? Json() : Json(finding.offset);
  json["length"] = finding.length == 0 ? Json() : Json(finding.length);
  json["text"] = finding.text;
  return json;
}

Json ReportJson(const recorder::VerifyReport& report) {
  Json json;
  json["verified"] = report.verified();
  json["log_verified"] = report.log_errors == 0;
  json["store"] = absl::BytesToHexString({report.store_id.data(), report.store_id.size()});
  json["segments"] = report.segments;
  json["deleted_segments"] = report.deleted_segments;
  json["shredded_segments"] = report.shredded_segments;
  json["segments_without_key"] = report.segments_without_key;
  json["blocks"] = report.blocks;
  json["opened_blocks"] = report.opened_blocks;
  json["entries"] = report.entries;
  json["calls"] = report.calls;
  json["bytes"] = report.bytes;
  json["leaves"] = report.leaves;
  json["root"] = report.root.has_value() ? Json(Base64(*report.root)) : Json();
  json["index_checked"] = report.index_checked;
  json["checkpoint"] = Json();
  if (report.has_checkpoint) {
    Json checkpoint;
    checkpoint["origin"] = report.checkpoint_origin;
    checkpoint["size"] = report.checkpoint_size;
    checkpoint["key"] = report.checkpoint_key.empty() ? Json() : Json(report.checkpoint_key);
    checkpoint["key_was_given"] = report.key_was_given;
    json["checkpoint"] = checkpoint;
  }
  json["extends"] = report.against_holds ? Json(report.against_size) : Json();
  json["findings"] = Json::array();
  for (const recorder::Finding& finding : report.findings) json["findings"].push_back(FindingJson(finding));
  json["findings_left_out"] = report.findings_left_out;
  return json;
}

std::string Counted(uint64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

// `why_none`: why there were no keys; empty if there were.
void PrintReport(const recorder::VerifyReport& report, const std::string& why_none, absl::Duration took) {
  for (const recorder::Finding& finding : report.findings) {
    const bool error = finding.weight == recorder::Finding::Weight::kError;
    std::cout << (error ? "error: " : "note: ") << Printable(finding.Line()) << '\n';
  }
  if (report.findings_left_out != 0) std::cout << "... and " << report.findings_left_out << " more\n";
  std::cout << Counted(report.segments, "segment", "segments") << ", " << Counted(report.blocks, "block", "blocks")
            << ", " << Counted(report.entries, "entry", "entries") << ", " << HumanSize(report.bytes);
  if (report.deleted_segments != 0) {
    std::cout << "; " << Counted(report.deleted_segments, "segment", "segments") << " deleted by retention";
  }
  if (report.shredded_segments != 0) std::cout << "; " << report.shredded_segments << " shredded";
  if (report.segments_without_key != 0) std::cout << "; " << report.segments_without_key << " without their key";
  std::cout << "; " << HumanDuration(took) << '\n';
  if (report.opened_blocks != 0) {
    std::cout << "opened " << Counted(report.opened_blocks, "block", "blocks") << " with "
              << Counted(report.calls, "whole call", "whole calls") << '\n';
  } else {
    std::cout << "no block was opened" << (why_none.empty() ? "" : " (" + Printable(why_none) + ")")
              << ": contents and their agreement with the index were not looked at\n";
  }
  if (report.index_checked) {
    std::cout << (report.opened_blocks != 0 ? "the index was compared with the log\n"
                                            : "the places in the index were compared with the log\n");
  } else {
    std::cout << "there is no index that could be compared with the log\n";
  }
  if (report.root.has_value()) {
    std::cout << "tree of " << Counted(report.leaves, "leaf", "leaves") << ", root " << Base64(*report.root) << '\n';
  }
  if (report.has_checkpoint && !report.checkpoint_key.empty()) {
    std::cout << "checkpoint over " << Counted(report.checkpoint_size, "leaf", "leaves") << ", signature checked with "
              << (report.key_was_given ? "the key given" : "the store's own key, which is only as good as the store")
              << ": " << Printable(report.checkpoint_key) << '\n';
  }
  if (report.against_holds) std::cout << "extends the checkpoint given, of " << report.against_size << " leaves\n";
  if (report.verified()) {
    std::cout << "VERIFIED\n";
  } else if (report.log_errors == 0) {
    std::cout << "NOT VERIFIED: the index is not what the log says. The log itself is verified: `sallyport index "
                 "rebuild` makes the index again from it\n";
  } else {
    std::cout << "NOT VERIFIED\n";
  }
}

// Without keys at hand the rest is verified all the same, so that only keys somebody asked for can be missing.
// `why_none` gets why there are none.
absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> KeysAtHand(const CommandContext& context, std::string* why_none) {
  const absl::StatusOr<std::optional<recorder::KeySource>> source = KeysOf(context);
  if (!source.ok()) return source.status();
  auto keys = recorder::StoreKeys::Open(recorder::StoreLayout(context.data_directory), *source);
  if (!keys.ok() && !source->has_value() &&
      (absl::IsNotFound(keys.status()) || absl::IsPermissionDenied(keys.status()) ||
       absl::IsFailedPrecondition(keys.status()))) {
    *why_none = std::string(keys.status().message());
    return std::unique_ptr<recorder::StoreKeys>();
  }
  return keys;
}

// What a server can be asked.
ExitCode RunVerifyServer(const CommandContext& context, const std::string& server,
                         const VerifyCommandOptions& command) {
  if (command.against.empty() && command.jobs == 1 && !command.no_keys) {
    return VerifyServer(context, server, command.key, command.json);
  }
  return ReportError(absl::InvalidArgumentError(
      "--against, --jobs and --no-keys are for a data directory: a server verifies as it does itself"));
}

ExitCode RunVerify(const CommandContext& context, const VerifyCommandOptions& command) {
  const absl::StatusOr<std::string> server = ServerOf(context);
  if (!server.ok()) return ReportError(server.status());
  if (!server->empty()) return RunVerifyServer(context, *server, command);
  recorder::VerifyOptions options;
  options.directory = context.data_directory;
  options.verifier_key = command.key;
  options.jobs = command.jobs;
  std::unique_ptr<recorder::StoreKeys> keys;
  std::string why_none = "--no-keys says so";
  if (!command.no_keys) {
    absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> opened = KeysAtHand(context, &why_none);
    if (!opened.ok()) return ReportError(opened.status());
    keys = *std::move(opened);
    options.keys = keys.get();
  }
  if (!command.against.empty()) {
    absl::StatusOr<std::string> note = recorder::ReadWholeFile(command.against, kMaxCheckpointFile);
    if (!note.ok()) return ReportError(note.status());
    // What a store keeps holds more than the note.
    const absl::StatusOr<recorder::StoredCheckpoint> stored = recorder::StoredCheckpoint::Parse(*note);
    options.against = stored.ok() ? stored->checkpoint.note : *std::move(note);
    // An empty text would stand for no checkpoint at all.
    if (options.against.empty()) return ReportError(absl::InvalidArgumentError(command.against + " is empty"));
  }
  const ProgressLine line;
  options.progress = [&](const recorder::VerifyProgress& progress) { line.Show(ProgressText(progress)); };
  const absl::Time begin = absl::Now();
  const absl::StatusOr<recorder::VerifyReport> report = recorder::VerifyStore(options);
  line.Clear();
  if (!report.ok()) return ReportError(report.status());
  if (command.json) {
    std::cout << JsonLine(ReportJson(*report)) << '\n';
  } else {
    PrintReport(*report, options.keys == nullptr ? why_none : "", absl::Now() - begin);
  }
  return report->verified() ? ExitCode::kFine : ExitCode::kNegative;
}

void PrintCall(const recorder::ProvenEvidence& proven, const recorder::ProvenCall& call) {
  const recorder::StatedCall& stated = call.stated;
  std::cout << "PROVED: at " << HumanTime(absl::FromUnixNanos(stated.row.start_ns)) << " " << Printable(stated.identity)
            << " (from " << PeerText(stated.peer) << ") called " << Printable(stated.method);
  if (call.open()) {
    std::cout << "; the call was still open";
  } else if (!call.ended) {
    std::cout << "; whether it had ended is not shown";
  } else {
    std::cout << "; it ended after " << HumanDuration(absl::Nanoseconds(stated.row.duration_ns)) << " with "
              << StatusName(static_cast<int>(stated.row.status)) << " (" << StateName(StateOf(stated.end_reason()))
              << "), " << stated.row.request_frames << " frames sent and " << stated.row.response_frames << " received";
  }
  std::cout << ".\nThese " << call.entries << " entries of call " << recorder::FormatId(stated.id())
            << " are in the log of " << Printable(proven.origin) << " at size " << proven.size
            << (call.complete ? ", and no more" : "") << ".\n";
  if (!call.complete) {
    std::cout
        << "They were recorded in log format 2, which does not say how many entries a call has: that none was left "
           "out is not shown.\n";
  }
  if (call.unknown != 0) std::cout << call.unknown << " of them are of a kind that this version does not know.\n";
  if (call.unopened != 0) {
    std::cout << Counted(call.unopened, "payload is", "payloads are")
              << " sealed under a further key, and not shown.\n";
  }
  if (call.shortened != 0) {
    std::cout << Counted(call.shortened, "frame is", "frames are")
              << " shortened: what the payload held beyond what is recorded is not proved.\n";
  }
}

void PrintAnswer(const recorder::ProvenEvidence& proven, const recorder::ProvenAnswer& answer) {
  std::cout << "PROVED: in the log of " << Printable(proven.origin) << " at size " << proven.size
            << ", the leaves from " << answer.first_leaf << " to " << answer.end_leaf << " ("
            << Counted(answer.blocks, "block", "blocks") << ", " << Counted(answer.entries, "entry", "entries")
            << ") hold entries of "
            << Counted(answer.listed.size(), "call that the answer lists", "calls that the answer lists")
            << (answer.open.empty() ? "" : absl::StrCat(" (", answer.open.size(), " of them still open)")) << ", of "
            << Counted(answer.others.size(), "other", "others") << ", and of no more.\n";
  if (!answer.unknown.empty()) {
    std::cout << Counted(answer.unknown.size(), "listed call was", "listed calls were")
              << " recorded in log format 2, which does not say in the clear whether a call has ended.\n";
  }
}

Json IdsJson(const std::vector<uint64_t>& ids) {
  Json json = Json::array();
  for (const uint64_t id : ids) json.push_back(recorder::FormatId(id));
  return json;
}

Json ProvenJson(const recorder::ProvenEvidence& proven) {
  Json json;
  json["verified"] = true;
  json["origin"] = proven.origin;
  json["size"] = proven.size;
  if (const auto* call = std::get_if<recorder::ProvenCall>(&proven.about)) {
    const recorder::StatedCall& stated = call->stated;
    json["call"] = recorder::FormatId(stated.id());
    json["identity"] = stated.identity;
    json["method"] = stated.method;
    json["peer"] = PlainPeer(stated.peer);
    json["start"] =
        absl::FormatTime("%Y-%m-%d%ET%H:%M:%E9SZ", absl::FromUnixNanos(stated.row.start_ns), absl::UTCTimeZone());
    json["state"] = !call->ended && !call->open() ? "unknown" : StateName(StateOf(stated.end_reason()));
    json["status"] = call->ended ? Json(StatusName(static_cast<int>(stated.row.status))) : Json();
    json["entries"] = call->entries;
    json["complete"] = call->complete;
    json["unknown_entries"] = call->unknown;
    json["unopened_payloads"] = call->unopened;
    json["shortened_frames"] = call->shortened;
    return json;
  }
  const auto& answer = std::get<recorder::ProvenAnswer>(proven.about);
  json["first_leaf"] = answer.first_leaf;
  json["end_leaf"] = answer.end_leaf;
  json["blocks"] = answer.blocks;
  json["listed"] = IdsJson(answer.listed);
  json["others"] = IdsJson(answer.others);
  json["open"] = IdsJson(answer.open);
  json["unknown"] = IdsJson(answer.unknown);
  return json;
}

ExitCode RunVerifyEvidence(const VerifyCommandOptions& command) {
  if (command.key.empty()) {
    return ReportError(
        absl::InvalidArgumentError("--evidence needs --key: the key of the log, as you noted it elsewhere"));
  }
  const absl::StatusOr<recorder::VerifierKey> key = recorder::VerifierKey::Parse(command.key);
  if (!key.ok()) return ReportError(key.status());
  const absl::StatusOr<std::string> text = recorder::ReadWholeFile(command.evidence, kMaxEvidenceFile);
  if (!text.ok()) return ReportError(text.status());
  const absl::StatusOr<v1::Evidence> evidence = recorder::ParseEvidence(*text);
  const absl::StatusOr<recorder::ProvenEvidence> proven =
      evidence.ok() ? recorder::VerifyEvidence(*evidence, *key) : evidence.status();
  if (!proven.ok()) {
    const std::string why(proven.status().message());
    if (command.json) {
      Json json;
      json["verified"] = false;
      json["reason"] = why;
      std::cout << JsonLine(json) << '\n';
    } else {
      std::cout << "NOT PROVED: " << Printable(why) << '\n';
    }
    return ExitCode::kNegative;
  }
  if (command.json) {
    std::cout << JsonLine(ProvenJson(*proven)) << '\n';
  } else if (const auto* call = std::get_if<recorder::ProvenCall>(&proven->about)) {
    PrintCall(*proven, *call);
  } else {
    PrintAnswer(*proven, std::get<recorder::ProvenAnswer>(proven->about));
  }
  return ExitCode::kFine;
}

}  // namespace

void AddVerifyCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<VerifyCommandOptions>();
  CLI::App* command =
      app->add_subcommand("verify", "Check that the record is whole and unchanged, or what evidence proves");
  command->footer(kFooter);
  AddRecordOptions(command, context);
  command->add_option("--key", options->key, "The key that must have signed, as `sallyport keys status` shows it")
      ->type_name("VKEY");
  CLI::Option* against =
      command->add_option("--against", options->against, "A checkpoint kept from earlier: the log must extend it")
          ->type_name("FILE");
  command->add_option("--evidence", options->evidence, "Check this evidence instead of a store; needs --key only")
      ->type_name("FILE")
      ->excludes(against);
  command->add_option("--jobs", options->jobs, "Threads")->check(WholeNumber(1, 256))->capture_default_str();
  command->add_flag("--no-keys", options->no_keys, "Open no blocks, even where the keys are at hand");
  command->add_flag("--json", options->json, "One JSON object, for programs");
  command->callback([context, options] {
    context->run = [context, options] {
      return options->evidence.empty() ? RunVerify(*context, *options) : RunVerifyEvidence(*options);
    };
  });
}

}  // namespace sallyport::replay
