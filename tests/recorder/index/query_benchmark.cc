// How long the first page of a search takes, over a store that store_generator made with the same --calls, --days and
// --identities.
// Each shape of question is asked some hundred times with random values: in one go ("warm"), with the index opened anew
// for each ("fresh"), and so after the file was thrown out of the page cache ("cold"). On a machine with others on it
// the CPU time of the fresh ones is steadier than what they took.
// Then how long a count of all calls and statistics of the first day take; DAYS of 1 makes that all calls.
// Usage: query_benchmark DIRECTORY CALLS [DAYS] [QUERIES] [IDENTITIES]
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "recorder/format/store_layout.h"
#include "recorder/index/call_statistics.h"
#include "recorder/index/sqlite/sqlite_search.h"
#include "tests/recorder/fixed_sealer.h"
#include "tests/recorder/made_calls.h"

namespace sallyport::recorder {
namespace {

struct Shape {
  const char* name;
  std::function<void(CallQuery&)> ask;
};

// Chooses values as the calls have them.
class Values {
 public:
  explicit Values(const MadeCallOptions& options) : maker_(options), days_(options.days) {}

  void Identity(CallQuery& query) { Identity(query, maker_.RandomIdentity()); }
  void Identity(CallQuery& query, int number) { query.identity = maker_.Identity(number); }
  void RareIdentity(CallQuery& query) { query.identity = maker_.Identity(150 + Random(50)); }
  void Method(CallQuery& query) { Method(query, maker_.RandomMethod()); }
  void Method(CallQuery& query, int number) { query.method = maker_.Method(number); }
  void RareMethod(CallQuery& query) { query.method = maker_.Method(250 + Random(50)); }
  void Service(CallQuery& query) { query.method = "example.shop.v1.Service" + std::to_string(Random(30)) + "/*"; }
  std::string SomeIdentity() { return maker_.Identity(maker_.RandomIdentity()); }
  std::string SomeService() { return "example.shop.v1.Service" + std::to_string(Random(30)) + "/*"; }
  void Window(CallQuery& query) {
    query.since = Time();
    query.until = *query.since + absl::Hours(1 + Random(48));
  }
  void Session(CallQuery& query) {
    query.session_id = static_cast<uint64_t>(absl::ToUnixMicros(CallMaker::Begin())) +
                       static_cast<uint64_t>(Random(days_)) * 86'400'000'000U +
                       static_cast<uint64_t>(maker_.RandomIdentity() * 2 + Random(2));
  }
  void Status(CallQuery& query) { query.status_code = 1 + Random(16); }
  void After(CallQuery& query) { query.after = static_cast<uint64_t>(absl::ToUnixMicros(Time())); }
  int Random(int below) { return static_cast<int>(maker_.random()() % static_cast<uint64_t>(below)); }

 private:
  absl::Time Time() { return CallMaker::Begin() + absl::Seconds(Random(days_ * 86'400)); }

  CallMaker maker_;
  const int days_;
};

std::vector<Shape> Shapes(Values& v) {
  return {
      {"newest", [](CallQuery&) {}},
      {"oldest", [](CallQuery& q) { q.order = CallQuery::Order::kOldestFirst; }},
      {"identity", [&](CallQuery& q) { v.Identity(q); }},
      {"rare identity", [&](CallQuery& q) { v.RareIdentity(q); }},
      {"identity (glob)", [&](CallQuery& q) { q.identity = "*service-1?"; }},
      {"method", [&](CallQuery& q) { v.Method(q); }},
      {"rare method", [&](CallQuery& q) { v.RareMethod(q); }},
      {"service (glob)", [&](CallQuery& q) { v.Service(q); }},
      {"no method (glob)", [&](CallQuery& q) { q.method = "example.inn.*"; }},
      {"identity+method", [&](CallQuery& q) { v.Identity(q), v.Method(q); }},
      {"rare identity+method", [&](CallQuery& q) { v.RareIdentity(q), v.RareMethod(q); }},
      {"rare identity+most",
       [&](CallQuery& q) { v.RareIdentity(q), q.method = "*Method?", q.upstream = "upstream-3"; }},
      {"much+much, nothing", [&](CallQuery& q) { v.Identity(q, 1), v.Method(q, 1); }},
      {"much+OK, nothing", [&](CallQuery& q) { v.Identity(q, 2), q.status_code = 0; }},
      {"window", [&](CallQuery& q) { v.Window(q); }},
      {"identity+window", [&](CallQuery& q) { v.Identity(q), v.Window(q); }},
      {"method+window", [&](CallQuery& q) { v.Method(q), v.Window(q); }},
      {"service+window", [&](CallQuery& q) { v.Service(q), v.Window(q); }},
      {"identity+method+window", [&](CallQuery& q) { v.Identity(q), v.Method(q), v.Window(q); }},
      {"the same, oldest first",
       [&](CallQuery& q) { v.Identity(q), v.Method(q), v.Window(q), q.order = CallQuery::Order::kOldestFirst; }},
      {"the same, after an id", [&](CallQuery& q) { v.Identity(q), v.Method(q), v.After(q); }},
      {"session", [&](CallQuery& q) { v.Session(q); }},
      {"session+rare method", [&](CallQuery& q) { v.Session(q), v.RareMethod(q); }},
      {"status", [&](CallQuery& q) { v.Status(q); }},
      {"identity+method+status", [&](CallQuery& q) { v.Identity(q), v.Method(q), v.Status(q); }},
      {"open", [&](CallQuery& q) { q.open_only = true; }},
      {"identity+open", [&](CallQuery& q) { v.Identity(q), q.open_only = true; }},
      {"slow (1 s)", [&](CallQuery& q) { q.min_duration = absl::Seconds(1); }},
      {"slower than any", [&](CallQuery& q) { q.min_duration = absl::Hours(2); }},
      {"identity+method+slow", [&](CallQuery& q) { v.Identity(q), v.Method(q), q.min_duration = absl::Seconds(1); }},
      {"scope: own", [&](CallQuery& q) { q.scope.emplace().parts.emplace_back().own = v.SomeIdentity(); }},
      {"scope: a service", [&](CallQuery& q) { q.scope.emplace().parts.emplace_back().methods = {v.SomeService()}; }},
      {"scope: but methods",
       [&](CallQuery& q) {
         q.scope.emplace().parts.emplace_back().but_methods = {"*Method0", "*Method1"};
       }},
      {"scope: nothing", [&](CallQuery& q) { q.scope.emplace().parts.emplace_back().methods = {"example.inn.*"}; }},
      {"nothing there",
       [&](CallQuery& q) { v.RareIdentity(q), v.RareMethod(q), v.Status(q), q.upstream = "upstream-3"; }},
  };
}

// Milliseconds, in order.
struct Times {
  std::vector<double> took;
  std::vector<double> cpu;

  void Add(double took_ms, double cpu_ms) {
    took.push_back(took_ms);
    cpu.push_back(cpu_ms);
  }
  void Sort() {
    std::sort(took.begin(), took.end());
    std::sort(cpu.begin(), cpu.end());
  }
};

double CpuMilliseconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

class Benchmark {
 public:
  Benchmark(std::string path, int queries) : path_(std::move(path)), queries_(queries) {}

  enum class Start { kWarm, kFresh, kCold };

  Times Run(const Shape& shape, Start start) {
    Times times;
    std::unique_ptr<SqliteSearch> index = Open();
    for (int i = 0; i < queries_; ++i) {
      CallQuery query;
      shape.ask(query);
      if (start != Start::kWarm) index.reset();
      if (start == Start::kCold) DropFromPageCache();
      const double cpu_before = CpuMilliseconds();
      const auto before = std::chrono::steady_clock::now();
      if (index == nullptr) index = Open();
      const auto calls = index->Calls(query, OpenCalls::kGoingOn);
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - before;
      if (!calls.ok()) {
        std::fprintf(stderr, "%s\n", calls.status().ToString().c_str());
        std::exit(3);
      }
      found_ += calls->size();
      times.Add(took.count(), CpuMilliseconds() - cpu_before);
    }
    times.Sort();
    return times;
  }
  uint64_t found() const { return found_; }

 private:
  std::unique_ptr<SqliteSearch> Open() {
    auto index = SqliteSearch::Open(path_, Database::Mode::kRead, FixedSealer());
    if (index.ok()) return *std::move(index);
    std::fprintf(stderr, "%s\n", index.status().ToString().c_str());
    std::exit(3);
  }
  void DropFromPageCache() {
    const int file = open(path_.c_str(), O_RDONLY);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
  }

  const std::string path_;
  const int queries_;
  uint64_t found_ = 0;
};

void ReportStatistics(const std::string& path) {
  auto index = SqliteSearch::Open(path, Database::Mode::kRead, FixedSealer());
  if (!index.ok()) std::exit(3);
  const auto report = [](const char* name, const std::function<absl::Status()>& ask) {
    for (int i = 0; i < 3; ++i) {
      const double before = CpuMilliseconds();
      if (const absl::Status status = ask(); !status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
      std::printf("%-40s %9.1f ms of CPU\n", name, CpuMilliseconds() - before);
    }
  };
  report("exact count", [&] { return (*index)->Count({}, OpenCalls::kGoingOn, UINT64_MAX).status(); });
  StatisticsQuery day;
  day.calls.since = CallMaker::Begin();
  day.calls.until = CallMaker::Begin() + absl::Hours(24);
  const auto statistics = [&] { return (*index)->Statistics(day, OpenCalls::kGoingOn).status(); };
  report("a day", statistics);
  day.interval = absl::Hours(1);
  report("a day by the hour", statistics);
  day.group_by = {StatisticsKey::kMethod};
  report("a day by the hour and method", statistics);
  day.calls.scope.emplace().parts.emplace_back().methods = {"example.shop.v1.Service1*"};
  report("the same in a scope", statistics);
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: query_benchmark DIRECTORY CALLS [DAYS] [QUERIES] [IDENTITIES]\n");
    return 2;
  }
  MadeCallOptions options;
  options.calls = std::strtoull(argv[2], nullptr, 10);
  if (argc > 3) options.days = std::atoi(argv[3]);
  const int queries = argc > 4 ? std::atoi(argv[4]) : 300;
  if (argc > 5) options.identities = std::atoi(argv[5]);
  Values values(options);
  std::printf("%-24s %26s %26s %26s %17s\n", "first page, ms", "warm p50/p99/max", "fresh p50/p99/max",
              "cold p50/p99/max", "CPU p50/p99");
  const auto at = [](const std::vector<double>& sorted, size_t percent) {
    return sorted[std::min(sorted.size() * percent / 100, sorted.size() - 1)];
  };
  for (const Shape& shape : Shapes(values)) {
    Benchmark benchmark(StoreLayout(argv[1]).Index(), queries);
    std::printf("%-24s", shape.name);
    std::vector<double> cpu;
    for (const auto start : {Benchmark::Start::kWarm, Benchmark::Start::kFresh, Benchmark::Start::kCold}) {
      const Times times = benchmark.Run(shape, start);
      std::printf("  %7.2f /%7.2f/%7.2f", at(times.took, 50), at(times.took, 99), times.took.back());
      if (start == Benchmark::Start::kFresh) cpu = times.cpu;
    }
    std::printf("  %6.2f /%7.2f  %.1f found\n", at(cpu, 50), at(cpu, 99),
                static_cast<double>(benchmark.found()) / (3.0 * queries));
    std::fflush(stdout);
  }
  ReportStatistics(StoreLayout(argv[1]).Index());
  return 0;
}

}  // namespace
}  // namespace sallyport::recorder

int main(int argc, char** argv) { return sallyport::recorder::Main(argc, argv); }
