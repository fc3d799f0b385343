// One call as the log has it, whole, in the shape that replaying needs.
#ifndef SALLYPORT_REPLAY_REPLAYER_RECORDED_CALL_H_
#define SALLYPORT_REPLAY_REPLAYER_RECORDED_CALL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "replay/view/call_source.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// A message's bytes as they passed: compressed with the encoding of its direction if `compressed` is set.
struct CallFrame {
  std::string payload;
  bool compressed = false;
  bool masked = false;  // they are not quite those that passed
};

enum class StepKind { kRequestFrame, kHalfClose, kResponseHeaders, kResponseFrame, kEnd };

// Something that happened after the start, in the recorded order.
struct Step {
  StepKind kind = StepKind::kEnd;
  int64_t time_ns = 0;  // since the Unix epoch; never before the step in front of it
  size_t frame = 0;     // which frame of its direction, where it is one
};

// A value. What LoadRecordedCall returns has its start, ends with a kEnd step, and has all frames that its end counts.
struct RecordedCall {
  uint64_t id = 0;
  int64_t start_ns = 0;  // since the Unix epoch
  v1::CallStart start;
  std::vector<CallFrame> request_frames;
  std::vector<CallFrame> response_frames;
  std::optional<v1::ResponseHeaders> response_headers;
  v1::CallEnd end;
  std::vector<Step> steps;
};

// The most bytes of frames a call may have to be loaded.
inline constexpr uint64_t kMostCallBytes = uint64_t{1} << 30;

// Reads a call and checks that it is whole. Errors: NOT_FOUND; FAILED_PRECONDITION for a call that has not ended, or
// that the gateway's own end cut off; DATA_LOSS for a record that contradicts itself; RESOURCE_EXHAUSTED above
// `most_bytes`; whatever the source says. All name the call.
absl::StatusOr<RecordedCall> LoadRecordedCall(CallSource& source, uint64_t id, uint64_t most_bytes = kMostCallBytes);

// OK if the call can be sent again as it was. Otherwise FAILED_PRECONDITION that says why not: it never reached an
// upstream (unless `even_refused`), or gRPC cannot send what is recorded.
absl::Status CheckReplayable(const RecordedCall& call, bool even_refused);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_RECORDED_CALL_H_
