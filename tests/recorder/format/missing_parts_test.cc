// Stores of which a part is gone: what can be made again from the rest is, and everything else refuses the start.
#include "recorder/format/missing_parts.h"

#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "absl/time/clock.h"
#include "recorder/format/tree_state.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/log/segment_reader.h"
#include "recorder/write/log_recorder.h"
#include "tests/recorder/faulty_files.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLimit = size_t{16} << 20;

RecorderOptions OptionsFor(const std::string& store) {
  RecorderOptions options;
  options.directory = store;
  options.segment_bytes = 3000;
  return options;
}

std::vector<uint64_t> AddCalls(const RecorderOptions& options, int calls) {
  auto recorder = Recorder::Open(options);
  INFO(recorder.status());
  REQUIRE(recorder.ok());
  CHECK((*recorder)->Stats().damages == 0);
  std::vector<uint64_t> ids;
  for (int i = 0; i < calls; ++i) {
    ids.push_back((*recorder)->NewCallId(absl::Now()));
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, ids.back(), absl::Now(), "/a.B/C")).ok());
  }
  return ids;
}

// Every file but locks, and what is in it.
std::map<std::string, std::string> Everything(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && !entry.path().filename().string().ends_with("lock")) {
      files[entry.path()] = *ReadWholeFile(entry.path(), kLimit);
    }
  }
  return files;
}

// A store with some segments, and a copy of it to put back.
struct Store {
  Store() {
    spdlog::set_level(spdlog::level::off);
    ids = AddCalls(options, 20);
    REQUIRE(ListSegments(layout)->size() > 2);
  }
  ~Store() { spdlog::set_level(spdlog::level::info); }

  absl::Status Start() { return Recorder::Open(options).status(); }
  // That it is refused, naming these, and that nothing was changed by that.
  void CheckRefused(absl::StatusCode code, const std::vector<std::string>& named) {
    const auto before = Everything(directory.path());
    const absl::Status refused = Start();
    INFO(refused);
    CHECK(refused.code() == code);
    for (const std::string& name : named) CHECK(std::string(refused.message()).find(name) != std::string::npos);
    CHECK(Everything(directory.path()) == before);
  }
  // That everything is there, and that the tree is the old one, grown.
  void CheckGoesOn(const std::string& earlier_checkpoint) {
    const std::vector<uint64_t> more = AddCalls(options, 2);
    CheckVerifies(layout.directory());
    VerifyOptions verify;
    verify.directory = layout.directory();
    verify.against = earlier_checkpoint;
    auto report = VerifyStore(verify);
    REQUIRE(report.ok());
    CHECK(report->against_holds);
    auto reader = RecordReader::Open(layout.directory());
    REQUIRE(reader.ok());
    for (uint64_t id : ids) CHECK(EntriesOf(**reader, id).size() == 6);
    for (uint64_t id : more) CHECK(EntriesOf(**reader, id).size() == 6);
  }
  // Deletes the older segments as retention does.
  void DeleteOldSegments() {
    RecorderOptions keeping = options;
    keeping.retention.bytes = 6000;
    keeping.retention.min_age = absl::ZeroDuration();
    auto recorder = Recorder::Open(keeping);
    REQUIRE(recorder.ok());
    const absl::Time give_up = absl::Now() + absl::Seconds(20);
    while ((*recorder)->Stats().housekeepings == 0) REQUIRE(absl::Now() < give_up);
    recorder->reset();
    REQUIRE(ListSegments(layout)->front() > 1);
    ids.clear();
  }

  TemporaryDirectory directory;
  RecorderOptions options = OptionsFor(directory.store());
  StoreLayout layout{directory.store()};
  std::vector<uint64_t> ids;
};

void FlipByte(const std::string& path, uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 0x40);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

std::string LeavesOf(const StoreLayout& layout) { return *ReadWholeFile(layout.Leaves(), kLimit); }

TEST_CASE("leaf hashes that were cut off are made again from the log, however many they are") {
  Store store;
  const std::string whole = LeavesOf(store.layout);
  const std::string checkpoint = *ReadCheckpoint(store.layout);
  REQUIRE(whole.size() > 20 * sizeof(Hash));
  const size_t left = GENERATE(0, 31, 32, 400, 640);
  fs::resize_file(store.layout.Leaves(), left);
  REQUIRE(store.Start().ok());
  CHECK(LeavesOf(store.layout).starts_with(whole));
  store.CheckGoesOn(checkpoint);
}

TEST_CASE("leaf hashes that are gone altogether are made again from the log") {
  Store store;
  const std::string whole = LeavesOf(store.layout);
  const std::string checkpoint = *ReadCheckpoint(store.layout);
  fs::remove(store.layout.Leaves());
  store.CheckGoesOn(checkpoint);
  CHECK(LeavesOf(store.layout).starts_with(whole));
}

TEST_CASE("leaf hashes are not made again from a log that is another than the one that was signed") {
  Store store;
  const size_t size = LeavesOf(store.layout).size();
  std::string about = "tree/leaves";
  SECTION("a record is damaged, and its hash is among those that are gone") {
    FlipByte(store.layout.Segment(2), 500);
    fs::remove(store.layout.Leaves());
    store.CheckRefused(absl::StatusCode::kDataLoss, {about, "segment 2", "backup"});
  }
  SECTION("the end of the log is gone") {
    fs::remove(store.layout.Segment(ListSegments(store.layout)->back()));
    fs::resize_file(store.layout.Leaves(), size - sizeof(Hash));
    store.CheckRefused(absl::StatusCode::kDataLoss, {about});
  }
  SECTION("what is left of the leaf hashes is of another log, where the log is damaged") {
    FlipByte(store.layout.Segment(1), kSegmentHeaderSize + 20);
    FlipByte(store.layout.Leaves(), sizeof(Hash) + 3);
    fs::resize_file(store.layout.Leaves(), size - sizeof(Hash));
    store.CheckRefused(absl::StatusCode::kDataLoss, {about, "another root"});
  }
}

TEST_CASE("a damaged record whose hash is still there does not keep the others from being made again") {
  Store store;
  const std::string whole = LeavesOf(store.layout);
  FlipByte(store.layout.Segment(1), kSegmentHeaderSize + 20);
  fs::resize_file(store.layout.Leaves(), whole.size() - 3 * sizeof(Hash));
  REQUIRE(store.Start().ok());
  CHECK(LeavesOf(store.layout).starts_with(whole));
}

TEST_CASE("leaf hashes of segments that were deleted are kept where they are left, and accounted for where not") {
  Store store;
  store.DeleteOldSegments();
  const std::string whole = LeavesOf(store.layout);
  const std::string checkpoint = *ReadCheckpoint(store.layout);
  const uint64_t deleted = LoadTombstone(store.layout)->deleted(0).end_leaf() * sizeof(Hash);
  REQUIRE(deleted >= 10 * sizeof(Hash));
  std::string expected = whole;
  SECTION("left") { fs::resize_file(store.layout.Leaves(), deleted); }
  SECTION("not left") {
    fs::resize_file(store.layout.Leaves(), deleted - sizeof(Hash));
    expected.replace(0, deleted, deleted, '\0');
  }
  SECTION("and not even the copy of the tombstone is left") {
    fs::remove(store.layout.Leaves());
    fs::remove(store.layout.Tombstone());
    expected.replace(0, deleted, deleted, '\0');
  }
  store.CheckGoesOn(checkpoint);
  CHECK(LeavesOf(store.layout).starts_with(expected));
}

TEST_CASE("the copy of the tombstone is taken from the log again where it is gone, damaged or older") {
  Store store;
  store.DeleteOldSegments();
  const std::string tombstone = *ReadWholeFile(store.layout.Tombstone(), kLimit);
  const std::string checkpoint = *ReadCheckpoint(store.layout);
  SECTION("gone") { fs::remove(store.layout.Tombstone()); }
  SECTION("empty") { fs::resize_file(store.layout.Tombstone(), 0); }
  SECTION("damaged") { fs::resize_file(store.layout.Tombstone(), tombstone.size() - 1); }
  store.CheckGoesOn(checkpoint);
  CHECK(*ReadWholeFile(store.layout.Tombstone(), kLimit) == tombstone);
}

TEST_CASE("wherever making leaf hashes again is cut off, the next start does it") {
  for (int failing = 0, operations = 1; failing < operations; ++failing) {
    INFO("operation " << failing);
    Store store;
    const std::string whole = LeavesOf(store.layout);
    const std::string note = *ReadCheckpoint(store.layout);
    fs::resize_file(store.layout.Leaves(), 100);
    REQUIRE(ReplaceFile(RealFileSystem(), store.layout.Checkpoint(), note).ok());
    FaultyFiles files;
    int operation = 0;
    files.SetJudge([&](Operation, const std::string& path) {
      if (path.find("/tree") == std::string::npos) return 0;
      return operation++ >= failing ? EIO : 0;
    });
    CHECK_FALSE(OpenLogRecorder(store.options, files).ok());
    operations = std::min(operation + 1, 16);
    store.CheckGoesOn(note);
    CHECK(LeavesOf(store.layout).starts_with(whole));
    if (operation < failing) break;
  }
}

TEST_CASE("without its keys a store is not begun anew, whatever else is left of it") {
  Store store;
  fs::remove_all(store.layout.KeysDirectory());
  const auto keep_only = [&](const std::string& part) {
    for (const auto& entry : fs::directory_iterator(store.layout.directory())) {
      if (entry.path().filename() != part) fs::remove_all(entry.path());
    }
  };
  SECTION("everything else") {}
  SECTION("everything else but the keyring") { fs::remove(store.layout.DefaultKeyring()); }
  SECTION("only the log") { keep_only("log"); }
  SECTION("only the tree") { keep_only("tree"); }
  SECTION("only the index") { keep_only("index"); }
  SECTION("an empty directory for keys, such as a volume that is not mounted") {
    fs::create_directory(store.layout.KeysDirectory());
    keep_only("log");
    fs::create_directory(store.layout.KeysDirectory());
  }
  store.CheckRefused(absl::StatusCode::kFailedPrecondition, {"keys/store.key", "backup", "another data directory"});
  CHECK_FALSE(FileExists(store.layout.StoreKey()));
}

TEST_CASE("without its log a store does not begin another, under which its keys would be replaced") {
  Store store;
  fs::remove_all(store.layout.LogDirectory());
  SECTION("the rest is there") {}
  SECTION("the tree is gone, too") { fs::remove_all(store.layout.TreeDirectory()); }
  SECTION("only the keys are left") {
    fs::remove_all(store.layout.TreeDirectory());
    fs::remove_all(store.layout.IndexDirectory());
  }
  SECTION("of one segment only, the index is left") {
    fs::remove_all(store.layout.TreeDirectory());
    for (uint64_t segment = 2; segment < 50; ++segment) fs::remove(store.layout.DataKey(segment));
  }
  store.CheckRefused(absl::StatusCode::kFailedPrecondition, {"the log is gone", "log", "backup"});
}

TEST_CASE("without its tree a store signs nothing until a published checkpoint is put back") {
  Store store;
  const std::string note = *ReadCheckpoint(store.layout);
  const std::string whole = LeavesOf(store.layout);
  const bool all = GENERATE(true, false);
  if (all) {
    fs::remove_all(store.layout.TreeDirectory());
  } else {
    fs::remove(store.layout.Checkpoint());
  }
  store.CheckRefused(absl::StatusCode::kFailedPrecondition, {"tree/checkpoint is gone", "published"});
  fs::create_directory(store.layout.TreeDirectory());
  SECTION("it leads there") {
    REQUIRE(ReplaceFile(RealFileSystem(), store.layout.Checkpoint(), note).ok());
    store.CheckGoesOn(note);
    CHECK(LeavesOf(store.layout).starts_with(whole));
  }
  SECTION("the log was cut meanwhile") {
    fs::remove(store.layout.Segment(ListSegments(store.layout)->back()));
    REQUIRE(ReplaceFile(RealFileSystem(), store.layout.Checkpoint(), note).ok());
    store.CheckRefused(absl::StatusCode::kDataLoss, {"tree/checkpoint", "backup"});
  }
  SECTION("it is another store's") {
    Store other;
    REQUIRE(ReplaceFile(RealFileSystem(), store.layout.Checkpoint(), *ReadCheckpoint(other.layout)).ok());
    store.CheckRefused(absl::StatusCode::kDataLoss, {"tree/checkpoint"});
  }
}

TEST_CASE("a published checkpoint that is put back may be older, also after segments were deleted") {
  Store store;
  store.DeleteOldSegments();
  const std::string early = *ReadCheckpoint(store.layout);
  AddCalls(store.options, 3);
  const std::string late = *ReadCheckpoint(store.layout);
  fs::remove_all(store.layout.TreeDirectory());
  fs::create_directory(store.layout.TreeDirectory());
  REQUIRE(ReplaceFile(RealFileSystem(), store.layout.Checkpoint(), early).ok());
  store.CheckGoesOn(late);
}

}  // namespace
}  // namespace sallyport::recorder
