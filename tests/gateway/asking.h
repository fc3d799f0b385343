// A client of server reflection.
#ifndef SALLYPORT_TESTS_GATEWAY_ASKING_H_
#define SALLYPORT_TESTS_GATEWAY_ASKING_H_

#include <google/protobuf/descriptor.pb.h>

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "tests/fakes/blocking_client.h"

namespace sallyport::testing {

inline constexpr char kV1[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
inline constexpr char kV1Alpha[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

// A reflection stream through the gateway.
class Asking {
 public:
  explicit Asking(const std::shared_ptr<grpc::Channel>& channel, const char* path = kV1) : call_(channel, path) {}
  BlockingCall& call() { return call_; }
  grpc::reflection::v1::ServerReflectionResponse Ask(const grpc::reflection::v1::ServerReflectionRequest& question) {
    if (!started_) REQUIRE(call_.Start());
    started_ = true;
    REQUIRE(call_.Write(question.SerializeAsString()));
    const std::optional<std::string> answer = call_.Read();
    REQUIRE(answer.has_value());
    grpc::reflection::v1::ServerReflectionResponse response;
    REQUIRE(response.ParseFromString(*answer));
    CHECK(response.original_request().SerializeAsString() == question.SerializeAsString());
    return response;
  }
  std::set<std::string> Services() {
    grpc::reflection::v1::ServerReflectionRequest question;
    question.set_list_services("*");
    std::set<std::string> names;
    const grpc::reflection::v1::ServerReflectionResponse answer = Ask(question);
    for (const auto& service : answer.list_services_response().service()) names.insert(service.name());
    return names;
  }
  grpc::reflection::v1::ServerReflectionResponse File(const std::string& symbol) {
    grpc::reflection::v1::ServerReflectionRequest question;
    question.set_file_containing_symbol(symbol);
    return Ask(question);
  }

 private:
  BlockingCall call_;
  bool started_ = false;
};

inline std::set<std::string> MethodsOf(const grpc::reflection::v1::ServerReflectionResponse& response,
                                       const std::string& service) {
  std::set<std::string> methods;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    REQUIRE(file.ParseFromString(bytes));
    for (const auto& one : file.service()) {
      if (absl::StrCat(file.package(), ".", one.name()) != service) continue;
      for (const auto& method : one.method()) methods.insert(method.name());
    }
  }
  return methods;
}

// Reflection is asked on a thread: until its answer is in force.
inline void AwaitService(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  while (absl::Now() < give_up) {
    Asking asking(channel);
    if (asking.Services().contains(service)) return;
  }
  FAIL("never listed: " << service);
}

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_GATEWAY_ASKING_H_
