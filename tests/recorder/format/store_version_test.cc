// A program never touches a store that a newer one wrote, and opens those of all released ones.
#include "recorder/format/store_version.h"

#include <xxhash.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <string>

#include "recorder/format/index_schema.h"
#include "recorder/format/log_format.h"
#include "recorder/rebuild.h"
#include "recorder/sqlite/database.h"
#include "recorder/verify/verifier.h"
#include "tests/recorder/log_fixture.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;

constexpr uint16_t kNewer = kFormatVersion + 4;

// Every file of a store with its bytes and when it was changed. SQLite's own files beside the index come and go with
// who looks at it.
std::map<std::string, std::pair<std::string, fs::file_time_type>> Untouched(const std::string& directory) {
  std::map<std::string, std::pair<std::string, fs::file_time_type>> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string path = entry.path().string();
    if (path.ends_with("-wal") || path.ends_with("-shm") || path.ends_with("/index")) continue;
    const std::string bytes = entry.is_regular_file() ? ReadFile(path) : "";
    files.emplace(path, std::pair(bytes, fs::last_write_time(entry.path())));
  }
  return files;
}

void MakeStore(const std::string& store) {
  auto recorder = Recorder::Open({store});
  REQUIRE(recorder.ok());
  const uint64_t id = (*recorder)->NewCallId(absl::Now());
  REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/C")).ok());
}

// A segment's header as a newer program would write it: `size` bytes long, with its checksum at the end.
std::string NewerHeader(uint16_t format, uint32_t size) {
  std::string header(size, '\7');
  header.replace(0, kSegmentMagic.size(), kSegmentMagic);
  header[8] = static_cast<char>(format & 0xFF);
  header[9] = static_cast<char>(format >> 8);
  for (int i = 0; i < 4; ++i) header[12 + i] = static_cast<char>(size >> (8 * i));
  const uint64_t sum = XXH3_64bits(header.data(), size - 8);
  for (int i = 0; i < 8; ++i) header[size - 8 + i] = static_cast<char>(sum >> (8 * i));
  return header;
}

// Nobody opens it, all say the same, and nothing of it is changed.
void CheckRefusedUntouched(const std::string& store, const std::string& number) {
  const auto before = Untouched(store);
  const auto check = [&](const absl::Status& status) {
    INFO(status);
    CHECK(absl::IsFailedPrecondition(status));
    const std::string message(status.message());
    CHECK(message.find("newer Sallyport") != std::string::npos);
    CHECK(message.find(number) != std::string::npos);
  };
  check(Recorder::Open({store}).status());
  check(RecordReader::Open(store).status());
  CHECK(Untouched(store) == before);
}

TEST_CASE("a store whose newest segment is of a newer format is refused, and nothing of it is touched") {
  TemporaryDirectory directory;
  MakeStore(directory.store());
  const StoreLayout layout(directory.store());
  for (const uint32_t size : {uint32_t{128}, uint32_t{256}}) {
    WriteFile(layout.Segment(9), NewerHeader(kNewer, size) + "blocks that nobody knows");
    const auto newest = NewestSegmentFormat(layout);
    REQUIRE(newest.ok());
    CHECK(*newest == kNewer);
    CheckRefusedUntouched(directory.store(), "format " + std::to_string(kNewer));
    VerifyOptions options;
    options.directory = directory.store();
    CHECK(absl::IsFailedPrecondition(VerifyStore(options).status()));
    CHECK(absl::IsFailedPrecondition(
        RebuildIndex(directory.store(), std::nullopt, [](const RebuildProgress&) {}).status()));
  }
}

TEST_CASE("a store whose file says a higher number is refused, and nothing of it is touched") {
  TemporaryDirectory directory;
  MakeStore(directory.store());
  WriteFile(directory.store() + "/format", std::to_string(kNewer) + "\n");
  CheckRefusedUntouched(directory.store(), "format " + std::to_string(kNewer));
  // What cannot be read is not taken for nothing.
  WriteFile(directory.store() + "/format", "newest\n");
  CHECK(absl::IsFailedPrecondition(Recorder::Open({directory.store()}).status()));
  WriteFile(directory.store() + "/format", std::to_string(kFormatVersion) + "\n");
  CHECK(Recorder::Open({directory.store()}).ok());
}

TEST_CASE("an index of a newer program is neither used nor removed, until it is asked for") {
  TemporaryDirectory directory;
  MakeStore(directory.store());
  const StoreLayout layout(directory.store());
  {
    auto database = Database::Open(layout.Index(), Database::Mode::kWrite);
    REQUIRE(database.ok());
    REQUIRE((*database)->Execute("UPDATE progress SET version = " + std::to_string(kIndexVersion + 2)).ok());
    REQUIRE((*database)->MoveWriteAheadLog(Database::WriteAheadLog::kEmpty).ok());
  }
  CheckRefusedUntouched(directory.store(), "index version " + std::to_string(kIndexVersion + 2));
  const auto calls = RebuildIndex(directory.store(), std::nullopt, [](const RebuildProgress&) {});
  INFO(calls.status());
  REQUIRE(calls.ok());
  CHECK(*calls == 1);
  CHECK(Recorder::Open({directory.store()}).ok());
}

TEST_CASE("damage is not taken for a newer format") {
  TemporaryDirectory directory;
  MakeStore(directory.store());
  const StoreLayout layout(directory.store());
  const std::string good = ReadFile(layout.Segment(1));
  for (const size_t at : {size_t{0}, size_t{8}, size_t{9}, size_t{12}, size_t{125}}) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    WriteFile(layout.Segment(1), bytes);
    CHECK(CheckStoreVersion(layout).ok());
  }
  for (const size_t size : {size_t{0}, size_t{7}, size_t{127}}) {
    WriteFile(layout.Segment(1), good.substr(0, size));
    CHECK(CheckStoreVersion(layout).ok());
  }
  WriteFile(layout.Segment(1), NewerHeader(kNewer, 128).substr(0, 127));
  CHECK(CheckStoreVersion(layout).ok());
}

TEST_CASE("stores of all released formats are of a version that is known, and a directory without one too") {
  const fs::path golden = fs::path(SALLYPORT_SOURCE_DIRECTORY) / "tests" / "golden";
  int stores = 0;
  for (const auto& entry : fs::directory_iterator(golden)) {
    if (!entry.is_directory()) continue;
    ++stores;
    const StoreLayout layout((entry.path() / "store").string());
    CHECK(CheckStoreVersion(layout).ok());
    const auto newest = NewestSegmentFormat(layout);
    REQUIRE(newest.ok());
    REQUIRE(newest->has_value());
    CHECK(entry.path().filename() == "format-" + std::to_string(**newest));
  }
  CHECK(stores >= 2);
  CHECK(CheckStoreVersion(StoreLayout("/nonexistent/store")).ok());
}

}  // namespace
}  // namespace sallyport::recorder
