#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "protos/grpc_target.h"
#include "protos/quantities.h"
#include "recorder/format/call_id.h"
#include "replay/cli/call_options.h"
#include "replay/cli/command.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_options.h"
#include "replay/cli/replay_report.h"
#include "replay/cli/terminal_text.h"
#include "replay/replayer/channel_credentials.h"
#include "replay/replayer/recorded_call.h"
#include "replay/replayer/replayer.h"
#include "replay/replayer/response_diff.h"
#include "replay/view/call_decoder.h"
#include "replay/view/reading.h"
#include "replay/view/stored_descriptors.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Calls are replayed in the recorded order of all that happened to them: calls that overlapped overlap again, and a
frame that followed a response is sent after that response came. Metadata goes out as recorded, except credentials
(only their fingerprints are recorded: give new ones with --metadata), what belongs to gRPC, and the session's name.
Deadlines are the recorded timeouts; a call that its caller cancelled is cancelled at the same place.

Exit status: 0 all equal, 1 differences, 2 wrong usage, 3 it could not be done (no connection, say, or a call that was
named cannot be replayed; what was left out is said), 130 interrupted.)";

// What was typed. Empty means not given.
struct ReplayArguments {
  std::vector<std::string> calls;
  CallFilter filter;
  std::string target;
  bool tls = false;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string authority;
  std::vector<std::string> metadata;
  std::optional<double> speed;
  std::string wait = "10s";
  std::vector<std::string> ignored_metadata;
  std::vector<std::string> ignored_fields;
  bool strict = false;
  bool refused = false;
  bool dry_run = false;
  bool json = false;
};

std::atomic<bool> interrupted = false;

// From now on the first Ctrl-C ends the replay in order; the second ends the program.
void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

absl::StatusOr<std::string> ReadFile(const char* option, const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) {
    return absl::InvalidArgumentError(absl::StrCat(option, ": cannot read the file ", path));
  }
  return text;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ReadCredentials(const ReplayArguments& arguments) {
  if (!arguments.tls) return PlainCredentials();
  TlsTexts texts;
  for (const auto& [option, path, text] : {std::tuple("--ca", &arguments.ca_file, &texts.authorities),
                                           std::tuple("--cert", &arguments.cert_file, &texts.certificates),
                                           std::tuple("--key", &arguments.key_file, &texts.private_key)}) {
    absl::StatusOr<std::string> read = ReadFile(option, *path);
    if (!read.ok()) return read.status();
    *text = *std::move(read);
  }
  return TlsCredentials(texts);
}

absl::StatusOr<ReplayOptions> ToReplayOptions(const ReplayArguments& arguments) {
  ReplayOptions options;
  options.target = arguments.target;
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials = ReadCredentials(arguments);
  if (!credentials.ok()) return credentials.status();
  options.credentials = *std::move(credentials);
  options.authority = arguments.authority;
  // Over TLS the authority must be what the certificate names.
  options.recorded_authority = !arguments.tls;
  for (const std::string& text : arguments.metadata) {
    absl::StatusOr<MetadataPair> pair = ParseMetadataPair(text);
    if (!pair.ok()) return absl::InvalidArgumentError(absl::StrCat("--metadata: ", pair.status().message()));
    options.metadata.push_back(*std::move(pair));
  }
  options.speed = arguments.speed;
  absl::StatusOr<absl::Duration> patience = ParseDuration(arguments.wait);
  if (!patience.ok()) return absl::InvalidArgumentError(absl::StrCat("--wait: ", patience.status().message()));
  options.patience = *patience;
  options.interrupted = &interrupted;
  return options;
}

// NOT_FOUND, naming them all, if some of the calls are not there: they are not to be missed when half of the others
// have been sent.
absl::Status CheckCalls(CallSource& source, const std::vector<std::string>& typed, const std::vector<uint64_t>& ids) {
  std::string missing;
  for (size_t i = 0; i < ids.size(); ++i) {
    const absl::Status status = FindSummary(source, ids[i]).status();
    if (absl::IsNotFound(status)) {
      absl::StrAppend(&missing, missing.empty() ? "" : ", ", TypedId(typed[i], ids[i]));
    } else if (!status.ok()) {
      return status;
    }
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("not recorded here: ", missing, "; nothing was sent", WhyNotThere(source)));
}

// The ids of all calls to replay, in the order in which they started.
// The ids of the calls that a filter finds. With a limit, the newest ones, as `calls` lists them.
absl::StatusOr<std::vector<uint64_t>> FindFiltered(CallSource& source, const ReplayArguments& arguments,
                                                   const v1::Filter& filter) {
  v1::SearchCallsRequest request;
  *request.mutable_filter() = filter;
  if (absl::Status status = CheckKnown(source, request, arguments.filter); !status.ok()) return status;
  std::vector<uint64_t> ids;
  uint64_t shredded = 0;
  absl::StatusOr<bool> more =
      ForEachCall(source, request, arguments.filter.limit.value_or(0), [&](const v1::CallSummary& call) {
        // Of shredded calls there is nothing to replay.
        if (call.state() == v1::CALL_STATE_SHREDDED) {
          ++shredded;
        } else {
          ids.push_back(recorder::ParseId(call.id()).value_or(0));
        }
        return absl::OkStatus();
      });
  if (!more.ok()) return more.status();
  if (shredded != 0) {
    Note(absl::StrCat(shredded, " of the calls ", shredded == 1 ? "is" : "are", " shredded, and not replayed"));
  }
  if (*more) Note(absl::StrCat("more calls match than the ", ids.size(), " that --limit lets through"));
  if (absl::Status status = NoteWhatStoreLacks(source, true); !status.ok()) return status;
  if (ids.empty()) return absl::NotFoundError("no recorded call matches; nothing was replayed");
  return ids;
}

// The ids of all calls to replay, in the order in which they started.
absl::StatusOr<std::vector<uint64_t>> FindCalls(CallSource& source, const ReplayArguments& arguments,
                                                const v1::Filter& filter) {
  std::vector<uint64_t> ids;
  for (const std::string& text : arguments.calls) {
    absl::StatusOr<uint64_t> id = ReadId(text, "call");
    if (!id.ok()) return id.status();
    ids.push_back(*id);
  }
  if (absl::Status status = CheckCalls(source, arguments.calls, ids); !status.ok()) return status;
  if (arguments.calls.empty()) {
    absl::StatusOr<std::vector<uint64_t>> found = FindFiltered(source, arguments, filter);
    if (!found.ok()) return found.status();
    ids = *std::move(found);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// Between the record, the replay and the report. Lives for one run of the command.
class ReplayRun final : public ReplayAudience {
 public:
  ReplayRun(CallSource& source, std::vector<uint64_t> ids, const ReplayArguments& arguments)
      : source_(source),
        descriptors_(DescriptorsOf(source)),
        ids_(std::move(ids)),
        without_result_(ids_.begin(), ids_.end()),
        arguments_(arguments),
        report_(arguments.json ? ReportStyle::kJsonLines : ReportStyle::kText, std::cout,
                isatty(STDERR_FILENO) != 0 && !arguments.dry_run ? &std::cerr : nullptr) {
    report_.set_expected_calls(ids_.size());
    comparison_.strict = arguments.strict;
    for (const std::string& name : arguments.ignored_metadata) {
      comparison_.ignored_metadata.push_back(absl::AsciiStrToLower(name));
    }
    comparison_.ignored_fields = arguments.ignored_fields;
  }

  ExitCode Run(const ReplayOptions& options) {
    const absl::Status status = arguments_.dry_run ? PlanAll(options) : Replay(options, *this);
    if (!status.ok() && !arguments_.dry_run) report_.BrokenOff(without_result_, status);
    if (!arguments_.dry_run) report_.Summary(options.target);
    if (absl::IsCancelled(status)) {
      std::cerr << "sallyport: interrupted" << std::endl;
      return ExitCode::kInterrupted;
    }
    if (!status.ok()) {
      ReportError(status);
      return ExitCode::kFailed;
    }
    // A call that was named must be replayed; of those that a filter finds, at least one.
    if (report_.left_out() > 0 && (!arguments_.calls.empty() || report_.left_out() == ids_.size()))
      return ExitCode::kFailed;
    return report_.different() > 0 ? ExitCode::kNegative : ExitCode::kFine;
  }

  absl::StatusOr<std::optional<RecordedCall>> NextCall() override {
    while (next_ < ids_.size()) {
      const uint64_t id = ids_[next_++];
      absl::StatusOr<RecordedCall> call = LoadRecordedCall(source_, id);
      absl::Status status = call.status();
      if (status.ok()) status = CheckReplayable(*call, arguments_.refused);
      if (status.ok()) return std::optional<RecordedCall>(*std::move(call));
      // Of many calls, some may be of a kind that cannot be replayed; a store that cannot be read is another matter.
      if (!absl::IsFailedPrecondition(status) && !absl::IsResourceExhausted(status)) return status;
      report_.LeftOut(id, status);
      without_result_.erase(id);
    }
    return std::optional<RecordedCall>();
  }

  absl::Status OnReplayed(const RecordedCall& record, ReplayedResponse response) override {
    report_.Replayed(record, response, CompareResponses(record, response, SetOf(record), comparison_));
    without_result_.erase(record.id);
    return absl::OkStatus();
  }

 private:
  absl::Status PlanAll(const ReplayOptions& options) {
    while (true) {
      absl::StatusOr<std::optional<RecordedCall>> call = NextCall();
      if (!call.ok()) return call.status();
      if (!call->has_value()) return absl::OkStatus();
      RecordedCall& record = **call;
      if (!options.authority.empty()) record.start.set_authority(options.authority);
      report_.Plan(record, ChooseMetadata(record.start, options.metadata), SetOf(record).get());
    }
  }

  // The empty set where none can be read, which is said once for each version.
  std::shared_ptr<const policy::Descriptors> SetOf(const RecordedCall& record) {
    const std::string& version = record.start.descriptors();
    absl::StatusOr<std::shared_ptr<const policy::Descriptors>> found = descriptors_.Find(version);
    if (found.ok()) return *std::move(found);
    if (unreadable_descriptors_.insert(version).second) {
      std::cerr << "sallyport: messages are compared as bytes: " << Printable(std::string(found.status().message()))
                << std::endl;
    }
    return policy::Descriptors::Empty();
  }

  CallSource& source_;
  StoredDescriptors descriptors_;
  std::set<std::string> unreadable_descriptors_;
  const std::vector<uint64_t> ids_;
  size_t next_ = 0;
  std::set<uint64_t> without_result_;
  const ReplayArguments& arguments_;
  ComparisonOptions comparison_;
  ReplayReport report_;
};

absl::Status CheckArguments(const ReplayArguments& arguments) {
  if (arguments.calls.empty() && !arguments.filter.given()) {
    return absl::InvalidArgumentError(
        "name the calls to replay: their ids, --session ID, or a filter such as --method or --since");
  }
  if (!arguments.calls.empty() && (arguments.filter.given() || arguments.filter.limit.has_value())) {
    return absl::InvalidArgumentError("name calls by their ids or with a filter, not both");
  }
  if (arguments.target.empty() && !arguments.dry_run) {
    return absl::InvalidArgumentError("name where to send the calls with --to TARGET, or use --dry-run to see them");
  }
  if (const std::string fault = arguments.target.empty() ? "" : TargetFault(arguments.target); !fault.empty()) {
    // What follows is for the configuration of a gateway.
    return absl::InvalidArgumentError(absl::StrCat(
        "--to: ", absl::StrReplaceAll(fault, {{", and tls: {} beside it", ", with --tls"},
                                              {", and give credentials beside it", ", and give --metadata"}})));
  }
  if (!arguments.tls && !(arguments.ca_file.empty() && arguments.cert_file.empty() && arguments.key_file.empty())) {
    return absl::InvalidArgumentError("--ca, --cert and --key need --tls");
  }
  if (arguments.cert_file.empty() != arguments.key_file.empty()) {
    return absl::InvalidArgumentError("--cert and --key belong together");
  }
  return absl::OkStatus();
}

ExitCode RunReplay(const CommandContext& context, const ReplayArguments& arguments) {
  if (absl::Status status = CheckArguments(arguments); !status.ok()) return ReportError(status);
  const absl::StatusOr<ReplayOptions> options = ToReplayOptions(arguments);
  if (!options.ok()) return ReportError(options.status());
  const absl::StatusOr<v1::Filter> filter = ToFilter(arguments.filter, absl::Now());
  if (!filter.ok()) return ReportError(filter.status());
  const auto source = OpenRecord(context);
  if (!source.ok()) return ReportError(source.status());
  absl::StatusOr<std::vector<uint64_t>> ids = FindCalls(**source, arguments, *filter);
  if (!ids.ok()) return ReportError(ids.status());
  CatchInterrupts();
  return ReplayRun(**source, *std::move(ids), arguments).Run(*options);
}

void AddSendingOptions(CLI::App* command, ReplayArguments* arguments) {
  const std::string group = "How they are sent";
  command->add_option("--to", arguments->target, "Where to send the calls, in any form of gRPC target")
      ->type_name("TARGET")
      ->group(group);
  command->add_flag("--tls", arguments->tls, "Connect with TLS; the authority is then the target's own")->group(group);
  command->add_option("--ca", arguments->ca_file, "Authorities to trust (PEM) instead of the system's")
      ->type_name("FILE")
      ->group(group);
  command->add_option("--cert", arguments->cert_file, "Client certificate (PEM)")->type_name("FILE")->group(group);
  command->add_option("--key", arguments->key_file, "Its private key (PEM)")->type_name("FILE")->group(group);
  command->add_option("--authority", arguments->authority, "Authority to send instead of the recorded one")
      ->type_name("NAME")
      ->group(group);
  command
      ->add_option("--metadata", arguments->metadata,
                   "Metadata to add, in place of recorded values of that name, such as 'authorization=Bearer ...'; "
                   "values of -bin names in base64. May be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->group(group);
  command
      ->add_option("--speed", arguments->speed,
                   "1 keeps the recorded gaps between what the caller sent, 2 halves them; without it, there are none")
      ->type_name("FACTOR")
      ->check(CLI::Range(1e-6, 1e9))
      ->group(group);
  command
      ->add_option("--wait", arguments->wait, "How much longer than recorded a response may take; also for connecting")
      ->type_name("DURATION")
      ->capture_default_str()
      ->group(group);
  command->add_flag("--refused", arguments->refused, "Also send calls that the gateway refused")->group(group);
  command->add_flag("--dry-run", arguments->dry_run, "Only show what would be sent")->group(group);
}

void AddComparisonOptions(CLI::App* command, ReplayArguments* arguments) {
  const std::string group = "How they are compared";
  std::string volatile_names;
  for (const std::string& name : VolatileMetadata()) {
    absl::StrAppend(&volatile_names, volatile_names.empty() ? "" : ", ", name);
  }
  command
      ->add_option("--ignore-metadata", arguments->ignored_metadata,
                   absl::StrCat("Headers and trailers not to compare (a glob; may be repeated). Never compared: ",
                                volatile_names))
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group(group);
  command
      ->add_option("--ignore-field", arguments->ignored_fields,
                   "Fields of messages not to compare: a glob over paths such as items[2].created (may be repeated)")
      ->type_name("PATH")
      ->allow_extra_args(false)
      ->group(group);
  command
      ->add_flag("--strict", arguments->strict,
                 "Compare all metadata, and whether status and trailers came without headers")
      ->group(group);
}

}  // namespace

void AddReplayCommand(CLI::App* app, CommandContext* context) {
  auto arguments = std::make_shared<ReplayArguments>();
  CLI::App* command = app->add_subcommand("replay", "Send recorded calls again and compare the responses");
  command->footer(kFooter);
  AddRecordOptions(command, context);
  command->add_option("CALL", arguments->calls, "Calls to replay, by id");
  command->add_flag("--json", arguments->json, "Print one JSON object for each call");
  AddCallFilterOptions(command, &arguments->filter);
  AddSendingOptions(command, arguments.get());
  AddComparisonOptions(command, arguments.get());
  command->callback(
      [context, arguments] { context->run = [context, arguments] { return RunReplay(*context, *arguments); }; });
}

}  // namespace sallyport::replay
