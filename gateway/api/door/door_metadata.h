// Metadata of a call and headers of a request or answer: which of them are the same, and how they are written.
#ifndef SALLYPORT_GATEWAY_API_DOOR_DOOR_METADATA_H_
#define SALLYPORT_GATEWAY_API_DOOR_DOOR_METADATA_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway/http/http_messages.h"

namespace sallyport::gateway {

// Names in lower case and values in order; those of names that end with "-bin" are bytes.
using DoorMetadata = std::vector<std::pair<std::string, std::string>>;

// What a request's headers hand on to the service: all but those of HTTP, of browsers, of the protocols and of the door
// itself (credentials, cookies, kVisitKey). INVALID_ARGUMENT if one cannot be metadata.
absl::StatusOr<DoorMetadata> MetadataOf(const HttpHeaders& headers);

// Whether a pair that the service sent is shown to clients.
bool IsShown(std::string_view name);

// A value as it stands in a header, a trailer or Connect's end of a stream: bytes in base64 without padding.
std::string HeaderValue(std::string_view name, std::string_view value);

// Adds those that are shown, each name behind `prefix`.
void AppendHeaders(const DoorMetadata& metadata, std::string_view prefix, HttpHeaders& headers);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_DOOR_METADATA_H_
