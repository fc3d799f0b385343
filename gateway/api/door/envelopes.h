// Messages in a stream, as gRPC frames them: a byte of flags, the length in four, big-endian, and the message. Connect
// and gRPC-Web both do.
#ifndef SALLYPORT_GATEWAY_API_DOOR_ENVELOPES_H_
#define SALLYPORT_GATEWAY_API_DOOR_ENVELOPES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sallyport::gateway {

constexpr uint8_t kCompressedFlag = 0x01;
constexpr uint8_t kConnectEndFlag = 0x02;  // holds how the stream ended, as JSON
constexpr uint8_t kGrpcWebTrailersFlag = 0x80;

struct Envelope {
  uint8_t flags = 0;
  std::string_view message;  // of what was read
};

// The one message that a body holds. UNIMPLEMENTED if there are none or several, INVALID_ARGUMENT if it is cut off.
absl::StatusOr<Envelope> ReadOneEnvelope(std::string_view body);

// `message` in its envelope. It has less than 4 GiB.
std::string Enveloped(uint8_t flags, std::string_view message);

// What a body of gRPC-Web-Text says: base64 in one or several runs, each padded. INVALID_ARGUMENT if it is not.
absl::StatusOr<std::string> ReadWebText(std::string_view body);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_ENVELOPES_H_
