// Turns the frames of one recorded call back into messages that can be read.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_DECODER_H_
#define SALLYPORT_REPLAY_VIEW_CALL_DECODER_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "policy/descriptors/descriptors.h"
#include "replay/view/stored_descriptors.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// Decodes one call's frames. It is shown the call's entries in order, as what it knows (method, encodings, descriptors)
// stands in them. Lives while one call is read; not thread-safe.
class CallDecoder {
 public:
  // What a compressed frame may hold; more is not inflated.
  static constexpr size_t kMostInflated = 64 << 20;

  // `descriptors` must outlive it.
  explicit CallDecoder(StoredDescriptors* descriptors) : stored_(descriptors) {}

  // Learns what an entry says; to be called with each, frames too, before the frame is decoded.
  void Learn(const v1::Entry& entry);

  // The frame's message, inflated where it was compressed. INVALID_ARGUMENT says why it can't be.
  absl::StatusOr<std::string> Message(const v1::Frame& frame) const;
  // `message` (what Message returned for `frame`) as JSON. Errors say why there is none.
  absl::StatusOr<std::string> Json(const v1::Frame& frame, std::string_view message, policy::JsonStyle style) const;
  // A `grpc-status-details-bin` value as JSON of a google.rpc.Status. Errors say why there is none.
  absl::StatusOr<std::string> StatusDetailsJson(std::string_view value, policy::JsonStyle style) const;

 private:
  StoredDescriptors* stored_;
  std::string method_;
  std::string request_encoding_;
  std::string response_encoding_;
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> descriptors_ = policy::Descriptors::Empty();
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_DECODER_H_
