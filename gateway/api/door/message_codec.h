// Messages between the wire format and JSON, for types of the program's own descriptors.
#ifndef SALLYPORT_GATEWAY_API_DOOR_MESSAGE_CODEC_H_
#define SALLYPORT_GATEWAY_API_DOOR_MESSAGE_CODEC_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace google::protobuf {
class Descriptor;
}

namespace sallyport::gateway {

// The message that `json` says, in the wire format. It must be strict JSON (RFC 8259), an object, and have no field
// that the type does not know. INVALID_ARGUMENT says which, or what else is wrong.
absl::StatusOr<std::string> JsonToWire(const google::protobuf::Descriptor& type, std::string_view json);

// INVALID_ARGUMENT unless `wire` is a message of the type.
absl::Status CheckWire(const google::protobuf::Descriptor& type, std::string_view wire);

// What `wire` says as JSON, with names in lowerCamelCase and without what is not set. INTERNAL if it is no such
// message.
absl::StatusOr<std::string> WireToJson(const google::protobuf::Descriptor& type, std::string_view wire);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_MESSAGE_CODEC_H_
