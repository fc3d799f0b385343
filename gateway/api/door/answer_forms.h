// How answers of calls are written, in each of the protocols.
#ifndef SALLYPORT_GATEWAY_API_DOOR_ANSWER_FORMS_H_
#define SALLYPORT_GATEWAY_API_DOOR_ANSWER_FORMS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/api/door/call_request.h"
#include "gateway/api/door/door_error.h"
#include "gateway/api/door/door_metadata.h"
#include "gateway/http/http_messages.h"

namespace sallyport::gateway {

// What a service sends beside messages.
struct AnswerMetadata {
  DoorMetadata leading;
  DoorMetadata trailing;
};

// A whole answer: the message, in the wire format, of a method whose answer is no stream. INTERNAL if it is not of the
// method's type.
absl::StatusOr<HttpAnswer> UnaryAnswer(const CallForm& form, const DoorMethod& method, std::string message,
                                       const AnswerMetadata& metadata);
// A whole answer that says why there is no message.
HttpAnswer ErrorAnswer(const CallForm& form, const DoorError& error, const AnswerMetadata& metadata);

// The headers of a stream (its status is 200), a part with a message, and its last part, without `error` where all went
// well.
HttpHeaders StreamHeaders(const CallForm& form, const DoorMetadata& leading);
absl::StatusOr<std::string> StreamPart(const CallForm& form, const DoorMethod& method, std::string message);
std::string StreamEnd(const CallForm& form, const std::optional<DoorError>& error, const DoorMetadata& trailing);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_ANSWER_FORMS_H_
