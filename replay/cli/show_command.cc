#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "replay/cli/command.h"
#include "replay/cli/event_forms.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/looks.h"
#include "replay/cli/record_options.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/names.h"
#include "replay/view/reading.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Frames are decoded with the descriptors that were kept with the data. What was recorded is escaped, so that nothing in it
acts on your terminal. Exit status 1: there is no such call, or no such frame, or its bytes (--raw) are not all recorded.

Examples:
  sallyport show 1j7xk2m9q4z
  sallyport show 1j7xk2m9q4z --json | jq '.entries[] | select(.event == "frame") | .message'
  sallyport show 1j7xk2m9q4z --frame 0 --raw > request.bin)";

struct ShowOptions {
  std::string call;
  bool json = false;
  bool raw = false;
  bool full = false;
  std::optional<uint64_t> frame;
  std::string reveal_key;
};

ExitCode NoSuch(const std::string& what) {
  std::cout.flush();
  std::cerr << "sallyport: " << what << std::endl;
  return ExitCode::kNegative;
}

// A call of a record, as it was asked for.
struct ShownCall {
  CallSource& source;
  const v1::CallSummary& summary;
  const ShowOptions& options;
  const Revealer* revealer;  // null if nothing is revealed

  absl::Status Read(bool indented, CallSource::EventReceiver event) const {
    v1::ReadCallRequest request;
    request.set_call(summary.id());
    request.set_form(options.raw ? v1::EVENT_FORM_RAW : v1::EVENT_FORM_DECODED);
    request.set_indented(indented);
    return ReadRevealed(source, request, revealer, event);
  }
};

// The whole call as one line, written while it is read: a call may be larger than memory.
absl::Status PrintJson(const ShownCall& call) {
  bool begun = false;
  bool first = true;
  Json end;
  const absl::Status status = call.Read(false, [&](v1::Event& event) {
    if (event.has_beginning()) {
      begun = true;
      std::string start = JsonLine(ShowJson(event));
      start.pop_back();
      std::cout << start << ",\"entries\":[";
    } else if (event.has_end()) {
      end = ShowJson(event);
    } else if (!begun) {
      return absl::DataLossError("the call's record does not begin with its start");
    } else {
      std::cout << (first ? "" : ",") << JsonLine(ShowJson(event));
      first = false;
    }
    return absl::OkStatus();
  });
  if (status.ok() && !begun) return absl::DataLossError("the call's record has no start");
  if (!status.ok()) return status;
  const absl::StatusOr<std::optional<v1::ListLooksResponse>> looks = FindLooks(call.source, call.summary.id());
  if (!looks.ok()) return looks.status();
  std::cout << "],\"end\":" << JsonLine(end) << "," << LooksMembers(*looks) << "}\n";
  return absl::OkStatus();
}

absl::Status PrintText(const ShownCall& call) {
  const bool whole = call.options.full || OutputFit() == Fit::kWhole;
  RecordText text(&std::cout, whole ? FrameExtent::kWhole : FrameExtent::kBounded);
  const absl::Status status = call.Read(true, [&](v1::Event& event) {
    ShowText(event, call.summary, &text);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  const absl::StatusOr<std::optional<v1::ListLooksResponse>> looks = FindLooks(call.source, call.summary.id());
  if (!looks.ok()) return looks.status();
  PrintLooks(*looks);
  return absl::OkStatus();
}

struct FoundFrame {
  bool found = false;
  uint64_t frames = 0;  // of the call, if it was not
  // Why what was written is not the message that was asked for; empty if it is.
  std::string shortened;
};

// One frame alone: its bytes, its entry as JSON, or its text, if the call has such a frame.
absl::StatusOr<FoundFrame> PrintFrame(const ShownCall& call, uint64_t number) {
  FoundFrame result;
  const absl::Status status = call.Read(!call.options.json, [&](v1::Event& event) {
    if (!event.has_frame() || result.frames++ != number) return absl::OkStatus();
    result.found = true;
    if (call.options.json) {
      std::cout << JsonLine(ShowJson(event)) << '\n';
    } else if (call.options.raw) {
      std::cout << event.frame().payload();
      if (event.frame().shortened()) {
        result.shortened = ShortenedText(event.frame().recorded_size(), event.frame().size());
      }
    } else {
      RecordText text(&std::cout, FrameExtent::kWhole);
      ShowText(event, call.summary, &text);
    }
    return absl::CancelledError("the frame has been found");
  });
  if (!status.ok() && !result.found) return status;
  return result;
}

ExitCode ShowFrame(const ShownCall& call) {
  const uint64_t number = *call.options.frame;
  const absl::StatusOr<FoundFrame> frame = PrintFrame(call, number);
  if (!frame.ok()) return ReportError(frame.status());
  if (frame->found && !frame->shortened.empty()) {
    return NoSuch(
        absl::StrCat("frame ", number, " of call ", call.options.call, " is not recorded whole: ", frame->shortened));
  }
  if (frame->found) return ExitCode::kFine;
  return NoSuch(
      absl::StrCat("call ", call.options.call, " has no frame ", number,
                   frame->frames == 0 ? ": it has none" : absl::StrCat(": its frames are 0 to ", frame->frames - 1)));
}

ExitCode RunShow(const CommandContext& context, const ShowOptions& options) {
  const absl::StatusOr<uint64_t> id = ReadId(options.call, "call");
  if (!id.ok()) return ReportError(id.status());
  std::unique_ptr<Revealer> revealer;
  if (!options.reveal_key.empty()) {
    absl::StatusOr<std::unique_ptr<Revealer>> created = Revealer::Create(options.reveal_key);
    if (!created.ok()) return ReportError(created.status());
    revealer = *std::move(created);
  }
  const auto source = OpenRecord(context);
  if (!source.ok()) return ReportError(source.status());
  const absl::StatusOr<v1::CallSummary> summary = FindSummary(**source, *id);
  if (absl::IsNotFound(summary.status())) {
    return NoSuch(
        absl::StrCat("there is no call ", TypedId(options.call, *id), " in ", PlaceOf(context), WhyNotThere(**source)));
  }
  if (!summary.ok()) return ReportError(summary.status());
  const ShownCall call = {**source, *summary, options, revealer.get()};
  if (options.frame.has_value()) return ShowFrame(call);
  const absl::Status status = options.json || options.raw ? PrintJson(call) : PrintText(call);
  return status.ok() ? ExitCode::kFine : ReportError(status);
}

}  // namespace

void AddShowCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = app->add_subcommand("show", "Show everything recorded of a call");
  command->footer(kFooter);
  command->add_option("CALL", options->call, "The call's id, as `sallyport calls` lists it")->required()->type_name("");
  AddRecordOptions(command, context);
  command->add_flag("--json", options->json, "One JSON object on one line, for programs");
  command->add_flag("--raw", options->raw, "Frames as they passed: base64 in JSON; with --frame the bytes alone");
  command->add_flag("--full", options->full,
                    "Long messages and values to their end, as it is where the output is no terminal");
  command->add_option("--frame", options->frame, "Only this frame, by the number that stands beside it")
      ->type_name("N")
      ->check(WholeNumber(0, std::numeric_limits<uint64_t>::max()));
  command
      ->add_option("--reveal-key", options->reveal_key,
                   "Show the originals of masked frames that were sealed to this key, as `keys reveal-key` makes it")
      ->type_name("FILE");
  command->callback([context, options] { context->run = [context, options] { return RunShow(*context, *options); }; });
}

}  // namespace sallyport::replay
