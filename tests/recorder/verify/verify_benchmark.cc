// How fast a store is verified. Makes one of blocks of about 20 KB that do not compress, and verifies it several times,
// so that all but the first read it from memory. usage: verify_benchmark DIRECTORY MEGABYTES
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "recorder/verify/verifier.h"
#include "tests/recorder/forged_store.h"

namespace sallyport::recorder {
namespace {

class MemoryIndex : public IndexedCalls {
 public:
  Position end() const override { return end_; }
  absl::Status ForEach(const std::function<absl::Status(const Row&)>& row) override {
    for (const auto& [id, position] : rows_) {
      Row each;
      each.id = id;
      each.last = position;
      if (absl::Status status = row(each); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  void Add(uint64_t id, Position position) { rows_.emplace_back(id, position); }
  void SetEnd(Position end) { end_ = end; }

 private:
  std::vector<std::pair<uint64_t, Position>> rows_;
  Position end_;
};

void MakeStore(FakeStoreKeys& keys, const std::string& directory, uint64_t megabytes, MemoryIndex& index) {
  ForgedStore store(keys);
  std::mt19937_64 random(1);
  uint64_t call = 0;
  uint64_t bytes = 0;
  while (bytes < megabytes << 20) {
    store.BeginSegment();
    for (uint64_t in_segment = 0; in_segment < uint64_t{128} << 20 && bytes < megabytes << 20;) {
      std::vector<v1::Entry> entries;
      for (int i = 0; i < 30; ++i) {
        std::string payload(600, ' ');
        for (char& c : payload) c = static_cast<char>(random());
        for (v1::Entry& entry : WholeCall(++call, payload)) entries.push_back(std::move(entry));
      }
      const ForgedStore::Block block = store.AddEntries(entries);
      for (uint64_t id = call - 29; id <= call; ++id) index.Add(id, {block.segment, block.offset});
      in_segment += block.size;
      bytes += block.size;
    }
    store.CloseSegment();
    index.SetEnd({store.blocks().back().segment, store.blocks().back().offset + store.blocks().back().size});
  }
  store.Write(directory);
}

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void Measure(FakeStoreKeys& keys, const std::string& directory, bool with_keys, int jobs, MemoryIndex* index) {
  VerifyOptions options;
  options.directory = directory;
  options.jobs = jobs;
  options.index = index;
  if (with_keys) options.keys = &keys;
  const double cpu = CpuSeconds();
  const absl::Time begin = absl::Now();
  const absl::StatusOr<VerifyReport> report = VerifyStore(options);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  const double cpu_seconds = CpuSeconds() - cpu;
  if (!report.ok() || !report->verified()) {
    std::printf("not verified\n");
    std::exit(1);
  }
  const double megabytes = static_cast<double>(report->bytes) / 1e6;
  std::printf("%s, %s, %d thread(s): %.0f MB in %llu blocks, %.2f s, %.0f MB/s, %.2f s of CPU, %.0f MB/s per core\n",
              with_keys ? "with keys" : "without keys", index != nullptr ? "with an index" : "without an index", jobs,
              megabytes, static_cast<unsigned long long>(report->blocks), seconds, megabytes / seconds, cpu_seconds,
              megabytes / cpu_seconds);
}

}  // namespace
}  // namespace sallyport::recorder

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: verify_benchmark DIRECTORY MEGABYTES\n");
    return 2;
  }
  sallyport::recorder::FakeStoreKeys keys('v');
  sallyport::recorder::MemoryIndex index;
  sallyport::recorder::MakeStore(keys, argv[1], std::strtoull(argv[2], nullptr, 10), index);
  for (int i = 0; i < 3; ++i) sallyport::recorder::Measure(keys, argv[1], false, 1, &index);
  sallyport::recorder::Measure(keys, argv[1], false, 2, &index);
  sallyport::recorder::Measure(keys, argv[1], false, 1, nullptr);
  sallyport::recorder::Measure(keys, argv[1], true, 1, nullptr);
  return 0;
}
