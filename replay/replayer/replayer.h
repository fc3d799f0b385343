// Sends recorded calls again.
#ifndef SALLYPORT_REPLAY_REPLAYER_REPLAYER_H_
#define SALLYPORT_REPLAY_REPLAYER_REPLAYER_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "replay/replayer/outgoing_metadata.h"
#include "replay/replayer/recorded_call.h"
#include "replay/replayer/replayed_response.h"

namespace grpc {
class ChannelCredentials;
}

namespace sallyport::replay {

struct ReplayOptions {
  std::string target;  // any gRPC target
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  // Sent as the authority. Unless set: the recorded one if `recorded_authority`, else the target's own.
  std::string authority;
  bool recorded_authority = true;
  std::vector<MetadataPair> metadata;  // added to what was recorded
  // Unset: as fast as causality allows. Otherwise recorded gaps are kept, divided by this; above 0.
  std::optional<double> speed;
  // How much longer than in the record something may take to come. Also how long connecting may take.
  absl::Duration patience = absl::Seconds(10);
  // Looked at while waiting; once true, Run cancels what is open and returns CANCELLED. May be null.
  const std::atomic<bool>* interrupted = nullptr;
};

// Where calls come from and where results go. Called on the thread that calls Run. An interface, so that the replayer
// knows nothing of commands and their output; a console can be another.
class ReplayAudience {
 public:
  virtual ~ReplayAudience() = default;
  // The next call, in the order in which they started; nothing after the last.
  virtual absl::StatusOr<std::optional<RecordedCall>> NextCall() = 0;
  // In the order in which the recorded calls ended.
  virtual absl::Status OnReplayed(const RecordedCall& record, ReplayedResponse response) = 0;
};

// Replays calls in the recorded order of everything that happened to them. What the caller did (start a call, send a
// frame, half-close, cancel) is done once everything has come that had come by then in the record, on all calls; so
// calls that overlapped overlap again, and a frame that answers another is not sent before that one came. What does not
// come is waited for with a bound, once for each call; then the replay goes on without that call.
//
// Deadlines are the recorded timeouts, whatever the speed. A call that its caller cancelled is cancelled at the same
// place: after the frames that came before, and not earlier than in the record by more than the speed allows (where no
// speed is set, the wait before it is shortened to a second).
//
// One thread runs it; gRPC's threads only note what came.
//
// Errors: UNAVAILABLE if the target cannot be reached, or cannot be any more; CANCELLED if interrupted; what `audience`
// returns. Calls that were open are then cancelled without a result.
absl::Status Replay(const ReplayOptions& options, ReplayAudience& audience);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_REPLAYER_H_
