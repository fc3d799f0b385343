#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "replay/cli/command.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_json.h"
#include "replay/cli/record_text.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/call_decoder.h"
#include "replay/view/revealer.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
Frames are decoded with the descriptors that were kept with the data. What was recorded is escaped, so that nothing in it
acts on your terminal. Exit status 1: there is no such call, or no such frame.

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

// The whole call as one line, written while it is read: a call may be larger than memory.
absl::Status PrintJson(recorder::RecordReader* reader, uint64_t id, FramePayload payload, const Revealer& revealer) {
  StoredDescriptors descriptors(reader);
  CallDecoder decoder(&descriptors);
  uint64_t start_ns = 0;
  uint64_t frames = 0;
  bool first = true;
  Json end;
  const absl::Status status = revealer.ReadCall(reader, id, [&](const v1::Entry& entry) {
    decoder.Note(entry);
    if (entry.has_start()) {
      start_ns = entry.time_ns();
      std::string start = JsonLine(StartJson(entry));
      start.pop_back();
      std::cout << start << ",\"entries\":[";
    } else if (entry.has_end()) {
      end = EndJson(entry, start_ns, decoder);
    } else if (start_ns == 0) {
      return absl::DataLossError("the call's record does not begin with its start");
    } else {
      std::cout << (first ? "" : ",") << JsonLine(EntryJson(entry, start_ns, frames, payload, decoder));
      first = false;
      if (entry.has_frame()) ++frames;
    }
    return absl::OkStatus();
  });
  if (status.ok() && start_ns == 0) return absl::DataLossError("the call's record has no start");
  if (status.ok()) std::cout << "],\"end\":" << JsonLine(end) << "}\n";
  return status;
}

absl::Status PrintText(recorder::RecordReader* reader, const recorder::CallSummary& summary, FrameExtent extent,
                       const Revealer& revealer) {
  StoredDescriptors descriptors(reader);
  CallDecoder decoder(&descriptors);
  RecordText text(&std::cout, &decoder, extent);
  uint64_t frames = 0;
  return revealer.ReadCall(reader, summary.id, [&](const v1::Entry& entry) {
    decoder.Note(entry);
    if (entry.has_start()) {
      text.Start(entry, summary);
    } else {
      text.Entry(entry, frames);
      if (entry.has_frame()) ++frames;
    }
    return absl::OkStatus();
  });
}

struct FoundFrame {
  bool found = false;
  uint64_t frames = 0;  // of the call, if it was not
};

// One frame alone: its bytes, its entry as JSON, or its text, if the call has such a frame.
absl::StatusOr<FoundFrame> PrintFrame(recorder::RecordReader* reader, uint64_t id, const ShowOptions& options,
                                      const Revealer& revealer) {
  StoredDescriptors descriptors(reader);
  CallDecoder decoder(&descriptors);
  RecordText text(&std::cout, &decoder, FrameExtent::kWhole);
  uint64_t start_ns = 0;
  uint64_t frames = 0;
  FoundFrame result;
  bool& found = result.found;
  const absl::Status status = revealer.ReadCall(reader, id, [&](const v1::Entry& entry) {
    decoder.Note(entry);
    if (entry.has_start()) start_ns = entry.time_ns();
    if (!entry.has_frame() || frames++ != *options.frame) return absl::OkStatus();
    found = true;
    const FramePayload payload = options.raw ? FramePayload::kRaw : FramePayload::kDecoded;
    if (options.json) {
      std::cout << JsonLine(EntryJson(entry, start_ns, *options.frame, payload, decoder)) << '\n';
    } else if (options.raw) {
      std::cout << entry.frame().payload();
    } else {
      text.Entry(entry, *options.frame);
    }
    return absl::CancelledError("the frame has been found");
  });
  if (!status.ok() && !found) return status;
  result.frames = frames;
  return result;
}

ExitCode RunShow(const CommandContext& context, const ShowOptions& options) {
  const absl::StatusOr<uint64_t> id = ReadId(options.call, "call");
  if (!id.ok()) return ReportError(id.status());
  const absl::StatusOr<Revealer> revealer = Revealer::Create(options.reveal_key);
  if (!revealer.ok()) return ReportError(revealer.status());
  auto reader = OpenStore(context);
  if (!reader.ok()) return ReportError(reader.status());
  const absl::StatusOr<recorder::CallSummary> summary = (*reader)->Call(*id);
  if (absl::IsNotFound(summary.status())) {
    return NoSuch(absl::StrCat("there is no call ", TypedId(options.call, *id), " in ", context.data_directory,
                               WhyNotThere(**reader)));
  }
  if (!summary.ok()) return ReportError(summary.status());
  if (options.frame.has_value()) {
    const absl::StatusOr<FoundFrame> frame = PrintFrame(reader->get(), *id, options, *revealer);
    if (!frame.ok()) return ReportError(frame.status());
    if (frame->found) return ExitCode::kFine;
    return NoSuch(
        absl::StrCat("call ", options.call, " has no frame ", *options.frame,
                     frame->frames == 0 ? ": it has none" : absl::StrCat(": its frames are 0 to ", frame->frames - 1)));
  }
  const absl::Status status =
      options.json || options.raw
          ? PrintJson(reader->get(), *id, options.raw ? FramePayload::kRaw : FramePayload::kDecoded, *revealer)
          : PrintText(reader->get(), *summary,
                      options.full || OutputFit() == Fit::kWhole ? FrameExtent::kWhole : FrameExtent::kBounded,
                      *revealer);
  return status.ok() ? ExitCode::kFine : ReportError(status);
}

}  // namespace

void AddShowCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = app->add_subcommand("show", "Show everything recorded of a call");
  command->footer(kFooter);
  command->add_option("CALL", options->call, "The call's id, as `sallyport calls` lists it")->required()->type_name("");
  AddDataOption(command, context);
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
