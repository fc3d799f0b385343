// What the index alone costs. Feeds it blocks of made-up calls; prints CPU per call, and of the commit that took most
// of it (chunks are merged in some). Usage: index_benchmark [calls] [calls per block] [blocks per commit]
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "recorder/index/sqlite/sqlite_index.h"
#include "tests/recorder/fixed_sealer.h"
#include "tests/recorder/made_calls.h"

namespace sallyport::recorder {
namespace {

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

int Main(int argc, char** argv) {
  MadeCallOptions options;
  options.calls = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const int per_block = argc > 2 ? std::atoi(argv[2]) : 100;
  const int blocks_per_commit = argc > 3 ? std::atoi(argv[3]) : 20;
  const std::string path = (std::filesystem::temp_directory_path() / "index_benchmark.db").string();
  if (!SqliteIndex::Remove(path).ok()) return 1;
  auto index = SqliteIndex::Open(path, FixedSealer());
  if (!index.ok()) return 1;
  BlockMaker maker(options, per_block);
  MadeBlock block;
  double applying = 0;
  double committing = 0;
  double longest = 0;
  int blocks = 0;
  while (maker.Next(block)) {
    double before = CpuSeconds();
    if (!(*index)->Apply(block.position, block.end, block.next_sequence, block.directory, block.body).ok()) return 1;
    double after = CpuSeconds();
    applying += after - before;
    if (++blocks % blocks_per_commit != 0) continue;
    if (!(*index)->Save(CallIndex::Extent::kRows).ok()) return 1;
    if (!(*index)->Maintain().ok()) return 1;
    const double commit = CpuSeconds() - after;
    committing += commit;
    longest = std::max(longest, commit);
  }
  const auto calls = static_cast<double>(options.calls);
  std::printf("live: apply %.2f us/call, commit %.2f us/call, at most %.1f ms in one, file %.0f bytes/call\n",
              applying * 1e6 / calls, committing * 1e6 / calls, longest * 1e3,
              static_cast<double>(std::filesystem::file_size(path)) / calls);
  return 0;
}

}  // namespace
}  // namespace sallyport::recorder

int main(int argc, char** argv) { return sallyport::recorder::Main(argc, argv); }
