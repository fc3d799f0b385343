// Makes a large store of made-up calls (made_calls.h) for benchmarks. With --index-only there is only an index, sealed
// with fixed keys, made from blocks that are in no log.
// Usage: store_generator DIRECTORY [--calls N] [--days D] [--identities N] [--payload BYTES] [--calls-per-block N]
//                        [--index-only]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "recorder/format/store_layout.h"
#include "recorder/index/sqlite/sqlite_index.h"
#include "recorder/recorder.h"
#include "tests/recorder/fixed_sealer.h"
#include "tests/recorder/made_calls.h"

namespace sallyport::recorder {
namespace {

struct Arguments {
  std::string directory;
  MadeCallOptions calls;
  int calls_per_block = 200;
  bool index_only = false;
};

std::optional<Arguments> Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--index-only") {
      arguments.index_only = true;
    } else if (word == "--calls" && has_value) {
      arguments.calls.calls = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--days" && has_value) {
      arguments.calls.days = std::atoi(argv[++i]);
    } else if (word == "--identities" && has_value) {
      arguments.calls.identities = std::atoi(argv[++i]);
    } else if (word == "--payload" && has_value) {
      arguments.calls.payload_bytes = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--calls-per-block" && has_value) {
      arguments.calls_per_block = std::atoi(argv[++i]);
    } else if (!word.starts_with("--") && arguments.directory.empty()) {
      arguments.directory = word;
    } else {
      return std::nullopt;
    }
  }
  if (arguments.directory.empty()) return std::nullopt;
  return arguments;
}

absl::Status MakeIndex(const Arguments& arguments) {
  const StoreLayout layout(arguments.directory);
  std::filesystem::create_directories(layout.IndexDirectory());
  if (absl::Status status = SqliteIndex::Remove(layout.Index()); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<SqliteIndex>> index =
      SqliteIndex::Open(layout.Index(), FixedSealer(), SqliteIndex::Purpose::kRebuild);
  if (!index.ok()) return index.status();
  BlockMaker maker(arguments.calls, arguments.calls_per_block);
  MadeBlock block;
  int blocks = 0;
  std::chrono::steady_clock::duration making = {};
  auto before = std::chrono::steady_clock::now();
  const auto began = before;
  while (maker.Next(block)) {
    making += std::chrono::steady_clock::now() - before;
    absl::Status status = (*index)->Apply(block.position, block.end, block.next_sequence, block.directory, block.body);
    if (status.ok() && ++blocks % 500 == 0) status = (*index)->Save(CallIndex::Extent::kRows);
    if (!status.ok()) return status;
    before = std::chrono::steady_clock::now();
  }
  if (absl::Status status = (*index)->FinishRebuild(); !status.ok()) return status;
  index->reset();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began - making;
  std::printf(
      "index: %.0f calls/s, %.1f bytes/call\n", static_cast<double>(arguments.calls.calls) / seconds.count(),
      static_cast<double>(std::filesystem::file_size(layout.Index())) / static_cast<double>(arguments.calls.calls));
  return absl::OkStatus();
}

absl::Status MakeStore(const Arguments& arguments) {
  constexpr uint64_t kCallsPerFlush = 20000;
  RecorderOptions options;
  options.directory = arguments.directory;
  absl::StatusOr<std::unique_ptr<Recorder>> recorder = Recorder::Open(options);
  if (!recorder.ok()) return recorder.status();
  CallMaker maker(arguments.calls);
  const auto began = std::chrono::steady_clock::now();
  uint64_t count = 0;
  while (std::optional<MadeCall> call = maker.Next()) {
    EntryBatch batch = (*recorder)->NewBatch(call->id);
    maker.AddStart(*call, batch);
    if (!call->open) maker.AddEnd(*call, batch);
    if ((*recorder)->Append(std::move(batch), Until::kAccepted, nullptr) != Appended::kDone) {
      return (*recorder)->Health();
    }
    if (++count % kCallsPerFlush != 0) continue;
    if (absl::Status status = (*recorder)->Flush(); !status.ok()) return status;
  }
  recorder->reset();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
  std::printf("store: %.0f calls/s\n", static_cast<double>(count) / seconds.count());
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  const std::optional<Arguments> arguments = Parse(argc, argv);
  if (!arguments.has_value()) {
    std::fprintf(stderr,
                 "usage: store_generator DIRECTORY [--calls N] [--days D] [--identities N] [--payload BYTES] "
                 "[--calls-per-block N] [--index-only]\n");
    return 2;
  }
  const absl::Status status = arguments->index_only ? MakeIndex(*arguments) : MakeStore(*arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "store_generator: %s\n", status.ToString().c_str());
  return 3;
}

}  // namespace
}  // namespace sallyport::recorder

int main(int argc, char** argv) { return sallyport::recorder::Main(argc, argv); }
