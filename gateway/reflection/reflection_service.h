// The gateway's own answers to server reflection.
#ifndef SALLYPORT_GATEWAY_REFLECTION_REFLECTION_SERVICE_H_
#define SALLYPORT_GATEWAY_REFLECTION_REFLECTION_SERVICE_H_

#include <google/protobuf/descriptor.pb.h>

#include <memory>
#include <string_view>

#include "gateway/reflection/visible_services.h"
#include "gateway/relay/own/own_services.h"
#include "gateway/upstream/method_catalog.h"

namespace sallyport::gateway {

// Answers each caller about what it may call (visible_services.h), in each version of the protocol.
class ReflectionService final : public OwnService {
 public:
  // `catalog` outlives it.
  explicit ReflectionService(const MethodCatalog* catalog) : catalog_(catalog) {}

  // Whether a path is one of its methods, in any version of the protocol.
  static bool IsReflection(std::string_view path);
  // Answers one stream about these; deletes itself when the call is over.
  static grpc::ServerGenericBidiReactor* Converse(std::unique_ptr<VisibleServices> services);

  // Adds what the services themselves look like.
  static void AddOwnFiles(google::protobuf::FileDescriptorSet& files);

  bool Answers(std::string_view path) const override { return IsReflection(path); }
  grpc::ServerGenericBidiReactor* Answer(grpc::GenericCallbackServerContext* context, OwnCaller caller) override;

 private:
  const MethodCatalog* const catalog_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_REFLECTION_REFLECTION_SERVICE_H_
