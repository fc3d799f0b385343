#include "gateway/reflection/reflection_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <charconv>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gateway/health/health_service.h"

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

// Ends a call at once.
class Farewell final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Farewell(grpc::Status status) { Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

class InProcessServer final : public ReflectionServer, private grpc::CallbackGenericService {
 public:
  InProcessServer() {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(this);
    builder.SetMaxReceiveMessageSize(-1);
    builder.SetMaxSendMessageSize(-1);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr) upstream_ = Upstream::InProcess(kOwnUpstream, server_.get());
  }

  ~InProcessServer() override {
    // Its calls are over: they belonged to calls of the gateway's.
    if (server_ != nullptr) server_->Shutdown(absl::ToChronoTime(absl::Now()));
  }

  bool ready() const { return server_ != nullptr; }
  Upstream& upstream() override { return *upstream_; }

  void AddHealth(HealthService* health) override { health_ = health; }

  Visit Announce(std::unique_ptr<VisibleServices> services) override {
    absl::MutexLock lock(&mutex_);
    const uint64_t number = ++last_;
    announced_.emplace(number, std::move(services));
    return {this, number};
  }

 private:
  void Withdraw(uint64_t number) override {
    absl::MutexLock lock(&mutex_);
    announced_.erase(number);
  }

  std::unique_ptr<VisibleServices> TakeAnnounced(const grpc::GenericCallbackServerContext& context) {
    const auto found = context.client_metadata().find(kVisitKey);
    if (found == context.client_metadata().end()) return nullptr;
    uint64_t number = 0;
    std::from_chars(found->second.begin(), found->second.end(), number);
    absl::MutexLock lock(&mutex_);
    const auto visit = announced_.find(number);
    if (visit == announced_.end()) return nullptr;
    std::unique_ptr<VisibleServices> services = std::move(visit->second);
    announced_.erase(visit);
    return services;
  }

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    if (health_ != nullptr && HealthService::Answers(context->method())) return health_->Start(context);
    bool known = false;
    for (const std::string_view path : kPaths) known = known || context->method() == path;
    if (!known) {
      return new Farewell(
          {grpc::StatusCode::UNIMPLEMENTED, "the gateway itself offers server reflection and health only"});
    }
    std::unique_ptr<VisibleServices> services = TakeAnnounced(*context);
    if (services == nullptr) return new Farewell({grpc::StatusCode::CANCELLED, "the call is over"});
    return new Conversation(std::move(services));
  }

  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<grpc::Server> server_;
  HealthService* health_ = nullptr;
  absl::Mutex mutex_;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<uint64_t, std::unique_ptr<VisibleServices>> announced_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<ReflectionServer>> ReflectionServer::Start() {
  auto server = std::make_unique<InProcessServer>();
  if (!server->ready()) return absl::InternalError("gRPC could not make the server that answers reflection");
  return server;
}

google::protobuf::FileDescriptorSet ReflectionServer::OwnFiles() {
  google::protobuf::FileDescriptorSet set;
  rpb::ServerReflectionRequest::descriptor()->file()->CopyTo(set.add_file());
  // The versions differ in the package's name only.
  google::protobuf::FileDescriptorProto& file = *set.add_file();
  file = set.file(0);
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
  return set;
}

}  // namespace sallyport::gateway
