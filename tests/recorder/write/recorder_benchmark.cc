// What recording a unary call costs. Threads play callers that wait for each call to be durable; prints calls per
// second and CPU per call of the whole process and of each thread. Usage: recorder_benchmark [in flight] [seconds]
// [calls/s, 0 = as fast as it goes] [bytes of each payload, which do not compress if it is not 100] [bytes from which a
// payload is a part]
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

// What payloads are cut from, and how long each is. The next one is another each time: repeated ones would compress
// against each other.
struct Payloads {
  std::string bytes = std::string(100, 'q');
  size_t size = 100;
  size_t at = 0;

  std::string_view Next() {
    if (bytes.size() == size) return bytes;
    at = (at + size + 4099) % (bytes.size() - size);
    return std::string_view(bytes).substr(at, size);
  }
};
Payloads& ThePayloads() {
  static Payloads payloads;
  return payloads;
}

// The first batch of a call as the gateway makes it: start and request.
EntryBatch Begin(Recorder& recorder, uint64_t id, absl::Time now) {
  static const std::vector<Metadatum> metadata = {
      {"user-agent", "grpc-c++/1.51.1 grpc-c/29.0.0 (linux; chttp2)"},
      {"authorization", "Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"},
      {"x-request-id", "0d2f3a52-6c1a-4d0b-9f50-0b1f1f0c9a11"},
      {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
      {"accept-language", "en"},
      {"x-tenant", "blue"},
  };
  EntryBatch batch = recorder.NewBatch(id);
  CallStart start = StartOf("/shop.Payments/Charge");
  start.session_id = 1 + id % 8;
  start.metadata = metadata;
  start.timeout = absl::Seconds(5);
  start.upstream_target = "dns:///payments:50051";
  start.durability = "commit";
  batch.AddStart(now, start);
  batch.AddFrame(now, Direction::kRequest, 0, false, {ThePayloads().Next()});
  batch.AddHalfClose(now);
  return batch;
}

EntryBatch Finish(Recorder& recorder, uint64_t id, absl::Time now) {
  static const std::vector<Metadatum> headers = {{"x-served-by", "payments-3"}, {"date", "Sun, 22 Nov 2026"}};
  static const std::vector<Metadatum> trailers = {{"x-cost", "3"}, {"x-region", "eu"}};
  EntryBatch batch = recorder.NewBatch(id);
  batch.AddResponseHeaders(now, headers, "");
  batch.AddFrame(now, Direction::kResponse, 0, false, {ThePayloads().Next()});
  CallEnd end;
  end.trailers = trailers;
  end.request_frames = end.response_frames = 1;
  end.request_bytes = end.response_bytes = ThePayloads().size;
  end.duration = absl::Microseconds(700);
  batch.AddEnd(now, end);
  return batch;
}

// Keeps a number of calls in flight: the waiter of an ended call queues the next one for the driving thread.
class Load : public AppendWaiter {
 public:
  void OnAppended(Appended outcome) override {
    if (outcome != Appended::kDone) std::abort();
    done_.fetch_add(1, std::memory_order_relaxed);
    credits_.fetch_add(1, std::memory_order_release);
  }

  void Run(Recorder& recorder, int in_flight, double seconds, double rate) {
    credits_ = in_flight;
    const auto begin = std::chrono::steady_clock::now();
    const auto until = begin + std::chrono::duration<double>(seconds);
    uint64_t started = 0;
    std::deque<uint64_t> open;
    while (true) {
      const auto now = std::chrono::steady_clock::now();
      if (now >= until) break;
      const double allowed = rate == 0 ? 1e18 : std::chrono::duration<double>(now - begin).count() * rate;
      if (credits_.load(std::memory_order_acquire) == 0 || static_cast<double>(started) >= allowed) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        continue;
      }
      const absl::Time time = absl::Now();
      credits_.fetch_sub(1);
      const uint64_t id = recorder.NewCallId(time);
      recorder.Append(Begin(recorder, id, time), Until::kAccepted, nullptr);
      open.push_back(id);
      ++started;
      // Half of those in flight are under way, the others wait for the sync.
      while (open.size() > static_cast<size_t>(in_flight) / 2) {
        recorder.Append(Finish(recorder, open.front(), time), Until::kDurable, this);
        open.pop_front();
      }
    }
    for (uint64_t id : open) recorder.Append(Finish(recorder, id, absl::Now()), Until::kDurable, this);
  }
  uint64_t done() const { return done_; }

 private:
  std::atomic<int64_t> credits_{0};
  std::atomic<uint64_t> done_{0};
};

// CPU seconds by thread, from the kernel.
std::map<int, double> ThreadSeconds() {
  std::map<int, double> seconds;
  DIR* tasks = opendir("/proc/self/task");
  while (const dirent* task = readdir(tasks)) {
    if (task->d_name[0] == '.') continue;
    std::ifstream stat(std::string("/proc/self/task/") + task->d_name + "/schedstat");
    double nanoseconds = 0;
    stat >> nanoseconds;
    seconds[std::atoi(task->d_name)] = nanoseconds * 1e-9;
  }
  closedir(tasks);
  return seconds;
}

int Main(int argc, char** argv) {
  const int in_flight = argc > 1 ? std::atoi(argv[1]) : 128;
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  const double rate = argc > 3 ? std::atof(argv[3]) : 15000;
  if (argc > 4) {
    Payloads& payloads = ThePayloads();
    payloads.size = static_cast<size_t>(std::atol(argv[4]));
    payloads.bytes.resize(64 << 20);
    if (!FillRandom(payloads.bytes.data(), payloads.bytes.size()).ok()) return 1;
  }
  TemporaryDirectory directory;
  RecorderOptions options;
  options.directory = directory.store();
  if (argc > 5) options.smallest_part = static_cast<uint64_t>(std::atoll(argv[5]));
  auto recorder = Recorder::Open(options);
  if (!recorder.ok()) {
    std::fprintf(stderr, "%s\n", recorder.status().ToString().c_str());
    return 1;
  }
  {
    const int kBatches = argc > 4 ? 2000 : 200000;
    const double before = CpuSeconds();
    size_t bytes = 0;
    for (int i = 0; i < kBatches; ++i) {
      bytes += Begin(**recorder, 5, absl::UnixEpoch()).bytes().size();
      bytes += Finish(**recorder, 5, absl::UnixEpoch()).bytes().size();
    }
    std::printf("encoding: %.2f us/call, %zu bytes/call\n", (CpuSeconds() - before) * 1e6 / kBatches, bytes / kBatches);
  }
  Load load;
  const double cpu = CpuSeconds();
  const auto threads = ThreadSeconds();
  const auto begin = std::chrono::steady_clock::now();
  load.Run(**recorder, in_flight, seconds, rate);
  const absl::Status status = (*recorder)->Flush();
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double calls = static_cast<double>(load.done());
  const RecorderStats stats = (*recorder)->Stats();
  std::printf("%.0f calls/s, %.1f calls/block, %.0f blocks/s, %.2f us CPU/call in all (%s)\n", calls / elapsed,
              calls / static_cast<double>(stats.blocks_written), static_cast<double>(stats.blocks_written) / elapsed,
              (CpuSeconds() - cpu) * 1e6 / calls, status.ToString().c_str());
  std::printf("log: %.0f bytes/call\n", static_cast<double>(stats.bytes_written) / calls);
  const char* names[] = {"callers", "notifier", "writer"};
  int i = 0;
  for (const auto& [id, total] : ThreadSeconds()) {
    const auto before = threads.find(id);
    std::printf("  %-9s %.2f us/call\n", i < 3 ? names[i] : "other",
                (total - (before != threads.end() ? before->second : 0)) * 1e6 / calls);
    ++i;
  }
  return 0;
}

}  // namespace
}  // namespace sallyport::recorder

int main(int argc, char** argv) { return sallyport::recorder::Main(argc, argv); }
