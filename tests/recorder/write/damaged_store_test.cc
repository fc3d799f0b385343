// What happens to a store of which something is lost, damaged or put back.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/tree_state.h"
#include "recorder/index/sqlite/postings.h"
#include "recorder/rebuild.h"
#include "recorder/system/file.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/write/filled_store.h"

namespace sallyport::recorder {
namespace {

void FlipByte(const std::string& path, uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 0x40);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

TEST_CASE("an index that is lost, broken, of another store or ahead of the log is made again") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  const std::vector<uint64_t> ids = FillStore(directory.store());
  const std::string good = DumpIndex(directory.store());
  const auto damage = GENERATE(as<std::string>(), "lost", "broken", "cut", "version", "ahead", "position");
  if (damage == "lost") {
    std::filesystem::remove_all(layout.IndexDirectory());
  } else if (damage == "broken") {
    std::ofstream(layout.Index()) << std::string(20000, 'x');
  } else if (damage == "cut") {
    std::filesystem::resize_file(layout.Index(), 3000);
  } else if (damage == "version") {
    ExecuteOnIndex(directory.store(), "UPDATE progress SET version = 1");
  } else if (damage == "ahead") {
    ExecuteOnIndex(directory.store(), "UPDATE progress SET position = position + (1 << 41)");
  } else {
    ExecuteOnIndex(directory.store(), "DELETE FROM calls WHERE id % 2 = 0; UPDATE progress SET store_id = 'ab'");
  }
  SECTION("by a reader") {
    REQUIRE(RecordReader::Open(directory.store()).ok());
    CHECK(DumpIndex(directory.store()) == good);
  }
  SECTION("by a recorder") {
    REQUIRE(Recorder::Open({directory.store()}).ok());
    CHECK(DumpIndex(directory.store()) == good);
  }
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  for (uint64_t id : ids) CHECK(EntriesOf(**reader, id).size() == 6);
}

TEST_CASE(
    "an index of version 4, which knows nothing of calls in numbers, is made again and says what a rebuilt one says") {
  TemporaryDirectory directory;
  constexpr uint64_t kCalls = 13'000;  // so that there are chunks, and calls beyond them
  {
    auto recorder = Recorder::Open({directory.store()});
    REQUIRE(recorder.ok());
    for (uint64_t i = 0; i < kCalls; ++i) {
      const uint64_t id = (*recorder)->NewCallId(absl::Now());
      EntryBatch call = UnaryCall(**recorder, id, absl::Now(), "/a.B/C", i % 5 == 0 ? 3 : 0);
      const Appended appended = (*recorder)->Append(std::move(call), Until::kAccepted, nullptr);
      REQUIRE(appended == Appended::kDone);
    }
    REQUIRE((*recorder)->Flush().ok());
  }
  const std::string good = DumpIndex(directory.store());
  ExecuteOnIndex(directory.store(), absl::StrCat("DELETE FROM postings WHERE key >> ", kPostingValueBits,
                                                 " & 15 = ", static_cast<int>(PostingKind::kMeasures),
                                                 "; UPDATE progress SET version = 4"));
  SECTION("by a reader") {}
  SECTION("by a recorder") { REQUIRE(Recorder::Open({directory.store()}).ok()); }
  const auto counted = [&] {
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    const auto all = (*reader)->Statistics({});
    REQUIRE(all.status() == absl::OkStatus());
    REQUIRE(all->size() == 1);
    REQUIRE(all->front().points.size() == 1);
    const StatisticsPoint& point = all->front().points.front();
    CHECK(point.calls == kCalls);
    CHECK(point.errors == kCalls / 5);
    return std::pair(point.request_bytes, point.latency->most);
  };
  const auto again = counted();
  CHECK(DumpIndex(directory.store()) == good);
  CheckRebuildGivesTheSame(directory.store());
  CHECK(counted() == again);
}

TEST_CASE("damage that is no torn tail is told, left alone, and does not stop anybody") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  const std::vector<uint64_t> ids = FillStore(directory.store());
  REQUIRE(FileExists(layout.Segment(3)));
  std::filesystem::remove_all(layout.IndexDirectory());
  SECTION("a byte of an earlier segment changed") { FlipByte(layout.Segment(2), 500); }
  SECTION("an earlier segment cut") { std::filesystem::resize_file(layout.Segment(2), 700); }
  SECTION("an earlier segment's header changed") { FlipByte(layout.Segment(2), 20); }
  SECTION("an earlier segment gone") { std::filesystem::remove(layout.Segment(2)); }
  const bool there = FileExists(layout.Segment(2));
  const std::string damaged = there ? *ReadWholeFile(layout.Segment(2), 1 << 20) : "";
  uint64_t id = 0;
  {
    auto recorder = Recorder::Open({directory.store()});
    REQUIRE(recorder.ok());
    CHECK((*recorder)->Stats().damages >= 1);
    id = (*recorder)->NewCallId(absl::Now());
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/New")).ok());
  }
  if (there) CHECK(*ReadWholeFile(layout.Segment(2), 1 << 20) == damaged);
  std::filesystem::remove_all(layout.IndexDirectory());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  CHECK(EntriesOf(**reader, ids.front()).size() == 6);
  CHECK(EntriesOf(**reader, ids.back()).size() == 6);
  CHECK(EntriesOf(**reader, id).size() == 6);
  CHECK(absl::IsDataLoss((*reader)->LogHealth()));
  CHECK(std::string((*reader)->LogHealth().message()).find("0000002.seg") + 1 +
            (std::string((*reader)->LogHealth().message()).find("segment 2") + 1) >
        0);
  reader->reset();
  CHECK(absl::IsDataLoss(RebuildIndex(directory.store(), {}, NoProgress).status()));
}

TEST_CASE("a bad block in the last segment that good ones follow is told, and what follows it is kept") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  const std::vector<uint64_t> ids = FillStore(directory.store(), 10, 1 << 20);
  std::filesystem::remove_all(layout.IndexDirectory());
  FlipByte(layout.Segment(1), 900);
  {
    auto recorder = Recorder::Open({directory.store()});
    REQUIRE(recorder.ok());
    CHECK((*recorder)->Stats().damages == 1);
  }
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  CHECK(EntriesOf(**reader, ids.back()).size() == 6);
}

TEST_CASE("a log cut back behind a signed checkpoint is told, and the tree does not shrink") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  FillStore(directory.store(), 10, 1 << 20);
  const std::string before = *ReadCheckpoint(layout);
  SECTION("in the last segment") { std::filesystem::resize_file(layout.Segment(1), 1500); }
  SECTION("the last segment is gone") {
    FillStore(directory.store(), 10, 1 << 20);
    std::filesystem::remove(layout.Segment(2));
  }
  {
    auto recorder = Recorder::Open({directory.store()});
    REQUIRE(recorder.ok());
    CHECK((*recorder)->Stats().damages >= 1);
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/New")).ok());
  }
  const auto size = [](const std::string& note) { return std::stoull(note.substr(note.find('\n') + 1)); };
  CHECK(size(*ReadCheckpoint(layout)) > size(before));
  CHECK(Recorder::Open({directory.store()}).ok());
}

TEST_CASE("a segment over which a checkpoint was signed is not begun again, though it is gone") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  for (int run = 0; run < 3; ++run) FillStore(directory.store(), 3, 1 << 20);
  uint64_t first_gone = 3;
  SECTION("the last one") {}
  SECTION("the last two") { first_gone = 2; }
  for (uint64_t segment = first_gone; segment <= 3; ++segment) {
    REQUIRE(std::filesystem::remove(layout.Segment(segment)));
  }
  {
    auto recorder = Recorder::Open({directory.store()});
    INFO(recorder.status().message());
    REQUIRE(recorder.ok());
    CHECK((*recorder)->Stats().damages >= 1);
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/New")).ok());
  }
  for (uint64_t segment = first_gone; segment <= 3; ++segment) {
    CHECK_FALSE(std::filesystem::exists(layout.Segment(segment)));
  }
  CHECK(std::filesystem::exists(layout.Segment(4)));
}

TEST_CASE("a checkpoint that is damaged, or not the store's own, is refused") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  FillStore(directory.store(), 3);
  FlipByte(layout.Checkpoint(), 60);
  const absl::Status refused = Recorder::Open({directory.store()}).status();
  CHECK(absl::IsDataLoss(refused));
  CHECK(std::string(refused.message()).find("tree/checkpoint") != std::string::npos);
}

TEST_CASE("a call whose block is damaged is reported as damaged, and its neighbours are read") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  const std::vector<uint64_t> ids = FillStore(directory.store(), 3, 1 << 20);
  const uint64_t size =
      std::filesystem::file_size(layout.Segment(1)) - kSegmentHeaderSize - kBlockHeaderSize - kFooterBodySize;
  FlipByte(layout.Segment(1), kSegmentHeaderSize + size / 2);
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  CHECK(EntriesOf(**reader, ids[0]).size() == 6);
  CHECK(EntriesOf(**reader, ids[2]).size() == 6);
  const absl::Status status = (*reader)->ReadCall(ids[1], [](const v1::Entry&) { return absl::OkStatus(); });
  CHECK(absl::IsDataLoss(status));
  CHECK(std::string(status.message()).find("segment 1 at offset") != std::string::npos);
}

TEST_CASE("a directory that is no store is said to be none") {
  TemporaryDirectory directory;
  CHECK(absl::IsNotFound(RecordReader::Open(directory.path()).status()));
  CHECK(absl::IsNotFound(RecordReader::Open(directory.path() + "/missing").status()));
  CHECK(absl::IsNotFound(RebuildIndex(directory.path(), {}, NoProgress).status()));
}

}  // namespace
}  // namespace sallyport::recorder
