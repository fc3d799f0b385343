// What finding its connection, counting and looking at the memory budget cost a call.
// usage: connections_benchmark [CONNECTIONS [THREADS]]
#include <sys/socket.h>

#include <cstdlib>
#include <ctime>
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

// Nanoseconds of a processor for one turn of `what`; others may have the machine meanwhile.
template <typename What>
double Measure(int threads, What what) {
  const std::clock_t begin = std::clock();
  std::vector<std::thread> running;
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) what(i + t);
    });
  }
  for (std::thread& thread : running) thread.join();
  return static_cast<double>(std::clock() - begin) * (1e9 / CLOCKS_PER_SEC) / kRounds / threads;
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
  std::cout << count << " connections, " << threads << " threads, nanoseconds of a processor for each call\n";
  std::cout << "find and count      "
            << Measure(threads, [&](int i) { OpenCall call(connections.Find(peers[static_cast<size_t>(i % count)])); })
            << '\n';
  MemoryBudget budget(DefaultMemoryBytes());
  std::cout << "memory budget       " << Measure(threads, [&](int) { budget.Full(absl::Now()); }) << '\n';
  constexpr int kSweeps = 1000;
  const std::clock_t begin = std::clock();
  for (int i = 0; i < kSweeps; ++i) connections.Sweep();
  std::cout << "a sweep, once a second: "
            << static_cast<double>(std::clock() - begin) * (1e6 / CLOCKS_PER_SEC) / kSweeps << " us\n";
}
