// What a start makes of what the last run left.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_layout.h"
#include "recorder/log/segment_reader.h"
#include "recorder/system/file.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"
#include "tests/recorder/write/filled_store.h"

namespace sallyport::recorder {
namespace {

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

TEST_CASE("shortened frames count whole in ends that recovery writes, in the index made again, and with the verifier") {
  TemporaryDirectory directory;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto recorder = Recorder::Open({directory.store()});
    if (!recorder.ok()) _exit(3);
    for (const uint64_t id : {5, 6}) {
      EntryBatch call = (*recorder)->NewBatch(id);
      CallStart start = StartOf("/a.B/Long");
      start.record_rule = "beginnings";
      start.frame_bytes = 2;
      call.AddStart(absl::UnixEpoch() + absl::Seconds(1), start);
      FrameMasking shortened;
      shortened.whole_length = 7;
      call.AddFrame(absl::UnixEpoch() + absl::Seconds(2), Direction::kRequest, 0, false, {"12"}, shortened);
      call.AddFrame(absl::UnixEpoch() + absl::Seconds(2), Direction::kRequest, 1, false, {"1"});
      shortened.whole_length = 20'000;
      const std::string large(17'000, 'x');
      call.AddFrame(absl::UnixEpoch() + absl::Seconds(2), Direction::kResponse, 0, false, {large}, shortened);
      CallEnd end;
      end.request_frames = 2;
      end.response_frames = 1;
      end.request_bytes = 8;
      end.response_bytes = 20'000;
      if (id == 6) call.AddEnd(absl::UnixEpoch() + absl::Seconds(3), end);
      AppendDurably(**recorder, std::move(call)).IgnoreError();
    }
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(Recorder::Open({directory.store()}).ok());
  {
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    for (const uint64_t id : {5, 6}) {
      auto call = (*reader)->Call(id);
      REQUIRE(call.ok());
      CHECK(call->request_bytes == 8);
      CHECK(call->response_bytes == 20'000);
      const std::vector<v1::Entry> entries = EntriesOf(**reader, id);
      REQUIRE(entries.size() == 5);
      CHECK(entries[0].start().record_rule() == "beginnings");
      CHECK(entries[1].frame().shortened());
      CHECK_FALSE(entries[2].frame().shortened());
      CHECK(entries[3].frame().payload().size() == 17'000);
      CHECK(entries[3].frame().whole_length() == 20'000);
    }
  }
  CheckVerifies(directory.store());
  CheckRebuildGivesTheSame(directory.store());
}

}  // namespace
}  // namespace sallyport::recorder
