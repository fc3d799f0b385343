#include "tests/gateway/rig.h"

#include <google/protobuf/descriptor.pb.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <future>
#include <utility>

namespace sallyport::testing {
namespace {

void AddMethod(google::protobuf::ServiceDescriptorProto* service, const char* name, bool client, bool server) {
  google::protobuf::MethodDescriptorProto* method = service->add_method();
  method->set_name(name);
  method->set_input_type(".test.v1.Text");
  method->set_output_type(".test.v1.Text");
  method->set_client_streaming(client);
  method->set_server_streaming(server);
}

std::string EchoDescriptors() {
  google::protobuf::FileDescriptorSet files;
  google::protobuf::FileDescriptorProto* file = files.add_file();
  file->set_name("test/v1/echo.proto");
  file->set_package("test.v1");
  file->set_syntax("proto3");
  google::protobuf::DescriptorProto* text = file->add_message_type();
  text->set_name("Text");
  google::protobuf::FieldDescriptorProto* field = text->add_field();
  field->set_name("text");
  field->set_number(1);
  field->set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
  field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  google::protobuf::ServiceDescriptorProto* service = file->add_service();
  service->set_name("Echo");
  AddMethod(service, "Unary", false, false);
  AddMethod(service, "ClientStream", true, false);
  AddMethod(service, "ServerStream", false, true);
  AddMethod(service, "Bidi", true, true);
  return files.SerializeAsString();
}

// gRPC 1.51 may abort when the last channel with callbacks is destroyed: one is kept for the life of the process.
void KeepCallbacksAlive() {
  struct Keeper {
    std::shared_ptr<grpc::Channel> channel = Dial("127.0.0.1:1");
    grpc::GenericStub stub{channel};
    grpc::ClientContext context;
    grpc::ByteBuffer request = ToBuffer("");
    grpc::ByteBuffer response;
    std::promise<void> done;
  };
  static Keeper* const keeper = [] {
    auto* made = new Keeper;
    made->stub.UnaryCall(&made->context, "/keep/Alive", grpc::StubOptions(), &made->request, &made->response,
                         [made](grpc::Status) { made->done.set_value(); });
    made->done.get_future().wait();
    return made;
  }();
  REQUIRE(keeper != nullptr);
}

}  // namespace

gateway::GatewayOptions OptionsFor(const std::string& target, const std::string& data) {
  v1::Config config;
  config.mutable_listen()->set_address("127.0.0.1:0");
  config.mutable_data()->set_directory(data);
  (*config.mutable_upstreams())["upstream"].set_target(target);
  absl::StatusOr<gateway::GatewayOptions> options = gateway::CheckConfiguration(config, "test", {});
  REQUIRE(options.ok());
  return *options;
}

Rig::Rig(std::map<std::string, ScriptedServer::Script> scripts, Methods methods, Adjust adjust)
    : data_(directory_.path() + "/data"), upstream_(std::make_unique<ScriptedServer>(std::move(scripts))) {
  KeepCallbacksAlive();
  gateway::GatewayOptions options = OptionsFor(upstream_->address(), data_);
  if (methods == Methods::kKnown) {
    std::string path = directory_.path() + "/echo.binpb";
    std::ofstream(path, std::ios::binary) << EchoDescriptors();
    options.descriptor_files.push_back(path);
  }
  if (adjust) adjust(options);
  absl::StatusOr<std::unique_ptr<gateway::Gateway>> gateway = gateway::Gateway::Start(options);
  INFO(gateway.status().ToString());
  REQUIRE(gateway.ok());
  gateway_ = *std::move(gateway);
  channel_ = Dial(address());
}

recorder::RecordReader& Rig::Reader() {
  if (reader_ == nullptr) {
    channel_ = nullptr;
    if (gateway_ != nullptr) REQUIRE(gateway_->Shutdown(absl::Seconds(5)).ok());
    absl::StatusOr<std::unique_ptr<recorder::RecordReader>> reader = recorder::RecordReader::Open(data_);
    INFO(reader.status().ToString());
    REQUIRE(reader.ok());
    reader_ = *std::move(reader);
  }
  return *reader_;
}

std::vector<recorder::CallSummary> Rig::Calls() {
  recorder::CallQuery query;
  query.order = recorder::CallQuery::Order::kOldestFirst;
  query.limit = 1000;
  absl::StatusOr<std::vector<recorder::CallSummary>> calls = Reader().Calls(query);
  INFO(calls.status().ToString());
  REQUIRE(calls.ok());
  return *calls;
}

std::vector<v1::Entry> Rig::Entries(uint64_t call_id) {
  std::vector<v1::Entry> entries;
  absl::Status status = Reader().ReadCall(call_id, [&entries](const v1::Entry& entry) {
    entries.push_back(entry);
    return absl::OkStatus();
  });
  INFO(status.ToString());
  REQUIRE(status.ok());
  return entries;
}

}  // namespace sallyport::testing
