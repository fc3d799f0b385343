// What finding its connection, counting and looking at the memory budget cost a call.
// usage: connections_benchmark [CONNECTIONS [THREADS]]
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/listener/connections.h"
#include "gateway/listener/descriptor.h"
#include "gateway/listener/memory_budget.h"

namespace {

constexpr int kRounds = 2'000'000;

// Nanoseconds of one turn of `what`.
template <typename What>
double Measure(int threads, What what) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) what(i + t);
    });
  }
  for (std::thread& thread : running) thread.join();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / kRounds;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace sallyport::gateway;
  const int count = argc > 1 ? std::atoi(argv[1]) : 500;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  Connections connections(static_cast<size_t>(count), static_cast<size_t>(count));
  std::vector<Descriptor> sockets;
  std::vector<std::string> peers;
  for (int i = 0; i < count; ++i) {
    sockets.emplace_back(socket(AF_INET, SOCK_STREAM, 0));
    peers.push_back(absl::StrCat("ipv4:10.0.", i / 250, ".", i % 250, ":51514"));
    if (connections.Add(sockets.back().get(), peers.back(), peers.back(), nullptr) != Connections::Added::kAdded) {
      std::cerr << "connection " << i << " was not added: too few descriptors?\n";
      return 1;
    }
  }
  std::cout << count << " connections, " << threads << " threads, nanoseconds a call\n";
  std::cout << "find and count      "
            << Measure(threads, [&](int i) { OpenCall call(connections.Find(peers[static_cast<size_t>(i % count)])); })
            << '\n';
  MemoryBudget budget(DefaultMemoryBytes());
  std::cout << "memory budget       " << Measure(threads, [&](int) { budget.Full(absl::Now()); }) << '\n';
  const auto begin = std::chrono::steady_clock::now();
  connections.Sweep();
  const std::chrono::duration<double, std::micro> sweep = std::chrono::steady_clock::now() - begin;
  std::cout << "a sweep, once a second: " << sweep.count() << " us\n";
}
