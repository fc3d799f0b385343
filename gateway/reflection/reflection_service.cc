#include "gateway/reflection/reflection_service.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/str_replace.h"
#include "gateway/reflection/visible_services.h"
#include "grpc/reflection/v1/reflection.pb.h"

namespace sallyport::gateway {
namespace {

namespace rpb = grpc::reflection::v1;

constexpr std::string_view kPaths[] = {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                       "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};

// Answers one stream, question by question. Deletes itself when the call is over.
class Conversation final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Conversation(std::unique_ptr<VisibleServices> services) : services_(std::move(services)) {
    StartRead(&question_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    rpb::ServerReflectionRequest question;
    const grpc::Status parsed =
        grpc::GenericDeserialize<grpc::ProtoBufferReader, rpb::ServerReflectionRequest>(&question_, &question);
    if (!parsed.ok()) {
      return Finish({grpc::StatusCode::INVALID_ARGUMENT, "the bytes are not a ServerReflectionRequest"});
    }
    bool own_buffer = false;
    answer_.Clear();
    const grpc::Status encoded = grpc::GenericSerialize<grpc::ProtoBufferWriter, rpb::ServerReflectionResponse>(
        services_->Answer(question), &answer_, &own_buffer);
    if (!encoded.ok()) return Finish({grpc::StatusCode::INTERNAL, "the answer cannot be written"});
    StartWrite(&answer_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    StartRead(&question_);
  }

  void OnDone() override { delete this; }

 private:
  const std::unique_ptr<VisibleServices> services_;
  grpc::ByteBuffer question_;
  grpc::ByteBuffer answer_;
};

}  // namespace

bool ReflectionService::IsReflection(std::string_view path) {
  return std::find(std::begin(kPaths), std::end(kPaths), path) != std::end(kPaths);
}

grpc::ServerGenericBidiReactor* ReflectionService::Answer(grpc::GenericCallbackServerContext* /*context*/,
                                                          OwnCaller caller) {
  auto leads_to = [caller = std::move(caller)](std::string_view path) { return caller.LeadsTo(path); };
  return Converse(std::make_unique<VisibleServices>(catalog_->Current(), std::move(leads_to)));
}

grpc::ServerGenericBidiReactor* ReflectionService::Converse(std::unique_ptr<VisibleServices> services) {
  return new Conversation(std::move(services));
}

void ReflectionService::AddOwnFiles(google::protobuf::FileDescriptorSet& set) {
  google::protobuf::FileDescriptorProto current;
  rpb::ServerReflectionRequest::descriptor()->file()->CopyTo(&current);
  *set.add_file() = current;
  // The versions differ in the package's name only.
  google::protobuf::FileDescriptorProto& file = *set.add_file();
  file = current;
  file.set_name("grpc/reflection/v1alpha/reflection.proto");
  file.set_package("grpc.reflection.v1alpha");
  const auto rename = [](std::string* type) {
    *type = absl::StrReplaceAll(*type, {{".grpc.reflection.v1.", ".grpc.reflection.v1alpha."}});
  };
  for (auto& message : *file.mutable_message_type()) {
    for (auto& field : *message.mutable_field()) {
      if (field.has_type_name()) rename(field.mutable_type_name());
    }
  }
  for (auto& service : *file.mutable_service()) {
    for (auto& method : *service.mutable_method()) {
      rename(method.mutable_input_type());
      rename(method.mutable_output_type());
    }
  }
}

}  // namespace sallyport::gateway
