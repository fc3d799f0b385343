// Where calls of any method of any service come in.
#ifndef SALLYPORT_GATEWAY_RELAY_RELAY_SERVICE_H_
#define SALLYPORT_GATEWAY_RELAY_RELAY_SERVICE_H_

#include <grpcpp/generic/async_generic_service.h>

#include "gateway/relay/legs/grpc_caller_leg.h"
#include "gateway/relay/relay_context.h"

namespace sallyport::gateway {

// Makes a RelayedCall of every call. Thread-safe; outlives the server.
class RelayService final : public grpc::CallbackGenericService {
 public:
  explicit RelayService(const RelayContext& context) : context_(context) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* server) override {
    return GrpcCallerLeg::Take(context_, server);
  }

 private:
  const RelayContext context_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_RELAY_SERVICE_H_
