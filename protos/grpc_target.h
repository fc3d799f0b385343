// Targets in gRPC's notation, as people write them.
#ifndef SALLYPORT_PROTOS_GRPC_TARGET_H_
#define SALLYPORT_PROTOS_GRPC_TARGET_H_

#include <string>
#include <string_view>

namespace sallyport {

// What is wrong with a target, with what to write instead; empty if gRPC (1.51) finds something to connect to in it. It
// is asked to say its port: gRPC would take 443 for what has none. Nothing is resolved.
std::string TargetFault(std::string_view target);

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_GRPC_TARGET_H_
