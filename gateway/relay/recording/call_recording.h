// What a call puts into the record.
#ifndef SALLYPORT_GATEWAY_RELAY_RECORDING_CALL_RECORDING_H_
#define SALLYPORT_GATEWAY_RELAY_RECORDING_CALL_RECORDING_H_

#include <grpc/compression.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "gateway/relay/call.h"
#include "gateway/relay/call_context.h"
#include "gateway/relay/frames/frame_in_hand.h"
#include "gateway/relay/recording/refused_record.h"
#include "gateway/relay/relay_context.h"
#include "recorder/recorder.h"

namespace sallyport::gateway {

class RelayedCall;

// Makes entries of a call's context and frames, and appends them to the log. Each append is reported to the RelayedCall
// (OnAppended) unless it says at once how it came out; at most one for each direction is under way. Where nothing is
// recorded, everything is done at once. Not thread-safe but for that the two directions may append at the same time.
class CallRecording {
 public:
  // `call` is told. All outlive it.
  CallRecording(RelayedCall* call, const RelayContext& shared, const CallContext& context);
  CallRecording(const CallRecording&) = delete;
  CallRecording& operator=(const CallRecording&) = delete;

  // `start`: the call's start, and what was decided of it, come first.
  recorder::Appended Start();
  // `whole`: with the half-close, for the one message is the whole request.
  recorder::Appended Request(FrameInHand& frame, bool start, bool whole);
  recorder::Appended HalfClose(bool start);
  recorder::Appended Headers(const GrpcMetadata& headers, grpc_compression_algorithm encoding);
  recorder::Appended Response(FrameInHand& frame);

  struct End {
    Call::Outcome outcome;
    std::string details;  // of a status of the gateway's own
    std::optional<UpstreamOutcome> upstream;
    bool start = false;
    // Of a unary call, what has not been recorded before; null otherwise.
    const GrpcMetadata* headers = nullptr;
    grpc_compression_algorithm encoding = GRPC_COMPRESS_NONE;
    FrameInHand* response = nullptr;
    const GrpcMetadata* trailers = nullptr;  // null if there are none, or nobody may see them
    bool bare = false;                       // the end has to be small
    bool connection_ends = false;            // with the call, by the gateway
    bool trailers_only = false;
    uint64_t request_frames = 0;
    uint64_t response_frames = 0;
    uint64_t request_bytes = 0;
    uint64_t response_bytes = 0;
  };
  recorder::Appended Finish(const End& end);

 private:
  // Told by the recorder about an append of one direction.
  struct Waiter final : recorder::AppendWaiter {
    Waiter(RelayedCall* call, const CallContext& context) : call(call), context(context) {}
    void OnAppended(recorder::Appended outcome) override;
    size_t Group() const override { return context.arrival.connection_number; }
    RelayedCall* const call;
    const CallContext& context;
    Call::Recorded what = Call::Recorded::kStart;
  };

  // Appends what `fill` puts into a batch.
  recorder::Appended Append(Call::Recorded what, Waiter& waiter, absl::FunctionRef<void(recorder::EntryBatch&)> fill);
  void AddStart(recorder::EntryBatch& batch);
  void AddEnd(recorder::EntryBatch& batch, const End& end, absl::Time now);
  // Nothing is recorded of the call: no call is, or this one is only counted among those that were refused.
  bool discards() const { return shared_.recorder == nullptr || context_.proof.only_counted; }

  RelayedCall* const call_;
  const RelayContext& shared_;
  const CallContext& context_;
  RefusedRecord refused_record_;
  Waiter request_waiter_;
  Waiter response_waiter_;
};

// What a caller is told whose call the log did not take, whenever and wherever that is found out. Nothing else about
// the log is ever told to callers. For kFailed and kNoSpace.
const char* WhyNotRecorded(recorder::Appended outcome);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_RECORDING_CALL_RECORDING_H_
