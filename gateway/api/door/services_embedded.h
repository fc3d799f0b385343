// The protos of the services with their comments. The source is made by embed.cmake when this is built.
#ifndef SALLYPORT_GATEWAY_API_DOOR_SERVICES_EMBEDDED_H_
#define SALLYPORT_GATEWAY_API_DOOR_SERVICES_EMBEDDED_H_

#include <string_view>

namespace sallyport::gateway {

// A serialised google.protobuf.FileDescriptorSet with imports and source info.
std::string_view EmbeddedServices();

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_SERVICES_EMBEDDED_H_
