// What of a message goes where: to the other side, and into the record.
#ifndef SALLYPORT_GATEWAY_RELAY_FRAMES_FRAME_VIEWS_H_
#define SALLYPORT_GATEWAY_RELAY_FRAMES_FRAME_VIEWS_H_

#include <grpc/compression.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gateway/relay/frames/message_bytes.h"
#include "policy/masking/masker.h"
#include "policy/record_rules.h"
#include "recorder/keys/sealed_view.h"

namespace sallyport::gateway {

// A message as it was received. What is in it comes out through FrameViews alone: to pass on or to record what masks
// should have hidden does not compile.
class RawFrame {
 public:
  // For gRPC to read into.
  grpc::ByteBuffer* to_fill() { return &buffer_; }
  size_t size() const { return buffer_.Length(); }
  bool valid() const { return buffer_.Valid(); }

 private:
  friend class FrameViews;
  grpc::ByteBuffer buffer_;
};

// The views of one frame at a time. Not thread-safe.
class FrameViews {
 public:
  // What gRPC takes by default is inflated whatever it is made of. Beyond that, messages do not compress so well, and
  // those that do are made for that.
  static constexpr size_t kInflatedFreely = size_t{4} << 20;
  static constexpr size_t kMostRatio = 100;

  // How the frame came.
  struct Frame {
    policy::MessageSide side;
    recorder::FrameName name;                                  // what the original is sealed as, `compressed` included
    grpc_compression_algorithm encoding = GRPC_COMPRESS_NONE;  // of the call; of this frame if it is compressed
    // How many bytes of it, as masks leave it, are recorded at most; and of originals, none that are longer.
    uint64_t most_recorded = policy::kWholeFrames;
  };
  // Why a frame goes nowhere.
  struct Refused {
    std::string_view rule;  // the content rule that refuses it; empty: it is unreadable
    std::string problem;    // why that is; no values
  };

  // Works out the views of `raw`, which must stay as it is while they are used. `masks` may be null: then all views are
  // the frame itself, and this costs nothing. `reveal_key` is needed where masks seal. A message that is longer than
  // `most_bytes` when inflated is unreadable, and so is one that is inflated to more than kMostRatio times its size and
  // to more than kInflatedFreely.
  std::optional<Refused> Make(RawFrame& raw, const Frame& frame, const policy::CallMasks* masks,
                              const recorder::RevealKey* reveal_key, size_t most_bytes);

  // To be written to the other side; of a frame that came compressed but had to be masked, gRPC compresses it again.
  grpc::ByteBuffer* passed() { return passed_.Valid() ? &passed_ : &raw_->buffer_; }

  // For the record, no more than `most_recorded` bytes. The pieces are views of this object, until the next Make.
  absl::Span<const std::string_view> recorded_pieces();
  // What is recorded is less than the frame has: of its recorded_bytes().
  bool shortened() const { return recorded_bytes() > most_recorded_; }
  // Of the frame as masks leave it for the record, before it is shortened.
  size_t recorded_bytes() const { return masked_ ? recorded_.size() : raw_->size(); }
  // How many bytes were made of a compressed frame in looking into it, also if it was refused.
  size_t inflated_bytes() const { return inflated_bytes_; }
  bool recorded_compressed() const { return compressed_ && !masked_; }
  bool masked() const { return masked_; }  // in the record
  const recorder::SealedView* sealed() const { return sealed_.has_value() ? &*sealed_ : nullptr; }
  // Content rules in shadow that would have refused the frame; texts of the policy.
  absl::Span<const std::string_view> shadow() const { return shadow_; }

 private:
  using Outcome = policy::MessageMask::Outcome;
  std::optional<Refused> MakeMasked(const Frame& frame, const policy::CallMasks& masks,
                                    const recorder::RevealKey* reveal_key, size_t most_bytes);

  // The message in a frame that came compressed.
  absl::StatusOr<std::string> Inflated(const Frame& frame, std::string_view original, size_t most_bytes);
  std::optional<Refused> Seal(const Frame& frame, const policy::CallMasks& masks, const recorder::RevealKey* reveal_key,
                              std::string_view original, std::string_view message);

  RawFrame* raw_ = nullptr;
  bool compressed_ = false;
  uint64_t most_recorded_ = policy::kWholeFrames;
  std::vector<std::string_view> cut_;  // what recorded_pieces() gave of a shortened frame
  size_t inflated_bytes_ = 0;
  grpc::ByteBuffer passed_;  // invalid where the frame itself passes
  bool masked_ = false;
  std::string masked_text_;    // what recorded_ is a view of, where passed_ is not the same
  std::string_view recorded_;  // if masked_
  std::optional<MessagePieces> pieces_;
  std::optional<recorder::SealedView> sealed_;
  std::vector<std::string_view> shadow_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_FRAMES_FRAME_VIEWS_H_
