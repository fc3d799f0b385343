// Where calls of any method of any service come in.
#ifndef SALLYPORT_GATEWAY_RELAY_RELAY_SERVICE_H_
#define SALLYPORT_GATEWAY_RELAY_RELAY_SERVICE_H_

#include <grpcpp/generic/async_generic_service.h>

#include "gateway/relay/call_session.h"

namespace sallyport::gateway {

// Makes a CallSession of every call. Thread-safe; outlives the server.
class RelayService final : public grpc::CallbackGenericService {
 public:
  explicit RelayService(const RelayContext& context) : context_(context) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* server) override {
    return CallSession::Start(context_, server);
  }

 private:
  const RelayContext context_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_RELAY_SERVICE_H_
