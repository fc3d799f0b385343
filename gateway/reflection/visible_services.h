// What one caller is told of the services behind the gateway.
#ifndef SALLYPORT_GATEWAY_REFLECTION_VISIBLE_SERVICES_H_
#define SALLYPORT_GATEWAY_REFLECTION_VISIBLE_SERVICES_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "policy/descriptors/descriptors.h"

namespace sallyport::gateway {

// Answers the questions of one reflection stream (grpc/reflection/v1/reflection.proto; v1alpha has the same messages).
// Shown are the methods that the caller may call, the services that have one, and the files that these need; of files
// without services all, if no service is hidden. Everything else is not found, as if it were not there. Not
// thread-safe.
class VisibleServices {
 public:
  // `path` is "/package.Service/Method". Asked once for each method, at the first question.
  using MayCall = absl::AnyInvocable<bool(std::string_view path)>;

  VisibleServices(std::shared_ptr<const policy::Descriptors> descriptors, MayCall may_call)
      : descriptors_(std::move(descriptors)), may_call_(std::move(may_call)) {}

  // A file comes with everything it imports that this stream has not been given yet, itself first.
  grpc::reflection::v1::ServerReflectionResponse Answer(const grpc::reflection::v1::ServerReflectionRequest& question);

 private:
  using Response = grpc::reflection::v1::ServerReflectionResponse;

  void Look();
  void AddWithImports(const google::protobuf::FileDescriptor& file);
  void GiveFile(const google::protobuf::FileDescriptor* file, std::string_view what, Response* response);
  void GiveExtensions(const std::string& type, Response* response) const;
  const google::protobuf::FileDescriptor* FileOfSymbol(const std::string& symbol) const;
  const google::protobuf::FileDescriptor* FileOfExtension(const std::string& type, int number) const;
  std::string Trimmed(const google::protobuf::FileDescriptor& file) const;

  const std::shared_ptr<const policy::Descriptors> descriptors_;
  MayCall may_call_;
  bool looked_ = false;
  std::vector<std::string> services_;
  std::set<const google::protobuf::MethodDescriptor*> methods_;
  std::set<const google::protobuf::FileDescriptor*> files_;
  std::set<const google::protobuf::FileDescriptor*> given_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_REFLECTION_VISIBLE_SERVICES_H_
