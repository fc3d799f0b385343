// sallyport-example: the example payments service, with server reflection and health.
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "deploy/example/payments_service.h"

namespace {

// "127.0.0.1:0" with the port that was taken in place of the 0.
std::string RealAddress(const std::string& address, int port) {
  if (absl::StartsWith(address, "unix")) return address;
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"An example payments service (pay.v1.Payments) with server reflection and health, data in memory."};
  std::string address = "127.0.0.1:50052";
  app.add_option("--listen", address, "Address to listen on; port 0 takes a free one")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  // Before any thread starts, so that all of them leave the signals to sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  sallyport::example::PaymentsService service;
  grpc::ServerBuilder builder;
  int port = 0;
  // Without this a second instance would share the port in silence.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    std::fprintf(stderr, "sallyport-example: cannot listen on %s; is the port taken? Try --listen 127.0.0.1:0\n",
                 address.c_str());
    return 1;
  }
  std::printf("listening on %s\n", RealAddress(address, port).c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  service.Stop();
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  return 0;
}
