#include "replay/cli/verify_server.h"

#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "replay/cli/progress_line.h"
#include "replay/cli/record_json.h"
#include "replay/cli/record_options.h"
#include "replay/cli/stop_on_signal.h"
#include "replay/cli/terminal_text.h"
#include "replay/client/checkpoint_answer.h"

namespace sallyport::replay {
namespace {

constexpr int kCheckpoints = 100;

std::string Counted(uint64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

absl::StatusOr<v1::VerifyResult> Verify(CallSource& source, const std::stop_token& stop) {
  v1::VerifyResult result;
  const ProgressLine line;
  const absl::Status status = source.VerifyStore({}, stop, [&](const v1::VerifyStoreResponse& said) {
    if (said.has_result()) result = said.result();
    if (!said.has_progress()) return absl::OkStatus();
    const v1::VerifyProgress& progress = said.progress();
    const double part = progress.of_bytes() == 0
                            ? 100.0
                            : 100.0 * static_cast<double>(progress.bytes()) / static_cast<double>(progress.of_bytes());
    line.Show(absl::StrFormat("verifying: %3.0f%% of %s", part, HumanSize(progress.of_bytes())));
    return absl::OkStatus();
  });
  line.Clear();
  if (!status.ok()) return status;
  return result;
}

struct Verified {
  v1::VerifyResult result;
  absl::StatusOr<CheckedCheckpoint> checkpoint;
  // A store that is empty has no checkpoint.
  bool good() const { return result.good() && (checkpoint.ok() || absl::IsNotFound(checkpoint.status())); }
};

Json CheckpointJson(const absl::StatusOr<CheckedCheckpoint>& checkpoint) {
  if (!checkpoint.ok()) return {};
  return {{"origin", checkpoint->newest.origin},
          {"size", checkpoint->newest.size},
          {"key", checkpoint->key},
          {"key_was_given", checkpoint->key_was_given},
          {"checked", checkpoint->checkpoints}};
}

void PrintJson(const std::string& server, const Verified& verified) {
  Json json = {{"verified", verified.good()},
               {"server", server},
               {"segments", verified.result.segments()},
               {"blocks", verified.result.blocks()},
               {"entries", verified.result.entries()},
               {"calls", verified.result.calls()},
               {"checkpoint", CheckpointJson(verified.checkpoint)},
               {"faults", Texts(verified.result.faults())}};
  if (!verified.good() && !verified.checkpoint.ok()) {
    json["faults"].push_back(std::string(verified.checkpoint.status().message()));
  }
  std::cout << JsonLine(json) << '\n';
}

void PrintText(const Verified& verified, absl::Duration took) {
  const v1::VerifyResult& result = verified.result;
  for (const std::string& fault : result.faults()) std::cout << "error: " << Printable(fault) << '\n';
  std::cout << Counted(result.segments(), "segment", "segments") << ", " << Counted(result.blocks(), "block", "blocks")
            << ", " << Counted(result.entries(), "entry", "entries") << ", "
            << Counted(result.calls(), "whole call", "whole calls") << "; " << HumanDuration(took) << '\n';
  if (verified.checkpoint.ok()) {
    const CheckedCheckpoint& checked = *verified.checkpoint;
    std::cout << "checkpoint over " << Counted(checked.newest.size, "leaf", "leaves")
              << ", signature checked here with "
              << (checked.key_was_given ? "the key given" : "the server's own key, which is only as good as the server")
              << ": " << Printable(checked.key) << '\n';
  } else {
    std::cout << (absl::IsNotFound(verified.checkpoint.status()) ? "note: " : "error: ")
              << Printable(std::string(verified.checkpoint.status().message())) << '\n';
  }
  std::cout << (verified.good() ? "VERIFIED\n" : "NOT VERIFIED\n");
}

}  // namespace

ExitCode VerifyServer(const CommandContext& context, const std::string& server, const std::string& key, bool json) {
  const StopOnSignal stop;
  const auto source = OpenServer(context, server);
  if (!source.ok()) return ReportError(source.status());
  if (!key.empty()) {
    if (absl::Status status = recorder::VerifierKey::Parse(key).status(); !status.ok()) return ReportError(status);
  }
  const absl::Time begin = absl::Now();
  absl::StatusOr<v1::VerifyResult> result = Verify(**source, stop.token());
  if (stop.token().stop_requested()) {
    ReportError(absl::CancelledError("interrupted"));
    return ExitCode::kInterrupted;
  }
  if (!result.ok()) return ReportError(result.status());
  v1::GetCheckpointsRequest newest;
  newest.set_page_size(kCheckpoints);
  const absl::StatusOr<v1::GetCheckpointsResponse> checkpoints = (*source)->GetCheckpoints(newest);
  if (!checkpoints.ok()) return ReportError(checkpoints.status());
  const Verified verified = {*std::move(result), CheckCheckpoints(*checkpoints, key)};
  if (json) {
    PrintJson(server, verified);
  } else {
    PrintText(verified, absl::Now() - begin);
  }
  return verified.good() ? ExitCode::kFine : ExitCode::kNegative;
}

}  // namespace sallyport::replay
