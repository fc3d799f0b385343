#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "replay/cli/command.h"
#include "replay/cli/evidence_file.h"
#include "replay/cli/list_notes.h"
#include "replay/cli/record_options.h"
#include "replay/view/reading.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
The file holds the call's entries and what shows that they are in the log: salts, proofs, and a checkpoint with its signatures.
Nothing of other calls is in it. `sallyport verify --evidence FILE --key VKEY` checks it anywhere, also when the segment's key
has been destroyed here.

Example:
  sallyport evidence 1j7xk2m9q4z --out call.json)";

struct EvidenceOptions {
  std::string call;
  std::string out = "-";
};

// Frames of the call that a record rule shortened.
int ShortenedFrames(const v1::Evidence& evidence) {
  int shortened = 0;
  for (const v1::ProvenBlock& block : evidence.call().blocks()) {
    for (const v1::ProvenEntry& proven : block.entries()) {
      v1::Entry entry;
      if (entry.ParseFromString(proven.entry()) && entry.frame().shortened()) ++shortened;
    }
  }
  return shortened;
}

ExitCode RunEvidence(const CommandContext& context, const EvidenceOptions& options) {
  const absl::StatusOr<uint64_t> id = ReadId(options.call, "call");
  if (!id.ok()) return ReportError(id.status());
  const auto source = OpenRecord(context);
  if (!source.ok()) return ReportError(source.status());
  const absl::Status found = FindSummary(**source, *id).status();
  if (absl::IsNotFound(found)) {
    ReportError(absl::NotFoundError(absl::StrCat("there is no call ", TypedId(options.call, *id), " in ",
                                                 PlaceOf(context), WhyNotThere(**source))));
    return ExitCode::kNegative;
  }
  if (!found.ok()) return ReportError(found);
  v1::GetEvidenceRequest request;
  request.set_call(recorder::FormatId(*id));
  const absl::StatusOr<v1::Evidence> evidence = (*source)->GetEvidence(request);
  if (!evidence.ok()) return ReportError(evidence.status());
  if (absl::Status status = WriteEvidence(*evidence, options.out); !status.ok()) return ReportError(status);
  if (const int frames = ShortenedFrames(*evidence); frames > 0) {
    Note(absl::StrCat(frames, frames == 1 ? " frame is" : " frames are",
                      " shortened: what the payload held beyond what is recorded is not proved"));
  }
  if (options.out != "-")
    std::cout << "evidence of call " << recorder::FormatId(*id) << " written to " << options.out << '\n';
  return ExitCode::kFine;
}

}  // namespace

void AddEvidenceCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<EvidenceOptions>();
  CLI::App* command = app->add_subcommand("evidence", "Write a file that proves one call to a stranger");
  command->footer(kFooter);
  AddRecordOptions(command, context);
  command->add_option("CALL", options->call, "The call's id")->required();
  command->add_option("--out", options->out, "Where to (- is stdout)")->type_name("FILE")->capture_default_str();
  command->callback(
      [context, options] { context->run = [context, options] { return RunEvidence(*context, *options); }; });
}

}  // namespace sallyport::replay
