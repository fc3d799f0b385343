// The floor: the least code that relays a unary call with gRPC C++'s callback API, and does so honestly. Metadata both
// ways, authority, deadline, cancellation, status and its details are carried; nothing is recorded, decided or checked,
// and there is no state machine. What the gateway costs above this is its own doing.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <string>

#include "program_setup.h"

namespace sallyport::benchmark {
namespace {

std::string ToString(grpc::string_ref text) { return std::string(text.data(), text.size()); }

// One call, both sides of it. Owns itself: the server side is always the last to be done, because it is finished only
// after the client side is.
class UnaryRelay final : public grpc::ServerGenericBidiReactor, public grpc::ClientUnaryReactor {
 public:
  UnaryRelay(grpc::GenericStub& stub, grpc::GenericCallbackServerContext* caller) : stub_(stub), caller_(caller) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::INTERNAL, "a unary call without a message"));
    for (const auto& [name, value] : caller_->client_metadata()) upstream_.AddMetadata(ToString(name), ToString(value));
    upstream_.set_authority(caller_->host());
    if (caller_->deadline() != std::chrono::system_clock::time_point::max())
      upstream_.set_deadline(caller_->deadline());
    stub_.PrepareUnaryCall(&upstream_, caller_->method(), {}, &request_, &response_, this);
    ClientUnaryReactor::StartCall();
  }

  // Of the client side: the upstream's whole answer is here.
  void OnDone(const grpc::Status& status) override {
    for (const auto& [name, value] : upstream_.GetServerInitialMetadata()) {
      caller_->AddInitialMetadata(ToString(name), ToString(value));
    }
    for (const auto& [name, value] : upstream_.GetServerTrailingMetadata()) {
      if (name == "grpc-status-details-bin") continue;  // goes with the status
      caller_->AddTrailingMetadata(ToString(name), ToString(value));
    }
    if (!status.ok()) return Finish(status);
    StartWriteAndFinish(&response_, grpc::WriteOptions(), status);
  }

  void OnCancel() override { upstream_.TryCancel(); }

  // Of the server side.
  void OnDone() override { delete this; }

 private:
  grpc::GenericStub& stub_;
  grpc::GenericCallbackServerContext* caller_;
  grpc::ClientContext upstream_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

class RelayService final : public grpc::CallbackGenericService {
 public:
  explicit RelayService(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* caller) override {
    return new UnaryRelay(stub_, caller);
  }

 private:
  grpc::GenericStub stub_;
};

int Main(int argc, char** argv) {
  CLI::App app{"The least relay of unary gRPC calls: what Sallyport's cost is compared with."};
  std::string listen = "127.0.0.1:0";
  std::string target;
  bool minimal_stack = false;
  app.add_option("--listen", listen, "address to listen on; port 0 takes a free one")->capture_default_str();
  app.add_option("--upstream", target, "gRPC target of the upstream")->required();
  app.add_flag("--minimal-stack", minimal_stack, "leave gRPC's deadline, compression and size filters out");
  CLI11_PARSE(app, argc, argv);

  SetUpProgram();
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  if (minimal_stack) arguments.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
  RelayService service(grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));

  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  builder.SetMaxReceiveMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  if (minimal_stack) builder.AddChannelArgument(GRPC_ARG_MINIMAL_STACK, 1);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::cerr << "cannot listen on " << listen << "\n";
    return 1;
  }
  std::cout << "listening on " << listen.substr(0, listen.rfind(':')) << ":" << port << std::endl;

  int signal = 0;
  sigwait(&stop_signals, &signal);
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

}  // namespace
}  // namespace sallyport::benchmark

int main(int argc, char** argv) { return sallyport::benchmark::Main(argc, argv); }
