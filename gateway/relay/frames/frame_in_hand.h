// The message that one direction of a call has in hand.
#ifndef SALLYPORT_GATEWAY_RELAY_FRAMES_FRAME_IN_HAND_H_
#define SALLYPORT_GATEWAY_RELAY_FRAMES_FRAME_IN_HAND_H_

#include <grpc/compression.h>

#include <cstdint>
#include <utility>

#include "absl/time/time.h"
#include "gateway/relay/call_context.h"
#include "gateway/relay/frames/frame_views.h"
#include "gateway/relay/refusal.h"
#include "gateway/relay/relay_context.h"

namespace sallyport::gateway {

// The next message is read into the same place once this one has been recorded and written on. Belongs to whoever
// performs its direction's action; not thread-safe.
class FrameInHand {
 public:
  explicit FrameInHand(policy::MessageSide side) : side_(side) {}

  // For gRPC to read into.
  grpc::ByteBuffer* to_fill() { return raw_.to_fill(); }
  size_t size() const { return raw_.size(); }
  bool valid() const { return raw_.valid(); }

  // The next message of its direction has come: makes of it what masks and content rules say, or refuses it.
  // `compressed` says how it came, and `encoding` what its side compresses with.
  Refusal LookInto(const RelayContext& shared, const CallContext& call, bool compressed,
                   grpc_compression_algorithm encoding);
  // Counts the message against the limits on bytes, as what it was inflated to if it was.
  void Charge(const CallContext& call);
  // How long to wait then before the next one is read; zero from then on.
  absl::Duration TakePause() { return std::exchange(pause_, absl::ZeroDuration()); }

  FrameViews& views() { return views_; }
  // Its number in its direction, from 0.
  uint64_t index() const { return next_index_ - 1; }
  bool compressed() const { return compressed_; }

 private:
  const policy::MessageSide side_;
  RawFrame raw_;
  FrameViews views_;
  bool compressed_ = false;
  absl::Duration pause_;
  uint64_t next_index_ = 0;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_FRAMES_FRAME_IN_HAND_H_
