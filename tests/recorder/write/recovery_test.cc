// What is there after the gateway was killed, and what happens to a damaged store.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/tree_state.h"
#include "recorder/log/segment_reader.h"
#include "recorder/rebuild.h"
#include "recorder/system/file.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::recorder {
namespace {

void NoProgress(const RebuildProgress&) {}

void CheckRebuildGivesTheSame(const std::string& store) {
  const std::string before = DumpIndex(store);
  auto calls = RebuildIndex(store, {}, NoProgress);
  REQUIRE(calls.ok());
  CHECK(DumpIndex(store) == before);
}

// Appends calls from several threads until killed: some short, some left open. Each durable end's id goes to the pipe.
[[noreturn]] void AppendUntilKilled(const std::string& store, int acknowledged) {
  RecorderOptions options;
  options.directory = store;
  options.segment_bytes = 50'000;
  auto recorder = Recorder::Open(options);
  if (!recorder.ok()) _exit(3);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0;; ++n) {
        const absl::Time now = absl::Now();
        const uint64_t id = (*recorder)->NewCallId(now);
        if (n % 7 == 0) {
          EntryBatch open = (*recorder)->NewBatch(id);
          open.AddStart(now, StartOf("/a.B/Open"));
          open.AddFrame(now, Direction::kRequest, 0, false, {"frame"});
          (*recorder)->Append(std::move(open), Until::kAccepted, nullptr);
          continue;
        }
        EntryBatch call = UnaryCall(**recorder, id, now, i % 2 == 0 ? "/a.B/Even" : "/a.B/Odd", n % 3);
        if (!AppendDurably(**recorder, std::move(call)).ok()) _exit(4);
        if (write(acknowledged, &id, sizeof(id)) != sizeof(id)) _exit(5);
      }
    });
  }
  while (true) pause();
}

// Lets a child append until so many calls were acknowledged, kills it, and returns the ids.
std::vector<uint64_t> AppendAndKill(const std::string& store, size_t calls) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(ends[0]);
    AppendUntilKilled(store, ends[1]);
  }
  close(ends[1]);
  std::vector<uint64_t> ids;
  uint64_t id = 0;
  bool killed = false;
  while (read(ends[0], &id, sizeof(id)) == sizeof(id)) {
    ids.push_back(id);
    if (ids.size() >= calls && !killed) {
      kill(child, SIGKILL);
      killed = true;
    }
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  return ids;
}

TEST_CASE(
    "after kill -9 every acknowledged call is there once, open ones are interrupted, and a rebuilt index is equal") {
  TemporaryDirectory directory;
  std::set<uint64_t> acknowledged;
  for (size_t cycle = 0; cycle < 4; ++cycle) {
    for (uint64_t id : AppendAndKill(directory.store(), 40 + 150 * cycle)) {
      INFO("cycle " << cycle);
      CHECK(acknowledged.insert(id).second);
    }
    // Once read as it was left, once recovered.
    for (const bool recover : {false, true}) {
      if (recover) REQUIRE(Recorder::Open({directory.store()}).ok());
      auto reader = RecordReader::Open(directory.store());
      REQUIRE(reader.ok());
      CallQuery query;
      query.limit = 1'000'000;
      auto calls = (*reader)->Calls(query);
      REQUIRE(calls.ok());
      std::map<uint64_t, CallSummary> by_id;
      for (const CallSummary& call : *calls) CHECK(by_id.emplace(call.id, call).second);
      for (uint64_t id : acknowledged) {
        REQUIRE(by_id.count(id) == 1);
        CHECK(by_id[id].end_reason == v1::END_REASON_COMPLETED);
      }
      size_t interrupted = 0;
      for (const CallSummary& call : *calls) {
        CHECK(call.end_reason != v1::END_REASON_UNSPECIFIED);
        if (call.method != "a.B/Open") continue;
        ++interrupted;
        CHECK(call.end_reason == v1::END_REASON_INTERRUPTED);
        CHECK(call.status_code == 14);
        if (recover) CHECK(call.request_bytes == 5);
        CHECK(EntriesOf(**reader, call.id).size() >= 2);
      }
      CHECK(interrupted > 0);
      CHECK(EntriesOf(**reader, *acknowledged.rbegin()).size() == 6);
      reader->reset();
      CheckRebuildGivesTheSame(directory.store());
    }
  }
}

// A closed store with some calls in two segments.
std::vector<uint64_t> FillStore(const std::string& store, int calls = 30, uint64_t segment_bytes = 3000) {
  RecorderOptions options;
  options.directory = store;
  options.segment_bytes = segment_bytes;
  auto recorder = Recorder::Open(options);
  REQUIRE(recorder.ok());
  std::vector<uint64_t> ids;
  for (int i = 0; i < calls; ++i) {
    ids.push_back((*recorder)->NewCallId(absl::Now()));
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, ids.back(), absl::Now(), "/a.B/C")).ok());
  }
  return ids;
}

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
    ExecuteOnIndex(directory.store(), "UPDATE progress SET version = 99");
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

TEST_CASE("a torn tail of any length is set aside, and everything whole before it stays") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  const std::string first_tree = directory.path() + "/first-tree";
  {
    auto recorder = Recorder::Open({directory.store()});
    REQUIRE(recorder.ok());
    std::filesystem::copy(layout.TreeDirectory(), first_tree);
    for (int i = 0; i < 5; ++i) {
      const uint64_t id = (*recorder)->NewCallId(absl::Now());
      REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/C")).ok());
    }
  }
  const std::string segment = layout.Segment(1);
  const std::string whole = *ReadWholeFile(segment, 1 << 20);
  const uint64_t footer_size = kBlockHeaderSize + kFooterBodySize;
  const std::string calls = whole.substr(0, whole.size() - footer_size);
  const uint64_t step = 61;
  for (uint64_t size = kSegmentHeaderSize; size < calls.size(); size += size < 300 ? 7 : step) {
    INFO("cut to " << size);
    // A crash before the second checkpoint.
    for (const std::string& path :
         {layout.LogDirectory(), layout.IndexDirectory(), layout.TreeDirectory(), layout.QuarantineDirectory()}) {
      std::filesystem::remove_all(path);
    }
    std::filesystem::create_directories(layout.LogDirectory());
    std::filesystem::copy(first_tree, layout.TreeDirectory());
    std::ofstream(segment, std::ios::binary).write(calls.data(), static_cast<std::streamsize>(size));
    auto recorder = Recorder::Open({directory.store()});
    REQUIRE(recorder.ok());
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/New")).ok());
    recorder->reset();
    uint64_t set_aside = 0;
    for (const auto& file : std::filesystem::directory_iterator(layout.QuarantineDirectory())) {
      set_aside += file.file_size();
    }
    const uint64_t kept = std::filesystem::file_size(segment) - footer_size;
    CHECK(kept + set_aside == size);
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    CHECK(EntriesOf(**reader, id).size() == 6);
    CheckRebuildGivesTheSame(directory.store());
  }
}

TEST_CASE("behind the last block a single byte that is not zero is set aside, wherever it is in what is read at once") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  const std::string first_tree = directory.path() + "/first-tree";
  {
    auto recorder = Recorder::Open({directory.store()});
    REQUIRE(recorder.ok());
    std::filesystem::copy(layout.TreeDirectory(), first_tree);
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/C")).ok());
  }
  const std::string segment = layout.Segment(1);
  const std::string whole = *ReadWholeFile(segment, 1 << 20);
  const std::string calls = whole.substr(0, whole.size() - (kBlockHeaderSize + kFooterBodySize));
  constexpr size_t kAtOnce = size_t{1} << 20;
  constexpr size_t kTail = 2 * kAtOnce + 100;
  for (const std::optional<size_t> at :
       {std::optional<size_t>(), std::optional<size_t>(0), std::optional(kAtOnce - 1), std::optional(kAtOnce),
        std::optional(kAtOnce + 1), std::optional(2 * kAtOnce - 1), std::optional(2 * kAtOnce),
        std::optional(kTail - 1)}) {
    INFO("byte " << at.value_or(kTail) << " of " << kTail);
    for (const std::string& path :
         {layout.LogDirectory(), layout.IndexDirectory(), layout.TreeDirectory(), layout.QuarantineDirectory()}) {
      std::filesystem::remove_all(path);
    }
    std::filesystem::create_directories(layout.LogDirectory());
    std::filesystem::copy(first_tree, layout.TreeDirectory());
    std::string tail(kTail, '\0');
    if (at.has_value()) tail[*at] = 'x';
    std::ofstream(segment, std::ios::binary) << calls << tail;
    REQUIRE(Recorder::Open({directory.store()}).ok());
    std::vector<std::string> set_aside;
    for (const auto& file : std::filesystem::directory_iterator(layout.QuarantineDirectory())) {
      set_aside.push_back(*ReadWholeFile(file.path(), size_t{1} << 30));
    }
    if (at.has_value()) {
      REQUIRE(set_aside.size() == 1);
      CHECK(set_aside[0] == tail);
    } else {
      CHECK(set_aside.empty());
    }
    CHECK(std::filesystem::file_size(segment) == whole.size());
  }
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

TEST_CASE("a start finds the last blocks of open calls, also those that their rows do not name yet") {
  TemporaryDirectory running;
  TemporaryDirectory killed;
  uint64_t id = 0;
  {
    auto recorder = Recorder::Open({running.store()});
    REQUIRE(recorder.ok());
    id = (*recorder)->NewCallId(absl::Now());
    EntryBatch start = (*recorder)->NewBatch(id);
    start.AddStart(absl::Now(), StartOf("/a.B/Open"));
    REQUIRE(AppendDurably(**recorder, std::move(start)).ok());
    for (uint64_t i = 0; i < 3; ++i) {
      EntryBatch frame = (*recorder)->NewBatch(id);
      frame.AddFrame(absl::Now(), Direction::kRequest, i, false, {"frame"});
      REQUIRE(AppendDurably(**recorder, std::move(frame)).ok());
    }
    REQUIRE((*recorder)->Flush().ok());
    // What would be there if it were killed now.
    std::filesystem::copy(running.path(), killed.path(), std::filesystem::copy_options::recursive);
  }
  std::vector<Position> blocks;
  {
    auto reader = RecordReader::Open(killed.store());
    REQUIRE(reader.ok());
    blocks = (*reader)->CallBlocks(id).value();
  }
  REQUIRE(blocks.size() == 4);
  // As a commit of rows alone leaves it.
  ExecuteOnIndex(killed.store(), absl::StrCat("UPDATE calls SET position = ", blocks[0].packed(),
                                              "; UPDATE progress SET positions_exact_to = ", blocks[1].packed()));
  REQUIRE(Recorder::Open({killed.store()}).ok());
  auto reader = RecordReader::Open(killed.store());
  REQUIRE(reader.ok());
  CHECK(EntriesOf(**reader, id).size() == 5);
  CHECK((*reader)->Call(id)->end_reason == v1::END_REASON_INTERRUPTED);
  CheckVerifies(killed.store());
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

TEST_CASE("starts and stops, clean or not, leave one segment each that ends in one footer") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  for (int i = 0; i < 4; ++i) FillStore(directory.store(), 2, 1 << 20);
  auto segments = ListSegments(layout);
  REQUIRE(segments.ok());
  CHECK(*segments == std::vector<uint64_t>{1, 2, 3, 4});
  auto keys = StoreKeys::Open(layout, std::nullopt);
  REQUIRE(keys.ok());
  for (uint64_t number : *segments) {
    auto segment = SegmentReader::Open(layout, **keys, number);
    REQUIRE(segment.ok());
    uint64_t end = 0;
    REQUIRE(segment
                ->WalkDirectories([&](const Block& block) {
                  end = block.end().offset();
                  return absl::OkStatus();
                })
                .ok());
    CHECK(*segment->Size() == end);
  }
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

TEST_CASE(
    "a call is ended although a segment with its first entries is gone, at the end of a run and by the next start") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = 1000;
  const bool while_running = GENERATE(true, false);
  uint64_t id = 0;
  {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    id = (*recorder)->NewCallId(absl::Now());
    EntryBatch start = (*recorder)->NewBatch(id);
    start.AddStart(absl::Now(), StartOf("/a.B/Long"));
    const absl::Status started = AppendDurably(**recorder, std::move(start));
    REQUIRE(started.ok());
    for (uint64_t i = 0; i < 20; ++i) {
      EntryBatch frame = (*recorder)->NewBatch(id);
      frame.AddFrame(absl::Now(), Direction::kRequest, i, false, {"12345"});
      const absl::Status appended = AppendDurably(**recorder, std::move(frame));
      REQUIRE(appended.ok());
    }
    REQUIRE((*recorder)->Flush().ok());
    REQUIRE(ListSegments(layout)->size() > 2);
    // What a crash leaves.
    if (!while_running)
      std::filesystem::copy(directory.store(), directory.path() + "/crashed", std::filesystem::copy_options::recursive);
    // Deleted by retention, or damage.
    if (while_running) std::filesystem::remove(layout.Segment(1));
  }
  if (!while_running) {
    std::filesystem::remove_all(directory.store());
    std::filesystem::rename(directory.path() + "/crashed", directory.store());
    std::filesystem::remove(layout.Segment(1));
  }
  const absl::Status opened = Recorder::Open(options).status();
  INFO(opened);
  REQUIRE(opened.ok());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  CHECK((*reader)->Call(id)->end_reason == v1::END_REASON_INTERRUPTED);
}

TEST_CASE("the interrupted end of a call that spans runs of the gateway is joined to its entries") {
  TemporaryDirectory directory;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto recorder = Recorder::Open({directory.store()});
    if (!recorder.ok()) _exit(3);
    EntryBatch start = (*recorder)->NewBatch(5);
    start.AddStart(absl::UnixEpoch() + absl::Seconds(1), StartOf("/a.B/Long"));
    AppendDurably(**recorder, std::move(start)).IgnoreError();
    (*recorder)->Flush().IgnoreError();
    for (uint64_t i = 0; i < 20; ++i) {
      EntryBatch frame = (*recorder)->NewBatch(5);
      frame.AddFrame(absl::UnixEpoch() + absl::Seconds(2 + i), Direction::kResponse, i, false, {"12"});
      AppendDurably(**recorder, std::move(frame)).IgnoreError();
    }
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  {
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    CHECK(EntriesOf(**reader, 5).size() == 21);
  }
  REQUIRE(Recorder::Open({directory.store()}).ok());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  CHECK(EntriesOf(**reader, 5).size() == 22);
  auto call = (*reader)->Call(5);
  REQUIRE(call.ok());
  CHECK(call->response_frames == 20);
  CHECK(call->response_bytes == 40);
  CHECK(call->duration == absl::Seconds(20));
  CheckRebuildGivesTheSame(directory.store());
}

}  // namespace
}  // namespace sallyport::recorder
