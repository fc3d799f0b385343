// What finding its connection, counting and looking at the memory budget cost a call, and what the sweep costs that
// comes once a second.
#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/listener/connections.h"
#include "gateway/listener/descriptor.h"
#include "gateway/listener/memory_budget.h"

namespace sallyport::gateway {
namespace {

// Connections that are open for as long as the program runs.
struct Callers {
  Callers() {
    for (size_t i = 0; i < kCount; ++i) {
      sockets.emplace_back(socket(AF_INET, SOCK_STREAM, 0));
      peers.push_back(absl::StrCat("ipv4:10.0.", i / 250, ".", i % 250, ":51514"));
      const auto added = connections.Add(sockets.back().get(), peers.back(), peers.back(), nullptr);
      if (added != Connections::Added::kAdded) std::abort();  // too few descriptors
    }
  }

  static constexpr size_t kCount = 500;
  Connections connections{kCount, kCount};
  std::vector<Descriptor> sockets;
  std::vector<std::string> peers;
};
Callers& TheCallers() {
  static Callers callers;
  return callers;
}

void FindAndCount(benchmark::State& state) {
  Callers& callers = TheCallers();
  auto i = static_cast<size_t>(state.thread_index());
  for (auto _ : state) OpenCall call(callers.connections.Find(callers.peers[i++ % Callers::kCount]));
}
BENCHMARK(FindAndCount)->ThreadRange(1, 4);

void LookAtMemoryBudget(benchmark::State& state) {
  static MemoryBudget budget(DefaultMemoryBytes());
  for (auto _ : state) benchmark::DoNotOptimize(budget.Full(absl::Now()));
}
BENCHMARK(LookAtMemoryBudget)->ThreadRange(1, 4);

void Sweep(benchmark::State& state) {
  for (auto _ : state) TheCallers().connections.Sweep();
}
BENCHMARK(Sweep);

}  // namespace
}  // namespace sallyport::gateway

BENCHMARK_MAIN();
