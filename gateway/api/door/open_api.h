// The services as an OpenAPI page.
#ifndef SALLYPORT_GATEWAY_API_DOOR_OPEN_API_H_
#define SALLYPORT_GATEWAY_API_DOOR_OPEN_API_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace sallyport::gateway {

// OpenAPI 3.1 in JSON: each method of the services as it is called with plain JSON, and what is said in their protos'
// comments. `descriptor_set` is a serialised FileDescriptorSet with source info. INVALID_ARGUMENT if it is none, or has
// not all of the services.
absl::StatusOr<std::string> MakeOpenApi(const std::vector<std::string>& services, std::string_view descriptor_set);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_OPEN_API_H_
