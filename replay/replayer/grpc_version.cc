#include "replay/replayer/grpc_version.h"

#include <grpcpp/grpcpp.h>

namespace sallyport::replay {

std::string GrpcVersion() { return grpc::Version(); }

}  // namespace sallyport::replay
