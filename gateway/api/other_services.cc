#include "gateway/api/other_services.h"

#include <atomic>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/reflection/reflection_service.h"
#include "gateway/reflection/visible_services.h"
#include "grpc/health/v1/health.pb.h"
#include "sallyport/v1/audit.pb.h"
#include "sallyport/v1/operations.pb.h"
#include "sallyport/v1/policies.pb.h"

namespace sallyport::gateway {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr std::string_view kServices[] = {"", "sallyport.v1.Audit", "sallyport.v1.Operations", "sallyport.v1.Policies"};

bool IsService(std::string_view name) {
  for (const std::string_view service : kServices) {
    if (name == service) return true;
  }
  return false;
}

void AddFile(const google::protobuf::FileDescriptor* file, std::set<std::string>& added,
             google::protobuf::FileDescriptorSet& files) {
  if (!added.insert(file->name()).second) return;
  for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i), added, files);
  file->CopyTo(files.add_file());
}

// Ends a call at once.
class Farewell final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Farewell(grpc::Status status) { Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

class Checked final : public grpc::ServerUnaryReactor {
 public:
  explicit Checked(grpc::Status status) { Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

// One that watches: is told what is so, and waits until the call is over.
class Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse> {
 public:
  explicit Watcher(HealthCheckResponse::ServingStatus status) {
    message_.set_status(status);
    StartWrite(&message_);
  }
  void OnWriteDone(bool /*ok*/) override { EndIfBoth(); }
  void OnCancel() override { EndIfBoth(); }
  void OnDone() override { delete this; }

 private:
  // Each of the two comes once.
  void EndIfBoth() {
    if (told_.fetch_add(1) == 1) Finish(grpc::Status::CANCELLED);
  }

  HealthCheckResponse message_;
  std::atomic<int> told_{0};
};

HealthCheckResponse::ServingStatus StatusOf(const absl::Status& ready) {
  return ready.ok() ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace

google::protobuf::FileDescriptorSet ApiFiles() {
  google::protobuf::FileDescriptorSet files;
  std::set<std::string> added;
  AddFile(v1::SearchCallsRequest::descriptor()->file(), added, files);
  AddFile(v1::GetPolicyRequest::descriptor()->file(), added, files);
  AddFile(v1::GetHealthRequest::descriptor()->file(), added, files);
  AddFile(HealthCheckRequest::descriptor()->file(), added, files);
  ReflectionService::AddOwnFiles(files);
  return files;
}

grpc::ServerUnaryReactor* ApiHealth::Check(grpc::CallbackServerContext* /*context*/, const HealthCheckRequest* request,
                                           HealthCheckResponse* response) {
  if (!IsService(request->service())) {
    return new Checked({grpc::StatusCode::NOT_FOUND, "the door has no service of this name"});
  }
  response->set_status(StatusOf(ready_()));
  return new Checked(grpc::Status::OK);
}

grpc::ServerWriteReactor<HealthCheckResponse>* ApiHealth::Watch(grpc::CallbackServerContext* /*context*/,
                                                                const HealthCheckRequest* request) {
  return new Watcher(IsService(request->service()) ? StatusOf(ready_()) : HealthCheckResponse::SERVICE_UNKNOWN);
}

grpc::ServerGenericBidiReactor* ApiReflection::CreateReactor(grpc::GenericCallbackServerContext* context) {
  if (!ReflectionService::IsReflection(context->method())) {
    return new Farewell({grpc::StatusCode::UNIMPLEMENTED, "none of the services here has this method"});
  }
  DescriptorSets sets;
  sets.files = descriptors_;
  return ReflectionService::Converse(
      std::make_unique<VisibleServices>(std::move(sets), [](std::string_view /*path*/) { return "sallyport"; }));
}

}  // namespace sallyport::gateway
