// What the door has besides its own services: health and server reflection.
#ifndef SALLYPORT_GATEWAY_API_OTHER_SERVICES_H_
#define SALLYPORT_GATEWAY_API_OTHER_SERVICES_H_

#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "policy/descriptors/descriptors.h"

namespace sallyport::gateway {

// The services' own files, with all that they import.
google::protobuf::FileDescriptorSet ApiFiles();

// Whether the record can be looked at: for the empty service and for those of the door; others are NOT_FOUND. Whoever
// connects may ask. Thread-safe; outlives the calls.
class ApiHealth final : public grpc::health::v1::Health::CallbackService {
 public:
  // `ready` says why it cannot be.
  explicit ApiHealth(std::function<absl::Status()> ready) : ready_(std::move(ready)) {}

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  // Says what is so; the call ends when the door closes.
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context, const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  const std::function<absl::Status()> ready_;
};

// Answers server reflection, to whoever connects, about the door's services; everything else that no service has is
// UNIMPLEMENTED.
class ApiReflection final : public grpc::CallbackGenericService {
 public:
  explicit ApiReflection(std::shared_ptr<const policy::Descriptors> descriptors)
      : descriptors_(std::move(descriptors)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  const std::shared_ptr<const policy::Descriptors> descriptors_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_OTHER_SERVICES_H_
