// How the replay command shows what it does.
#ifndef SALLYPORT_REPLAY_CLI_REPLAY_REPORT_H_
#define SALLYPORT_REPLAY_CLI_REPLAY_REPORT_H_

#include <cstdint>
#include <iosfwd>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "policy/descriptors/descriptors.h"
#include "replay/replayer/message_diff.h"
#include "replay/replayer/outgoing_metadata.h"
#include "replay/replayer/recorded_call.h"
#include "replay/replayer/replayed_response.h"

namespace sallyport::replay {

enum class ReportStyle { kText, kJsonLines };

// Writes one block of text or one JSON line for each call, keeps count, and shows progress. Lives for one run.
class ReplayReport {
 public:
  // `progress` is null if nobody watches; else it takes lines that are overwritten.
  ReplayReport(ReportStyle style, std::ostream& out, std::ostream* progress)
      : style_(style), out_(out), progress_(progress) {}

  void set_expected_calls(uint64_t calls) { expected_ = calls; }

  void Replayed(const RecordedCall& record, const ReplayedResponse& response,
                const std::vector<Difference>& differences);
  // A call that was not replayed, and why.
  void LeftOut(uint64_t id, const absl::Status& why);
  // The replay ended before these calls had a result, and why.
  void BrokenOff(const std::set<uint64_t>& ids, const absl::Status& why);
  // What would be sent for a call.
  void Plan(const RecordedCall& record, const OutgoingMetadata& metadata, const policy::Descriptors* descriptors);
  // After the last call; in kText only.
  void Summary(const std::string& target);

  uint64_t equal() const { return equal_; }
  uint64_t different() const { return different_; }
  uint64_t left_out() const { return left_out_; }

 private:
  void ShowProgress();
  void HideProgress();

  const ReportStyle style_;
  std::ostream& out_;
  std::ostream* const progress_;
  uint64_t expected_ = 0;
  uint64_t equal_ = 0;
  uint64_t different_ = 0;
  uint64_t left_out_ = 0;
  uint64_t broken_off_ = 0;  // calls
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_REPLAY_REPORT_H_
