// How long a start takes after a crash. A child fills a store and is killed while calls are open; then the recorder is
// opened and timed. Usage: startup_benchmark DIRECTORY [GB of log, 10]
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "absl/time/clock.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

constexpr int kOpenCalls = 1000;
constexpr int kCallsInFlight = 512;

// Fills the store with unary calls of mixed sizes, then says so and waits to be killed.
[[noreturn]] void Fill(const std::string& store, uint64_t bytes, int done) {
  auto recorder = Recorder::Open({.directory = store});
  if (!recorder.ok()) _exit(3);
  std::mt19937_64 random(1);
  std::string noise(64 << 10, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  for (int i = 0; i < kOpenCalls; ++i) {
    EntryBatch batch = (*recorder)->NewBatch((*recorder)->NewCallId(absl::Now()));
    batch.AddStart(absl::Now(), StartOf("/a.B/Open"));
    (*recorder)->Append(std::move(batch), Until::kAccepted, nullptr);
  }
  for (uint64_t n = 0; (*recorder)->Stats().bytes_written < bytes; ++n) {
    const absl::Time now = absl::Now();
    const std::string_view payload = std::string_view(noise).substr(random() % 1000, n % 2 == 0 ? 60'000 : 200);
    EntryBatch batch = (*recorder)->NewBatch((*recorder)->NewCallId(now));
    batch.AddStart(now, StartOf("/a.B/C"));
    batch.AddFrame(now, Direction::kRequest, 0, false, {payload});
    batch.AddFrame(now, Direction::kResponse, 0, false, {payload});
    batch.AddEnd(now, CallEnd());
    if (n % kCallsInFlight == 0) {
      if (!AppendDurably(**recorder, std::move(batch)).ok()) _exit(4);
    } else if ((*recorder)->Append(std::move(batch), Until::kAccepted, nullptr) == Appended::kFailed) {
      _exit(5);
    }
  }
  const char byte = 'x';
  if (write(done, &byte, 1) != 1) _exit(6);
  while (true) pause();
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: startup_benchmark DIRECTORY [GB]\n");
    return 2;
  }
  const std::string store = std::string(argv[1]) + "/store";
  const double gigabytes = argc > 2 ? std::atof(argv[2]) : 10;
  int ends[2];
  if (pipe(ends) != 0) return 3;
  const pid_t child = fork();
  if (child == 0) Fill(store, static_cast<uint64_t>(gigabytes * 1e9), ends[1]);
  char byte = 0;
  close(ends[1]);
  if (read(ends[0], &byte, 1) != 1) return 3;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(store + "/log")) bytes += file.file_size();
  const absl::Time begin = absl::Now();
  auto recorder = Recorder::Open({.directory = store});
  const absl::Duration took = absl::Now() - begin;
  if (!recorder.ok()) {
    std::fprintf(stderr, "%s\n", recorder.status().ToString().c_str());
    return 3;
  }
  std::printf("%.2f GB of log, %d calls open: started in %.0f ms\n", static_cast<double>(bytes) * 1e-9, kOpenCalls,
              absl::ToDoubleMilliseconds(took));
  return 0;
}

}  // namespace
}  // namespace sallyport::recorder

int main(int argc, char** argv) { return sallyport::recorder::Main(argc, argv); }
