// What callers of the services are told when something is wrong.
#ifndef SALLYPORT_GATEWAY_API_API_STATUS_H_
#define SALLYPORT_GATEWAY_API_API_STATUS_H_

#include <grpcpp/support/status.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace sallyport::gateway {

// The same as gRPC's, with a google.rpc.Status that has an ErrorInfo of the domain "sallyport" with this reason, or
// with one that fits the code, and for INVALID_ARGUMENT a BadRequest with the field that the message begins with
// ("filter.since: what is wrong"; empty if it begins with none). Texts are made UTF-8.
grpc::Status ApiStatus(const absl::Status& status, std::string_view reason = "");

// The field of the request that a message begins with; empty if it begins with none.
std::string_view FieldOf(std::string_view message);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_API_STATUS_H_
