// The upstream of every benchmark: echoes raw frames with the callback API and counts what it completed.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>

#include "program_setup.h"
#include "tests/benchmark/echo.grpc.pb.h"

namespace sallyport::benchmark {
namespace {

// Totals since the start; read while calls run.
struct Totals {
  std::atomic<uint64_t> unary_calls{0};
  std::atomic<uint64_t> stream_calls{0};
  std::atomic<uint64_t> stream_messages{0};
  std::atomic<uint64_t> idle_streams{0};
};

// One unary call. Owns itself; counts only where the response went out and nobody cancelled.
class UnaryReactor final : public grpc::ServerUnaryReactor {
 public:
  UnaryReactor(Totals& totals, const grpc::ByteBuffer& request, grpc::ByteBuffer* response) : totals_(totals) {
    *response = request;
    Finish(grpc::Status::OK);
  }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override {
    if (!cancelled_) ++totals_.unary_calls;
    delete this;
  }

 private:
  Totals& totals_;
  std::atomic<bool> cancelled_{false};
};

// One echoing stream: one frame read, the same frame written, the next read. Owns itself.
class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit StreamReactor(Totals& totals) : totals_(totals) { StartRead(&frame_); }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    StartWrite(&frame_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the caller is gone"));
    ++totals_.stream_messages;
    StartRead(&frame_);
  }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override {
    if (!cancelled_) ++totals_.stream_calls;
    delete this;
  }

 private:
  Totals& totals_;
  grpc::ByteBuffer frame_;
  std::atomic<bool> cancelled_{false};
};

// One stream that only stays open. Owns itself.
class IdleReactor final : public grpc::ServerBidiReactor<Payload, Payload> {
 public:
  explicit IdleReactor(Totals& totals) : totals_(totals) {
    ++totals_.idle_streams;
    StartSendInitialMetadata();
    StartRead(&ignored_);
  }
  void OnReadDone(bool ok) override {
    if (ok) return StartRead(&ignored_);
    Finish(grpc::Status::OK);
  }
  void OnDone() override {
    --totals_.idle_streams;
    delete this;
  }

 private:
  Totals& totals_;
  Payload ignored_;
};

using RawService = Echo::WithRawCallbackMethod_Unary<Echo::WithRawCallbackMethod_Stream<
    Echo::WithCallbackMethod_Idle<Echo::WithCallbackMethod_Counters<Echo::Service>>>>;

class EchoService final : public RawService {
 public:
  grpc::ServerUnaryReactor* Unary(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* response) override {
    return new UnaryReactor(totals_, *request, response);
  }
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Stream(grpc::CallbackServerContext* context) override {
    return new StreamReactor(totals_);
  }
  grpc::ServerBidiReactor<Payload, Payload>* Idle(grpc::CallbackServerContext* context) override {
    return new IdleReactor(totals_);
  }
  grpc::ServerUnaryReactor* Counters(grpc::CallbackServerContext* context, const CountersRequest* request,
                                     CountersReply* reply) override {
    reply->set_unary_calls(totals_.unary_calls);
    reply->set_stream_calls(totals_.stream_calls);
    reply->set_stream_messages(totals_.stream_messages);
    reply->set_idle_streams(totals_.idle_streams);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  Totals totals_;
};

int Main(int argc, char** argv) {
  CLI::App app{"The echoing upstream of Sallyport's benchmark."};
  std::string listen = "127.0.0.1:0";
  app.add_option("--listen", listen, "address to listen on; port 0 takes a free one")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  SetUpProgram();
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  EchoService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(-1);
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
