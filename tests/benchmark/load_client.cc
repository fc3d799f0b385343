// The benchmark's own load generator, for what h2load cannot do: one call at a time, streams, open idle streams, and
// asking the upstream what it has completed. Each subcommand prints one line of JSON, or says on stderr why it cannot.
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "program_setup.h"
#include "stream_load.h"

namespace sallyport::benchmark {
namespace {

// `calls` unary calls one after the other on one connection, after as many again / 10 that are not counted.
absl::Status MeasureLatency(const std::string& target, int calls, int size, Answer answer) {
  const auto channels = OpenChannels(target, 1);
  const std::unique_ptr<Echo::Stub> stub = Echo::NewStub(channels.front());
  Payload request;
  *request.mutable_body() = BodyOf(size, 0);
  const std::string expected = AnswerTo(request.body(), answer);
  std::vector<double> microseconds;
  microseconds.reserve(calls);
  for (int i = -calls / 10; i < calls; ++i) {
    grpc::ClientContext context;
    Payload response;
    const absl::Time begin = absl::Now();
    const grpc::Status status = stub->Unary(&context, request, &response);
    const absl::Duration took = absl::Now() - begin;
    if (!status.ok()) {
      return absl::UnavailableError(absl::StrCat("gRPC status ", status.error_code(), ": ", status.error_message()));
    }
    if (response.body() != expected) return absl::DataLossError("the echo is not the answer to what was sent");
    if (i >= 0) microseconds.push_back(absl::ToDoubleMicroseconds(took));
  }
  std::sort(microseconds.begin(), microseconds.end());
  const auto last = static_cast<double>(microseconds.size() - 1);
  const auto at = [&](double share) { return microseconds[static_cast<size_t>(share * last)]; };
  std::cout << absl::StrFormat("{\"calls\": %d, \"median_us\": %.2f, \"p99_us\": %.2f}\n", calls, at(0.5), at(0.99));
  return absl::OkStatus();
}

absl::Status MeasureStreams(const std::string& target, const StreamLoad& load) {
  const absl::StatusOr<absl::Duration> took = RunStreams(target, load);
  if (!took.ok()) return took.status();
  std::cout << absl::StrFormat("{\"messages\": %d, \"seconds\": %.6f}\n", int64_t{load.streams} * load.messages,
                               absl::ToDoubleSeconds(*took));
  return absl::OkStatus();
}

// Says when all are open, and keeps them so until stdin ends.
absl::Status HoldIdleStreams(const std::string& target, int streams, int connections) {
  absl::StatusOr<std::unique_ptr<IdleStreams>> idle = IdleStreams::Open(target, streams, connections);
  if (!idle.ok()) return idle.status();
  std::cout << absl::StrFormat("{\"open\": %d}", streams) << std::endl;
  std::string ignored;
  while (std::getline(std::cin, ignored)) {
  }
  return (*idle)->Close();
}

absl::Status PrintCounters(const std::string& target) {
  const auto channels = OpenChannels(target, 1);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(10)));
  CountersReply counters;
  const grpc::Status status = Echo::NewStub(channels.front())->Counters(&context, CountersRequest(), &counters);
  if (!status.ok()) {
    return absl::UnavailableError(absl::StrCat("gRPC status ", status.error_code(), ": ", status.error_message()));
  }
  std::cout << absl::StrFormat(
      "{\"unary_calls\": %d, \"stream_calls\": %d, \"stream_messages\": %d, \"idle_streams\": %d}\n",
      counters.unary_calls(), counters.stream_calls(), counters.stream_messages(), counters.idle_streams());
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app{"Load for Sallyport's benchmark, of the kinds that h2load cannot make."};
  app.set_version_flag("--version", absl::StrCat("gRPC ", grpc::Version()));
  std::string target;
  int calls = 1000;
  StreamLoad load{.streams = 32, .connections = 8, .messages = 1000, .size = 100};
  bool pipelined = false;
  bool masked = false;
  const auto add = [&](const char* name, const char* help) {
    CLI::App* command = app.add_subcommand(name, help);
    command->add_option("--target", target, "gRPC target to call")->required();
    return command;
  };
  const auto positive = CLI::Range(1, 1 << 30);
  CLI::App* latency = add("latency", "one unary call at a time");
  latency->add_option("--calls", calls, "how many")->check(positive)->capture_default_str();
  CLI::App* streams = add("streams", "messages back and forth on streams");
  streams->add_option("--messages", load.messages, "on each stream")->check(positive)->capture_default_str();
  streams->add_flag("--pipelined", pipelined, "do not wait for an echo before the next message");
  CLI::App* idle = add("idle", "streams that stay open until stdin ends");
  for (CLI::App* command : {latency, streams}) {
    command->add_option("--size", load.size, "bytes of a message")->check(CLI::Range(16, 129))->capture_default_str();
    command->add_flag("--masked", masked, "all but the last four characters of the echo are masked");
  }
  for (CLI::App* command : {streams, idle}) {
    command->add_option("--streams", load.streams, "how many")->check(positive)->capture_default_str();
    command->add_option("--connections", load.connections, "over how many")->check(positive)->capture_default_str();
  }
  CLI::App* counters = add("counters", "what the echo server has completed");
  app.require_subcommand(1);
  CLI11_PARSE(app, argc, argv);

  SetUpProgram();
  if (pipelined) load.pace = Pace::kPipelined;
  if (masked) load.answer = Answer::kLast4;
  absl::Status status;
  if (*latency) status = MeasureLatency(target, calls, load.size, load.answer);
  if (*streams) status = MeasureStreams(target, load);
  if (*idle) status = HoldIdleStreams(target, load.streams, load.connections);
  if (*counters) status = PrintCounters(target);
  if (status.ok()) return 0;
  std::cerr << target << ": " << status.message() << "\n";
  return 1;
}

}  // namespace
}  // namespace sallyport::benchmark

int main(int argc, char** argv) {
  try {
    return sallyport::benchmark::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "load client: " << error.what() << '\n';
    return 1;
  }
}
