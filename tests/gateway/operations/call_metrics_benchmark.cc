// What counting costs a call: processor time of all that is counted of one, from one thread and from several.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/operations/metrics/call_metrics.h"
#include "gateway/operations/metrics/operations_text.h"

namespace sallyport::gateway {
namespace {

std::vector<std::string> Stages() {
  return {"examine", "authenticate", "route", "decide", "describe", "mask", "credentials", "connect", "join"};
}

CallMetrics& Shared() {
  static auto* metrics = new CallMetrics(Stages());
  return *metrics;
}

std::vector<std::string> Paths(size_t count) {
  std::vector<std::string> paths;
  for (size_t i = 0; i < count; ++i) paths.push_back(absl::StrCat("/shop.v1.Orders", i / 10, "/Method", i));
  return paths;
}

// As CallMeter does it: both sides, the stages, and the clock where it is read for this alone.
void CountOne(CallMetrics& metrics, const std::string& path) {
  static const std::array<absl::Duration, 10> took = {
      absl::Microseconds(2), absl::Microseconds(3), absl::Microseconds(1),
      absl::Microseconds(8), absl::Microseconds(1), absl::Nanoseconds(300),
      absl::Microseconds(1), absl::Microseconds(4), absl::Nanoseconds(200)};
  MethodCounts& incoming = metrics.Incoming(path, CallType::kUnary);
  incoming.Start();
  MethodCounts& outgoing = metrics.Outgoing("orders", path, CallType::kUnary);
  outgoing.Start();
  const auto opened = std::chrono::steady_clock::now();
  const auto closed = std::chrono::steady_clock::now();
  outgoing.End(0, 1, 1, absl::FromChrono(closed - opened));
  incoming.End(0, 1, 1, absl::FromChrono(std::chrono::steady_clock::now() - opened));
  metrics.AddStages(took);
}

void OneMethod(benchmark::State& state) {
  const std::vector<std::string> paths = Paths(1);
  for (auto _ : state) CountOne(Shared(), paths[0]);
}
BENCHMARK(OneMethod)->Threads(1)->Threads(2)->Threads(8);

void ManyMethods(benchmark::State& state) {
  const std::vector<std::string> paths = Paths(1000);
  size_t at = 0;
  for (auto _ : state) CountOne(Shared(), paths[at++ % paths.size()]);
}
BENCHMARK(ManyMethods)->Threads(1)->Threads(8);

// Of which no descriptor knows.
void UnknownMethod(benchmark::State& state) {
  for (auto _ : state) {
    MethodCounts& incoming = Shared().Incoming("/made.Up/Method", std::nullopt);
    incoming.Start();
    incoming.End(12, 0, 0, absl::Microseconds(40));
  }
}
BENCHMARK(UnknownMethod);

// What a reading by Prometheus costs, with this many methods.
void Reading(benchmark::State& state) {
  CallMetrics metrics(Stages());
  for (const std::string& path : Paths(static_cast<size_t>(state.range(0)))) CountOne(metrics, path);
  for (auto _ : state) benchmark::DoNotOptimize(OperationsText(metrics, {}));
}
BENCHMARK(Reading)->Arg(10)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sallyport::gateway

BENCHMARK_MAIN();
