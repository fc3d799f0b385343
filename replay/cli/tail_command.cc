#include <signal.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "recorder/call_id.h"
#include "recorder/log/file.h"
#include "recorder/store_layout.h"
#include "replay/cli/call_filter.h"
#include "replay/cli/command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/call_decoder.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Follows from now on, until Ctrl-C. Times are in UTC.

Examples:
  sallyport tail --method 'payments.*'
  sallyport tail --messages --identity '*#billing-agent'
  sallyport tail --json | jq -c 'select(.event == "end" and .status != "OK")')";

struct TailOptions {
  std::string identity;
  std::string method;
  std::string upstream;
  bool frames = false;
  bool messages = false;
  bool json = false;
};

// What later entries of a call are told with: only a start says who called what.
struct FollowedCall {
  bool wanted = false;
  std::string method;
  std::string identity;
  std::unique_ptr<CallDecoder> decoder;  // where messages are asked for
};

// Prints entries as they come. Lives for one `tail`; one thread.
class TailPrinter {
 public:
  TailPrinter(const TailOptions& options, recorder::RecordReader* reader)
      : options_(options), reader_(*reader), descriptors_(reader) {}

  absl::Status Print(const v1::Entry& entry);

 private:
  bool Wanted(const std::string& identity, const std::string& method, const std::string& upstream) const;
  const FollowedCall& Find(const v1::Entry& entry);
  // Has the call's decoder know what the entries up to this one say.
  void Decode(const v1::Entry& entry, FollowedCall& call);
  void PrintMessage(const v1::Frame& frame, const CallDecoder& decoder) const;
  void PrintText(const v1::Entry& entry, const FollowedCall& call) const;
  void PrintJson(const v1::Entry& entry, const FollowedCall& call) const;

  const TailOptions& options_;
  recorder::RecordReader& reader_;
  StoredDescriptors descriptors_;
  absl::flat_hash_map<uint64_t, FollowedCall> open_;
};

bool TailPrinter::Wanted(const std::string& identity, const std::string& method, const std::string& upstream) const {
  return (options_.identity.empty() || policy::GlobMatches(options_.identity, identity)) &&
         (options_.method.empty() || policy::GlobMatches(options_.method, method)) &&
         (options_.upstream.empty() || policy::GlobMatches(options_.upstream, upstream));
}

const FollowedCall& TailPrinter::Find(const v1::Entry& entry) {
  // Calls whose end never comes (a gateway was killed) must not add up for ever.
  constexpr size_t kMostOpen = 1'000'000;
  if (open_.size() > kMostOpen) open_.clear();
  const auto [place, is_new] = open_.try_emplace(entry.call_id());
  FollowedCall& call = place->second;
  if (entry.has_start()) {
    call.method = MethodName(entry.start().method());
    call.identity = IdentityName(entry.start().identity());
    call.wanted = Wanted(call.identity, call.method, entry.start().upstream());
  } else if (is_new) {
    // It began before we looked: the index knows it.
    if (const absl::StatusOr<recorder::CallSummary> summary = reader_.Call(entry.call_id()); summary.ok()) {
      call.method = summary->method;
      call.identity = summary->identity;
      call.wanted = Wanted(call.identity, call.method, summary->upstream);
    } else {
      call.method = "?";
      call.identity = "?";
      call.wanted = Wanted("", "", "");
    }
  }
  if (call.wanted && options_.messages) Decode(entry, call);
  return call;
}

void TailPrinter::Decode(const v1::Entry& entry, FollowedCall& call) {
  if (call.decoder == nullptr) {
    call.decoder = std::make_unique<CallDecoder>(&descriptors_);
    // Of a call that began before, its start and headers are in the log; without them its messages are bytes.
    if (!entry.has_start()) {
      const absl::Status done = absl::CancelledError("as far as this entry");
      reader_
          .ReadCall(entry.call_id(),
                    [&](const v1::Entry& earlier) {
                      if (earlier.time_ns() > entry.time_ns()) return done;
                      call.decoder->Note(earlier);
                      return absl::OkStatus();
                    })
          .IgnoreError();
    }
  }
  call.decoder->Note(entry);
}

void TailPrinter::PrintMessage(const v1::Frame& frame, const CallDecoder& decoder) const {
  constexpr size_t kMostShown = 300;
  const absl::StatusOr<std::string> message =
      frame.has_part() ? absl::FailedPreconditionError("the payload is sealed under a further key")
                       : decoder.Message(frame);
  const absl::StatusOr<std::string> json =
      message.ok() ? decoder.Json(frame, *message, policy::JsonStyle::kOneLine) : message.status();
  const std::string text = json.ok()
                               ? PrintableLines(*json)
                               : absl::StrCat("[not decoded: ", Printable(std::string(json.status().message())), "]");
  std::cout << "    " << (OutputFit() == Fit::kCut ? CutEnd(text, kMostShown) : text) << '\n';
}

absl::Status TailPrinter::Print(const v1::Entry& entry) {
  const FollowedCall& call = Find(entry);
  if (call.wanted && (options_.frames || entry.has_start() || entry.has_end())) {
    options_.json ? PrintJson(entry, call) : PrintText(entry, call);
  }
  if (entry.has_end()) open_.erase(entry.call_id());
  return std::cout ? absl::OkStatus() : absl::UnavailableError("the output could not be written");
}

void TailPrinter::PrintText(const v1::Entry& entry, const FollowedCall& call) const {
  const absl::Time time = absl::FromUnixNanos(static_cast<int64_t>(entry.time_ns()));
  std::string what;
  switch (entry.event_case()) {
    case v1::Entry::kStart:
      what = absl::StrCat("start  ", Printable(call.method), "  ", Printable(call.identity));
      break;
    case v1::Entry::kFrame:
      what = absl::StrCat(entry.frame().direction() == v1::DIRECTION_RESPONSE ? "\xe2\x86\x90" : "\xe2\x86\x92",
                          "      ", Printable(call.method), "  ", HumanSize(SizeOf(entry.frame())));
      break;
    case v1::Entry::kDecision:
      what = absl::StrCat("       ", Printable(call.method), "  ", DecisionName(entry.decision().outcome()),
                          entry.decision().rule().empty() ? "" : " by ", Printable(entry.decision().rule()));
      break;
    case v1::Entry::kHalfClose:
      what = absl::StrCat("\xe2\x86\x92      ", Printable(call.method), "  no more requests");
      break;
    case v1::Entry::kResponseHeaders:
      what = absl::StrCat("\xe2\x86\x90      ", Printable(call.method), "  response headers");
      break;
    case v1::Entry::kEnd: {
      const v1::CallEnd& end = entry.end();
      what = absl::StrCat("end    ", Printable(call.method), "  ", StatusName(end.status_code()), " in ",
                          HumanDuration(absl::Nanoseconds(static_cast<int64_t>(end.duration_ns()))));
      if (end.reason() != v1::END_REASON_COMPLETED) absl::StrAppend(&what, "  ", EndReasonName(end.reason()));
      if (!end.status_message().empty())
        absl::StrAppend(
            &what, "  ",
            OutputFit() == Fit::kCut ? CutEnd(Printable(end.status_message()), 80) : Printable(end.status_message()));
      break;
    }
    default:
      what = "an entry that this version does not know";
  }
  std::cout << HumanTime(time).substr(11) << "  " << recorder::FormatId(entry.call_id()) << "  " << what << '\n';
  if (entry.has_frame() && call.decoder != nullptr) PrintMessage(entry.frame(), *call.decoder);
}

void TailPrinter::PrintJson(const v1::Entry& entry, const FollowedCall& call) const {
  Json json = {{"time", ExactTime(absl::FromUnixNanos(static_cast<int64_t>(entry.time_ns())))},
               {"call", recorder::FormatId(entry.call_id())},
               {"method", call.method},
               {"identity", call.identity}};
  switch (entry.event_case()) {
    case v1::Entry::kStart:
      json["event"] = "start";
      json["peer"] = PlainPeer(entry.start().peer());
      json["upstream"] = entry.start().upstream();
      break;
    case v1::Entry::kFrame:
      json["event"] = "frame";
      json["direction"] = entry.frame().direction() == v1::DIRECTION_RESPONSE ? "response" : "request";
      json["index"] = entry.frame().index();
      json["size"] = SizeOf(entry.frame());
      if (call.decoder != nullptr) AddMessage(entry.frame(), *call.decoder, &json);
      break;
    case v1::Entry::kDecision:
      json["event"] = "decision";
      json["outcome"] = DecisionName(entry.decision().outcome());
      json["rule"] = entry.decision().rule();
      break;
    case v1::Entry::kHalfClose:
      json["event"] = "half_close";
      break;
    case v1::Entry::kResponseHeaders:
      json["event"] = "response_headers";
      break;
    case v1::Entry::kEnd:
      json["event"] = "end";
      json["state"] = EndReasonName(entry.end().reason());
      json["status"] = StatusName(entry.end().status_code());
      json["status_code"] = entry.end().status_code();
      json["status_message"] = entry.end().status_message();
      json["duration_ns"] = entry.end().duration_ns();
      json["request_bytes"] = entry.end().request_bytes();
      json["response_bytes"] = entry.end().response_bytes();
      break;
    default:
      json["event"] = "unknown";
  }
  std::cout << JsonLine(json) << '\n';
}

// Says when no gateway writes to the store, and when one does again. `written_to`: what was said last.
void TellWriter(const recorder::StoreLayout& layout, bool* written_to) {
  const absl::StatusOr<bool> owned = recorder::FileLock::IsHeld(layout.OwnerLock());
  if (!owned.ok() || *owned == *written_to) return;
  *written_to = *owned;
  Note(*owned ? "a gateway writes to this store now"
              : "no gateway writes to this store now: nothing comes until one does");
}

ExitCode RunTail(const CommandContext& context, const TailOptions& options) {
  // Both signals are waited for rather than handled, so that a line is never left half written.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);

  auto reader = OpenStore(context);
  if (!reader.ok()) return ReportError(reader.status());
  auto follower = (*reader)->Follow();
  if (!follower.ok()) return ReportError(follower.status());
  std::cerr << "following " << context.data_directory << ", Ctrl-C ends" << std::endl;
  const recorder::StoreLayout layout(context.data_directory);
  bool written_to = true;

  TailOptions wanted = options;
  wanted.frames = options.frames || options.messages;
  wanted.method = MethodName(options.method);
  TailPrinter printer(wanted, reader->get());
  constexpr timespec kInterval = {0, 100'000'000};
  while (true) {
    const absl::StatusOr<int> entries = (*follower)->Poll([&](const v1::Entry& entry) { return printer.Print(entry); });
    if (!entries.ok()) return ReportError(entries.status());
    if (*entries > 0) std::cout.flush();
    TellWriter(layout, &written_to);
    if (sigtimedwait(&signals, nullptr, &kInterval) > 0) return ExitCode::kFine;
  }
}

}  // namespace

void AddTailCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<TailOptions>();
  CLI::App* command = app->add_subcommand("tail", "Print calls as they start and end");
  command->footer(kFooter);
  AddDataOption(command, context);
  command->add_option("--identity", options->identity, "Who calls")->type_name("GLOB")->check(NotEmpty());
  command->add_option("--method", options->method, "What is called, such as 'etcdserverpb.KV/*'")
      ->type_name("GLOB")
      ->check(NotEmpty());
  command->add_option("--upstream", options->upstream, "The upstream's name")->type_name("GLOB")->check(NotEmpty());
  command->add_flag("--frames", options->frames, "Each frame too, and response headers and half-closes");
  command->add_flag("--messages", options->messages, "The same, and each frame's message");
  command->add_flag("--json", options->json, "One JSON object per line, for programs");
  command->callback([context, options] { context->run = [context, options] { return RunTail(*context, *options); }; });
}

}  // namespace sallyport::replay
