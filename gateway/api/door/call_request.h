// A request of HTTP, read as a call: in Connect's protocol (with plain JSON), gRPC-Web or gRPC-Web-Text.
#ifndef SALLYPORT_GATEWAY_API_DOOR_CALL_REQUEST_H_
#define SALLYPORT_GATEWAY_API_DOOR_CALL_REQUEST_H_

#include <cstddef>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "gateway/api/door/door_metadata.h"
#include "gateway/api/door/door_methods.h"
#include "gateway/http/http_messages.h"

namespace sallyport::gateway {

// In which form a call is made and answered.
struct CallForm {
  enum class Protocol { kConnectUnary, kConnectStream, kGrpcWeb };

  Protocol protocol = Protocol::kConnectUnary;
  bool json = false;    // messages are; in the wire format otherwise
  bool base64 = false;  // gRPC-Web-Text
  bool gzip = false;    // the client takes answers so compressed
};

// A value. `method` points into the DoorMethods.
struct CallRequest {
  const DoorMethod* method = nullptr;
  CallForm form;
  std::optional<absl::Duration> timeout;
  DoorMetadata metadata;
  std::string message;  // in the wire format, and of the method's input
};

// What a request asks for, or the answer that it gets where it is not in order: 404 for what is no method, 405 with
// `Allow`, 415 with `Accept-Post`, and otherwise as its protocol says it. A message, inflated, has at most
// `most_message_bytes`.
std::variant<CallRequest, HttpAnswer> ReadCall(const DoorMethods& methods, const ReceivedRequest& request,
                                               size_t most_message_bytes);

// A target's path and what stands behind its "?", both as they came.
struct TargetParts {
  std::string path;
  std::string query;
};
TargetParts PartsOf(const std::string& target);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_CALL_REQUEST_H_
