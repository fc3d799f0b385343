#include "gateway/api/door/door_methods.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sallyport/v1/audit.pb.h"
#include "sallyport/v1/operations.pb.h"
#include "sallyport/v1/policies.pb.h"

namespace sallyport::gateway {
namespace {

// A program that uses nothing of a generated file does not link it, and then its services are not known.
void LinkServices() {
  static_cast<void>(v1::SearchCallsRequest::descriptor());
  static_cast<void>(v1::GetPolicyRequest::descriptor());
  static_cast<void>(v1::GetHealthRequest::descriptor());
}

}  // namespace

absl::StatusOr<DoorMethods> DoorMethods::Of(const std::vector<std::string>& services) {
  LinkServices();
  DoorMethods methods;
  for (const std::string& name : services) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    if (service == nullptr) return absl::InvalidArgumentError(absl::StrCat("there is no service \"", name, "\""));
    for (int i = 0; i < service->method_count(); ++i) {
      const auto& method = *service->method(i);
      if (method.client_streaming()) {
        return absl::InvalidArgumentError(absl::StrCat(method.full_name(), " takes a stream, which HTTP/1.1 cannot"));
      }
      DoorMethod made;
      made.path = absl::StrCat("/", name, "/", method.name());
      made.input = method.input_type();
      made.output = method.output_type();
      made.streams = method.server_streaming();
      made.safe = method.options().idempotency_level() == google::protobuf::MethodOptions::NO_SIDE_EFFECTS;
      methods.methods_.emplace(made.path, made);
    }
  }
  return methods;
}

const DoorMethod* DoorMethods::Find(std::string_view path) const {
  const auto found = methods_.find(path);
  return found == methods_.end() ? nullptr : &found->second;
}

}  // namespace sallyport::gateway
