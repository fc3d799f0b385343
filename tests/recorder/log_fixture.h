// What the log's tests share: a log in a directory, with its writer.
#ifndef SALLYPORT_TESTS_RECORDER_LOG_FIXTURE_H_
#define SALLYPORT_TESTS_RECORDER_LOG_FIXTURE_H_

#include <catch2/catch.hpp>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recorder/log/log_scan.h"
#include "recorder/log/log_writer.h"
#include "tests/recorder/fake_keys.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {

inline std::string ReadFile(const std::string& path) { return *ReadWholeFile(path, size_t{1} << 30); }

inline void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Whole entries with the given contents.
inline std::string Entries(std::initializer_list<std::string> contents) {
  std::string bytes;
  for (const std::string& content : contents) {
    bytes.push_back(static_cast<char>(content.size()));
    bytes += content;
  }
  return bytes;
}

struct Log {
  explicit Log(const std::string& path, uint64_t segment_bytes = 1 << 20, uint64_t most_bytes = 1 << 30)
      : layout(path) {
    for (const std::string& path : {layout.directory(), layout.LogDirectory(), layout.TreeDirectory()}) {
      REQUIRE(RealFileSystem().EnsureDirectory(path).ok());
    }
    LogWriter::Options options;
    options.segment_bytes = segment_bytes;
    options.most_segment_bytes = most_bytes;
    options.space_ahead = 1000;
    writer = std::make_unique<LogWriter>(layout, options, RealFileSystem(), keys, LogWriter::Start());
    REQUIRE(writer->Open(absl::UnixEpoch()).ok());
  }
  Position Append(uint64_t call, const std::string& entries, uint32_t count, bool ends = false) {
    const std::vector<CallEntries> group = {{call, entries, count, ends}};
    auto block = writer->Append(group, absl::UnixEpoch());
    REQUIRE(block.ok());
    return block->position;
  }

  StoreLayout layout;
  FakeKeys keys;
  std::unique_ptr<LogWriter> writer;
};

// The bodies of all blocks, and what the walk says besides.
inline std::pair<std::vector<std::string>, LogEnd> Bodies(Log& log, OnDamage on_damage) {
  std::vector<std::string> bodies;
  auto end = ScanEntries(log.layout, log.keys, Position(), on_damage, [&](const Block& block) {
    bodies.push_back(block.body);
    return absl::OkStatus();
  });
  REQUIRE(end.ok());
  return {bodies, *end};
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_LOG_FIXTURE_H_
