#include "replay/view/store_checks.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/tree_state.h"
#include "recorder/format/unchecked_checkpoint.h"
#include "recorder/system/file.h"
#include "recorder/verify/verifier.h"

namespace sallyport::replay {
namespace {

constexpr int kMostCheckpoints = 1000;

struct Kept {
  uint64_t size = 0;
  std::string note;
};

absl::StatusOr<std::optional<Kept>> ReadCosigned(CallStore& store, const recorder::VerifierKey& key) {
  const std::string path = store.layout().Cosigned();
  const absl::StatusOr<std::string> text = recorder::ReadWholeFile(path, recorder::kMaxNoteSize);
  if (absl::IsNotFound(text.status())) return std::optional<Kept>();
  if (!text.ok()) return text.status();
  const absl::StatusOr<recorder::UncheckedCheckpoint> cosigned = recorder::UncheckedCheckpoint::Parse(*text);
  const absl::Status signature = cosigned.ok() ? cosigned->CheckSignature(key) : cosigned.status();
  if (!signature.ok()) return absl::DataLossError(absl::StrCat(path, ": ", signature.message()));
  return std::optional<Kept>(Kept{cosigned->checkpoint.size, *text});
}

v1::VerifyResult ToMessage(const recorder::VerifyReport& report) {
  v1::VerifyResult result;
  result.set_good(report.verified());
  for (const recorder::Finding& finding : report.findings) {
    if (finding.weight == recorder::Finding::Weight::kError) result.add_faults(finding.Line());
  }
  if (report.findings_left_out != 0) result.add_faults(absl::StrCat("... and ", report.findings_left_out, " more"));
  result.set_segments(report.segments);
  result.set_blocks(report.blocks);
  result.set_entries(report.entries);
  result.set_calls(report.calls);
  return result;
}

}  // namespace

absl::StatusOr<v1::GetCheckpointsResponse> CheckpointsOf(CallStore& store, const v1::GetCheckpointsRequest& request) {
  if (request.page_size() < 0) return absl::InvalidArgumentError("page_size: it is below 0");
  const absl::StatusOr<recorder::VerifierKey> key =
      recorder::CheckpointVerifierKey(store.keys().store_id(), store.keys().signing_key());
  if (!key.ok()) return key.status();
  std::vector<Kept> kept;
  absl::StatusOr<std::optional<Kept>> cosigned = ReadCosigned(store, *key);
  if (!cosigned.ok()) return cosigned.status();
  if (cosigned->has_value()) kept.push_back(**std::move(cosigned));
  const absl::StatusOr<std::optional<recorder::StoredCheckpoint>> last =
      recorder::LoadStoredCheckpoint(store.layout(), store.keys());
  if (!last.ok()) return last.status();
  if (last->has_value()) {
    const recorder::SignedCheckpoint& checkpoint = (*last)->checkpoint;
    // The same with cosignatures says more.
    const bool repeated = !kept.empty() && kept.front().size == checkpoint.checkpoint.size;
    if (!repeated) kept.push_back({checkpoint.checkpoint.size, checkpoint.note});
  }
  std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) { return a.size > b.size; });
  const auto most = static_cast<size_t>(std::clamp(request.page_size(), 1, kMostCheckpoints));
  v1::GetCheckpointsResponse response;
  for (size_t i = 0; i < std::min(most, kept.size()); ++i) response.add_checkpoints(kept[i].note);
  response.set_key(key->Text());
  return response;
}

absl::Status VerifyWholeStore(CallStore& store, const std::stop_token& stop, CallSource::VerifyReceiver said) {
  absl::Status told;
  recorder::VerifyOptions options;
  options.directory = store.layout().directory();
  options.keys = &store.keys();
  options.stopped = [&] { return stop.stop_requested() || !told.ok(); };
  options.progress = [&](const recorder::VerifyProgress& progress) {
    if (!told.ok()) return;
    v1::VerifyStoreResponse response;
    response.mutable_progress()->set_bytes(progress.bytes_done);
    response.mutable_progress()->set_of_bytes(progress.bytes_total);
    told = said(response);
  };
  const absl::StatusOr<recorder::VerifyReport> report = recorder::VerifyStore(options);
  if (!told.ok()) return told;
  if (!report.ok()) return report.status();
  v1::VerifyStoreResponse response;
  *response.mutable_result() = ToMessage(*report);
  return said(response);
}

}  // namespace sallyport::replay
