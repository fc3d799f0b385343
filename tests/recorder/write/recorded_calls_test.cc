// What of calls is in the store once it is recorded, and what is not.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/recorder.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::recorder {
namespace {

TEST_CASE("no byte of a credential reaches the disk, and what holds secrets is for the owner alone") {
  TemporaryDirectory directory;
  {
    auto recorder = Recorder::Open({directory.store()});
    REQUIRE(recorder.ok());
    const std::vector<Metadatum> metadata = {
        {"authorization", "Bearer canary-4711"}, {"Cookie", "session=canary-4711"}, {"x-kept", "plain-4711"}};
    EntryBatch batch = (*recorder)->NewBatch(5);
    CallStart start = StartOf("/a.B/C");
    start.metadata = metadata;
    batch.AddStart(absl::Now(), start);
    CallEnd end;
    end.trailers = metadata;
    batch.AddEnd(absl::Now(), end);
    REQUIRE(AppendDurably(**recorder, std::move(batch)).ok());
  }
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory.store())) {
    struct stat info = {};
    REQUIRE(stat(file.path().c_str(), &info) == 0);
    if (file.is_directory()) {
      CHECK((info.st_mode & 0777) == 0700);
      continue;
    }
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    INFO(file.path());
    CHECK(bytes.find("canary-4711") == std::string::npos);
    CHECK(bytes.find("plain-4711") == std::string::npos);
    if (file.path().extension() == ".key" || file.path().extension() == ".seg") {
      CHECK((info.st_mode & 0777) == 0600);
    }
  }
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  const std::vector<v1::Entry> entries = EntriesOf(**reader, AllCalls(directory.store()).at(0).id);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].DebugString().find("canary-4711") == std::string::npos);
  CHECK(entries[0].DebugString().find("plain-4711") != std::string::npos);
}

TEST_CASE("descriptors are kept under their version and read back") {
  TemporaryDirectory directory;
  auto recorder = Recorder::Open({directory.store()});
  REQUIRE(recorder.ok());
  const std::string version = "0123456789abcdef";
  REQUIRE((*recorder)->KeepDescriptors(version, "set").ok());
  REQUIRE((*recorder)->KeepDescriptors(version, "set").ok());
  CHECK(absl::IsInvalidArgument((*recorder)->KeepDescriptors("../../etc/passwd", "set")));
  CHECK(absl::IsInvalidArgument((*recorder)->KeepDescriptors("", "set")));
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  CHECK(*(*reader)->Descriptors(version) == "set");
  CHECK(absl::IsNotFound((*reader)->Descriptors("fedcba9876543210").status()));
  CHECK(absl::IsNotFound((*reader)->Descriptors("../fingerprint").status()));
}

TEST_CASE("large payloads stand apart from their entries, and every reader gets them back") {
  TemporaryDirectory directory;
  RecorderOptions options;
  options.directory = directory.store();
  options.smallest_part = 1000;
  std::string random(70'000, '\0');
  REQUIRE(FillRandom(random.data(), random.size()).ok());
  const std::vector<std::string> payloads = {
      "small", std::string(999, 'a'), std::string(1000, 'b'), std::string(50'000, 'c'), "", random.substr(0, 20'000),
      random};
  uint64_t id = 0;
  uint64_t open = 0;
  {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    id = (*recorder)->NewCallId(absl::Now());
    EntryBatch call = (*recorder)->NewBatch(id);
    call.AddStart(absl::Now(), StartOf("/a.B/C"));
    CallEnd end;
    for (const std::string& payload : payloads) {
      call.AddFrame(absl::Now(), Direction::kRequest, end.request_frames++, false, {payload});
      end.request_bytes += payload.size();
    }
    call.AddEnd(absl::Now(), end);
    REQUIRE(AppendDurably(**recorder, std::move(call)).ok());
    open = (*recorder)->NewCallId(absl::Now());
    EntryBatch begun = (*recorder)->NewBatch(open);
    begun.AddStart(absl::Now(), StartOf("/a.B/D"));
    begun.AddFrame(absl::Now(), Direction::kRequest, 0, false, {random});
    REQUIRE(AppendDurably(**recorder, std::move(begun)).ok());
  }
  {
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    const std::vector<v1::Entry> entries = EntriesOf(**reader, id);
    REQUIRE(entries.size() == payloads.size() + 2);
    for (size_t i = 0; i < payloads.size(); ++i) {
      CHECK(entries[i + 1].frame().payload() == payloads[i]);
      CHECK_FALSE(entries[i + 1].frame().has_part());
      CHECK(entries[i + 1].frame().index() == i);
    }
    CHECK(entries.back().end().entries() == entries.size());
    // What ended it counted what it has.
    const std::vector<v1::Entry> ended = EntriesOf(**reader, open);
    REQUIRE(ended.size() == 3);
    CHECK(ended.back().end().entries() == 3);
    CHECK(ended.back().end().request_bytes() == random.size());
  }
  CheckVerifies(directory.store());
}

TEST_CASE("an end says how many entries its call has, over many batches and blocks") {
  TemporaryDirectory directory;
  auto recorder = Recorder::Open({directory.store()});
  REQUIRE(recorder.ok());
  const uint64_t id = (*recorder)->NewCallId(absl::Now());
  EntryBatch first = (*recorder)->NewBatch(id);
  first.AddStart(absl::Now(), StartOf("/a.B/C"));
  REQUIRE(AppendDurably(**recorder, std::move(first)).ok());
  for (uint64_t i = 0; i < 5; ++i) {
    EntryBatch frame = (*recorder)->NewBatch(id);
    frame.AddFrame(absl::Now(), Direction::kRequest, i, false, {"x"});
    if (i % 2 == 0) {
      REQUIRE(AppendDurably(**recorder, std::move(frame)).ok());
    } else {
      REQUIRE((*recorder)->Append(std::move(frame), Until::kAccepted, nullptr) == Appended::kDone);
    }
  }
  EntryBatch last = (*recorder)->NewBatch(id);
  CallEnd end;
  end.request_frames = end.request_bytes = 5;
  last.AddEnd(absl::Now(), end);
  REQUIRE(AppendDurably(**recorder, std::move(last)).ok());
  REQUIRE((*recorder)->Flush().ok());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  const std::vector<v1::Entry> entries = EntriesOf(**reader, id);
  REQUIRE(entries.size() == 7);
  CHECK(entries.back().end().entries() == 7);
}

TEST_CASE("reflected descriptors are kept up to a bound, the operator's always, and nothing kept is deleted") {
  TemporaryDirectory directory;
  RecorderOptions options;
  options.directory = directory.store();
  options.descriptor_sets = 3;
  options.descriptor_bytes = 2000;
  const auto version = [](int number) { return absl::StrCat("0123456789abcde", number); };
  {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    const std::string large(1500, 'x');
    REQUIRE((*recorder)->KeepDescriptors(version(0), large).ok());
    CHECK(absl::IsResourceExhausted((*recorder)->KeepDescriptors(version(1), large)));
    CHECK((*recorder)->KeepDescriptors(version(0), large).ok());
    CHECK((*recorder)->KeepDescriptors(version(1), "small").ok());
    CHECK((*recorder)->KeepDescriptors(version(2), large, DescriptorOrigin::kOperator).ok());
    CHECK(absl::IsResourceExhausted((*recorder)->KeepDescriptors(version(3), "s")));
    CHECK((*recorder)->KeepDescriptors(version(4), "s", DescriptorOrigin::kOperator).ok());
    CHECK((*recorder)->Stats().descriptors_not_kept == 2);
  }
  // What is there counts after a start, too.
  auto recorder = Recorder::Open(options);
  REQUIRE(recorder.ok());
  CHECK(absl::IsResourceExhausted((*recorder)->KeepDescriptors(version(5), "s")));
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  for (int kept : {0, 1, 2, 4}) CHECK((*reader)->Descriptors(version(kept)).ok());
}

TEST_CASE("batches of one call keep their order, from many threads, over many blocks") {
  TemporaryDirectory directory;
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = 4'000;
  constexpr int kThreads = 4, kFrames = 300;
  {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    std::vector<std::thread> threads;
    for (uint64_t id = 1; id <= kThreads; ++id) {
      threads.emplace_back([&, id] {
        EntryBatch start = (*recorder)->NewBatch(id);
        start.AddStart(absl::Now(), StartOf("/a.B/Stream"));
        (*recorder)->Append(std::move(start), Until::kAccepted, nullptr);
        for (int i = 0; i < kFrames; ++i) {
          EntryBatch batch = (*recorder)->NewBatch(id);
          batch.AddFrame(absl::Now(), Direction::kRequest, static_cast<uint64_t>(i), false, {"frame"});
          if (i % 10 == 0) {
            AppendDurably(**recorder, std::move(batch)).IgnoreError();
          } else {
            (*recorder)->Append(std::move(batch), Until::kAccepted, nullptr);
          }
        }
        EntryBatch end = (*recorder)->NewBatch(id);
        end.AddEnd(absl::Now(), CallEnd());
        (*recorder)->Append(std::move(end), Until::kAccepted, nullptr);
      });
    }
    // Reads while they write.
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    auto follower = (*reader)->Follow();
    REQUIRE(follower.ok());
    const auto check_order = [&](uint64_t id) {
      uint64_t next = 0;
      const absl::Status status = (*reader)->ReadCall(id, [&](const v1::Entry& entry) {
        if (entry.has_frame() && entry.frame().index() != next++) return absl::InternalError("out of order");
        return absl::OkStatus();
      });
      CHECK((status.ok() || absl::IsNotFound(status)));
    };
    for (int i = 0; i < 20; ++i) check_order(1 + static_cast<uint64_t>(i) % kThreads);
    for (std::thread& thread : threads) thread.join();
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, 99, absl::Now(), "/a.B/Last")).ok());
    std::vector<uint64_t> followed;
    REQUIRE((*follower)
                ->Poll([&](const v1::Entry& entry) {
                  followed.push_back(entry.call_id());
                  return absl::OkStatus();
                })
                .ok());
    REQUIRE(followed.size() >= 6);
    CHECK(followed.back() == 99);
  }
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  for (uint64_t id = 1; id <= kThreads; ++id) {
    const auto entries = EntriesOf(**reader, id);
    REQUIRE(entries.size() == kFrames + 2);
    for (int i = 0; i < kFrames; ++i)
      CHECK(entries[static_cast<size_t>(i) + 1].frame().index() == static_cast<uint64_t>(i));
  }
  CHECK(std::distance(std::filesystem::directory_iterator(directory.store() + "/log"), {}) > 2);
}

}  // namespace
}  // namespace sallyport::recorder
