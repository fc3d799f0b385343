// Which gRPC this program has.
#ifndef SALLYPORT_REPLAY_REPLAYER_GRPC_VERSION_H_
#define SALLYPORT_REPLAY_REPLAYER_GRPC_VERSION_H_

#include <string>

namespace sallyport::replay {

// Such as "1.51.1".
std::string GrpcVersion();

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_GRPC_VERSION_H_
