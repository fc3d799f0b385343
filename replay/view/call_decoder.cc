#include "replay/view/call_decoder.h"

#include "absl/strings/str_cat.h"
#include "protos/message_encoding.h"
#include "replay/view/names.h"
#include "replay/view/printable.h"
#include "replay/view/status_details.h"

namespace sallyport::replay {

using policy::Descriptors;

void CallDecoder::Learn(const v1::Entry& entry) {
  if (entry.has_start()) {
    method_ = entry.start().method();
    request_encoding_ = entry.start().encoding();
    descriptors_ = stored_->Find(entry.start().descriptors());
  } else if (entry.has_response_headers()) {
    response_encoding_ = entry.response_headers().encoding();
  }
}

absl::StatusOr<std::string> CallDecoder::Message(const v1::Frame& frame) const {
  // The first bytes of a message may well parse as another.
  if (frame.shortened()) {
    return absl::FailedPreconditionError(ShortenedText(frame.payload().size(), frame.whole_length()));
  }
  if (!frame.compressed()) return frame.payload();
  const std::string& name = frame.direction() == v1::DIRECTION_RESPONSE ? response_encoding_ : request_encoding_;
  const std::optional<MessageEncoding> encoding = ParseMessageEncoding(name);
  if (!encoding.has_value() || *encoding == MessageEncoding::kIdentity) {
    return absl::InvalidArgumentError(
        absl::StrCat("compressed with encoding \"", Printable(name), "\", which is not known here"));
  }
  return Inflate(*encoding, frame.payload(), kMostInflated);
}

absl::StatusOr<std::string> CallDecoder::Json(const v1::Frame& frame, std::string_view message,
                                              policy::JsonStyle style) const {
  if (!descriptors_.ok()) return descriptors_.status();
  if ((*descriptors_)->version().empty()) return absl::NotFoundError("no descriptor was known for this method");
  const policy::MessageSide side =
      frame.direction() == v1::DIRECTION_RESPONSE ? policy::MessageSide::kResponse : policy::MessageSide::kRequest;
  return (*descriptors_)->ToJson(method_, side, message, style);
}

absl::StatusOr<std::string> CallDecoder::StatusDetailsJson(std::string_view value, policy::JsonStyle style) const {
  return replay::StatusDetailsJson(descriptors_.ok() ? *descriptors_ : Descriptors::Empty(), value, style);
}

}  // namespace sallyport::replay
