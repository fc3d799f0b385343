#include "replay/cli/policy/record_savings.h"

#include <algorithm>

#include "policy/policy.h"

namespace sallyport::replay {

std::optional<RecordSavings::Bytes> RecordSavings::FromSums(const v1::CallSummary& summary, const v1::CallStart& start,
                                                            uint64_t most) {
  // What the end counts is the whole of frames that are shortened.
  if (!summary.has_outcome() || start.has_frame_bytes()) return std::nullopt;
  const v1::CallOutcome& outcome = summary.outcome();
  const uint64_t bytes = outcome.request_bytes() + outcome.response_bytes();
  if (most == 0) return Bytes{bytes, 0};
  // No frame is longer than all of them together.
  if (std::max(outcome.request_bytes(), outcome.response_bytes()) <= most) return Bytes{bytes, bytes};
  return std::nullopt;
}

absl::Status RecordSavings::Add(CallSource& source, const v1::CallSummary& summary, const v1::CallStart& start,
                                const policy::RecordRule* rule) {
  const uint64_t most = rule == nullptr ? policy::kWholeFrames : rule->frame_bytes;
  std::optional<Bytes> bytes = FromSums(summary, start, most);
  if (!bytes.has_value()) {
    bytes.emplace();
    v1::ReadCallRequest request;
    request.set_call(summary.id());
    request.set_form(v1::EVENT_FORM_OUTLINE);
    const absl::Status status = source.ReadCall(request, [&](v1::Event& event) {
      if (!event.has_frame()) return absl::OkStatus();
      const v1::FrameEvent& frame = event.frame();
      bytes->now += frame.shortened() ? frame.recorded_size() : frame.size();
      bytes->then += std::min<uint64_t>(frame.size(), most);
      return absl::OkStatus();
    });
    if (absl::IsDataLoss(status) || absl::IsNotFound(status)) {
      ++unmeasured_;
      return absl::OkStatus();
    }
    if (!status.ok()) return status;
  }
  RecordSaving& saving = by_place_[rule == nullptr ? rules_.size() : static_cast<size_t>(rule - rules_.data())];
  saving.rule = rule == nullptr ? std::string(policy::kDefaultRule) : rule->name;
  ++saving.calls;
  saving.now += bytes->now;
  saving.then += bytes->then;
  return absl::OkStatus();
}

std::vector<RecordSaving> RecordSavings::savings() const {
  std::vector<RecordSaving> savings;
  savings.reserve(by_place_.size());
  for (const auto& [place, saving] : by_place_) savings.push_back(saving);
  return savings;
}

}  // namespace sallyport::replay
