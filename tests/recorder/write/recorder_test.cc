// What the recorder promises to those who append.
#include "recorder/recorder.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/rebuild.h"
#include "recorder/write/log_recorder.h"
#include "tests/recorder/faulty_files.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::recorder {
namespace {

// Lets the log's files fail or wait, as told.
class FaultyDisk {
 public:
  enum class Fault { kNone, kWriteFails, kSyncFails, kHold };

  FaultyDisk() {
    files_.SetJudge([this](Operation operation, const std::string& path) {
      return path.find("/log/") == std::string::npos ? 0 : Judge(operation);
    });
  }
  FileSystem& files() { return files_; }
  void Set(Fault fault) {
    std::lock_guard lock(mutex_);
    fault_ = fault;
    changed_.notify_all();
  }
  // Returns once a sync is held up.
  void AwaitHeld() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_; });
  }
  int syncs() {
    std::lock_guard lock(mutex_);
    return syncs_;
  }

 private:
  int Judge(Operation operation) {
    std::unique_lock lock(mutex_);
    if (operation == Operation::kWrite) return fault_ == Fault::kWriteFails ? EIO : 0;
    if (operation != Operation::kSync) return 0;
    ++syncs_;
    held_ = fault_ == Fault::kHold;
    changed_.notify_all();
    changed_.wait(lock, [&] { return fault_ != Fault::kHold; });
    held_ = false;
    return fault_ == Fault::kSyncFails ? EIO : 0;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Fault fault_ = Fault::kNone;
  bool held_ = false;
  int syncs_ = 0;
  FaultyFiles files_;
};

std::vector<CallSummary> AllCalls(const std::string& store) {
  auto reader = RecordReader::Open(store);
  REQUIRE(reader.ok());
  CallQuery query;
  query.limit = 1'000'000;
  auto calls = (*reader)->Calls(query);
  REQUIRE(calls.ok());
  return *calls;
}

TEST_CASE("once a write or sync fails nothing is appended any more, and a new start works") {
  for (auto fault : {FaultyDisk::Fault::kWriteFails, FaultyDisk::Fault::kSyncFails}) {
    TemporaryDirectory directory;
    FaultyDisk disk;
    RecorderOptions options;
    options.directory = directory.store();
    uint64_t good = 0;
    uint64_t bad = 0;
    {
      auto recorder = OpenLogRecorder(options, disk.files());
      REQUIRE(recorder.ok());
      good = (*recorder)->NewCallId(absl::Now());
      REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, good, absl::Now(), "/a.B/Good")).ok());
      CHECK((*recorder)->Health().ok());
      disk.Set(fault);
      bad = (*recorder)->NewCallId(absl::Now());
      const absl::Status status = AppendDurably(**recorder, UnaryCall(**recorder, bad, absl::Now(), "/a.B/Bad"));
      CHECK_FALSE(status.ok());
      CHECK((*recorder)->Health() == status);
      CHECK(std::string(status.message()).find("faulty file") != std::string::npos);
      // Even if the disk is well again.
      disk.Set(FaultyDisk::Fault::kNone);
      const int syncs = disk.syncs();
      BlockingWaiter waiter;
      CHECK((*recorder)->Append(UnaryCall(**recorder, 9, absl::Now(), "/a.B/Late"), Until::kDurable, &waiter) ==
            Appended::kFailed);
      CHECK((*recorder)->Append((*recorder)->NewBatch(9), Until::kAccepted, nullptr) == Appended::kFailed);
      CHECK((*recorder)->Flush() == status);
      CHECK(disk.syncs() == syncs);
      CHECK(waiter.told() == 0);
    }
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    REQUIRE(
        AppendDurably(**recorder, UnaryCall(**recorder, (*recorder)->NewCallId(absl::Now()), absl::Now(), "/a.B/New"))
            .ok());
    REQUIRE((*recorder)->Flush().ok());
    std::set<std::string> methods;
    for (const CallSummary& call : AllCalls(directory.store())) methods.insert(call.method);
    CHECK(methods.count("a.B/Good") == 1);
    CHECK(methods.count("a.B/New") == 1);
    // Torn bytes are set aside; what reached the disk whole although the sync failed may be there.
    CHECK(methods.count("a.B/Bad") == (fault == FaultyDisk::Fault::kSyncFails ? 1 : 0));
    const bool quarantined = !std::filesystem::is_empty(directory.store() + "/quarantine");
    CHECK(quarantined == (fault == FaultyDisk::Fault::kWriteFails));
  }
}

TEST_CASE("every append under way is told when the log fails") {
  TemporaryDirectory directory;
  FaultyDisk disk;
  RecorderOptions options;
  options.directory = directory.store();
  options.buffer_bytes = 1;
  auto recorder = OpenLogRecorder(options, disk.files());
  REQUIRE(recorder.ok());
  disk.Set(FaultyDisk::Fault::kHold);
  BlockingWaiter being_written, durable, accepted;
  Recorder& r = **recorder;
  REQUIRE(r.Append(UnaryCall(r, 1, absl::Now(), "/a.B/1"), Until::kDurable, &being_written) == Appended::kPending);
  disk.AwaitHeld();
  REQUIRE(r.Append(UnaryCall(r, 2, absl::Now(), "/a.B/2"), Until::kDurable, &durable) == Appended::kPending);
  REQUIRE(r.Append(UnaryCall(r, 3, absl::Now(), "/a.B/3"), Until::kAccepted, &accepted) == Appended::kPending);
  disk.Set(FaultyDisk::Fault::kSyncFails);
  CHECK_FALSE(being_written.Wait().ok());
  CHECK_FALSE(durable.Wait().ok());
  CHECK_FALSE(accepted.Wait().ok());
  recorder->reset();
  CHECK(being_written.told() + durable.told() + accepted.told() == 3);
}

TEST_CASE("entries waiting to be written stay within the bound, and who was made to wait is told when there is room") {
  TemporaryDirectory directory;
  FaultyDisk disk;
  RecorderOptions options;
  options.directory = directory.store();
  options.buffer_bytes = 10'000;
  auto recorder = OpenLogRecorder(options, disk.files());
  REQUIRE(recorder.ok());
  Recorder& r = **recorder;
  disk.Set(FaultyDisk::Fault::kHold);
  BlockingWaiter first;
  REQUIRE(r.Append(UnaryCall(r, 1, absl::Now(), "/a.B/1"), Until::kDurable, &first) == Appended::kPending);
  disk.AwaitHeld();
  int taken = 0;
  size_t largest = 0;
  BlockingWaiter waiter;
  for (uint64_t id = 2;; ++id) {
    REQUIRE(id < 1000);
    EntryBatch batch = UnaryCall(r, id, absl::Now(), "/a.B/Many");
    largest = std::max(largest, batch.bytes().size());
    if (r.Append(std::move(batch), Until::kAccepted, &waiter) == Appended::kPending) break;
    ++taken;
  }
  CHECK(taken > 10);
  CHECK(r.Stats().bytes_waiting >= options.buffer_bytes);
  CHECK(r.Stats().bytes_waiting < options.buffer_bytes + 2 * largest);
  CHECK(r.Stats().sync_lag > absl::ZeroDuration());
  CHECK(waiter.told() == 0);
  disk.Set(FaultyDisk::Fault::kNone);
  CHECK(waiter.Wait().ok());
  REQUIRE(r.Flush().ok());
  CHECK(r.Stats().bytes_waiting == 0);
  CHECK(r.Stats().sync_lag == absl::ZeroDuration());
  CHECK(AllCalls(directory.store()).size() == static_cast<size_t>(taken) + 2);
}

TEST_CASE("appends that arrive while a block is being synced share the next sync") {
  TemporaryDirectory directory;
  FaultyDisk disk;
  RecorderOptions options;
  options.directory = directory.store();
  auto recorder = OpenLogRecorder(options, disk.files());
  REQUIRE(recorder.ok());
  Recorder& r = **recorder;
  disk.Set(FaultyDisk::Fault::kHold);
  const uint64_t blocks = r.Stats().blocks_written;
  std::vector<BlockingWaiter> waiters(50);
  r.Append(UnaryCall(r, 1, absl::Now(), "/a.B/1"), Until::kDurable, &waiters[0]);
  disk.AwaitHeld();
  for (size_t i = 1; i < waiters.size(); ++i) {
    REQUIRE(r.Append(UnaryCall(r, i + 1, absl::Now(), "/a.B/1"), Until::kDurable, &waiters[i]) == Appended::kPending);
  }
  disk.Set(FaultyDisk::Fault::kNone);
  for (BlockingWaiter& waiter : waiters) CHECK(waiter.Wait().ok());
  CHECK(r.Stats().blocks_written == blocks + 2);
  CHECK(r.Stats().entries_written == 300);
}

TEST_CASE("a waiter is told only after the sync") {
  TemporaryDirectory directory;
  FaultyDisk disk;
  RecorderOptions options;
  options.directory = directory.store();
  auto recorder = OpenLogRecorder(options, disk.files());
  REQUIRE(recorder.ok());
  Recorder& r = **recorder;
  disk.Set(FaultyDisk::Fault::kHold);
  BlockingWaiter waiter;
  r.Append(UnaryCall(r, 1, absl::Now(), "/a.B/1"), Until::kDurable, &waiter);
  disk.AwaitHeld();
  CHECK(waiter.told() == 0);
  disk.Set(FaultyDisk::Fault::kNone);
  CHECK(waiter.Wait().ok());
}

TEST_CASE("entries nobody waits for are written soon all the same, and the call is found soon after its end") {
  TemporaryDirectory directory;
  auto recorder = Recorder::Open({directory.store()});
  REQUIRE(recorder.ok());
  REQUIRE((*recorder)->Append(UnaryCall(**recorder, 77, absl::Now(), "/a.B/C"), Until::kAccepted, nullptr) ==
          Appended::kDone);
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (!(*reader)->Call(77).ok()) {
    REQUIRE(absl::Now() < give_up);
    std::this_thread::yield();
  }
}

TEST_CASE("an index that fails under way is told and made again, and calls go on being recorded") {
  TemporaryDirectory directory;
  auto recorder = Recorder::Open({directory.store()});
  REQUIRE(recorder.ok());
  const auto record = [&](std::string_view method) {
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), method)).ok());
    return id;
  };
  std::vector<uint64_t> ids = {record("/a.B/Before")};
  REQUIRE((*recorder)->Flush().ok());
  REQUIRE((*recorder)->Stats().index.ok());
  ExecuteOnIndex(directory.store(), "DROP TABLE progress");
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  while ((*recorder)->Stats().index.ok()) {
    REQUIRE(absl::Now() < give_up);
    ids.push_back(record("/a.B/During"));
    absl::SleepFor(absl::Milliseconds(5));
  }
  ids.push_back(record("/a.B/During"));
  CHECK((*recorder)->Health().ok());
  while (!(*recorder)->Stats().index.ok()) {
    REQUIRE(absl::Now() < give_up);
    absl::SleepFor(absl::Milliseconds(5));
  }
  ids.push_back(record("/a.B/After"));
  REQUIRE((*recorder)->Flush().ok());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  for (const uint64_t id : ids) {
    CHECK((*reader)->Call(id).ok());
    CHECK(EntriesOf(**reader, id).size() == 6);
  }
}

TEST_CASE("a second recorder is refused the directory, and so is a rebuild") {
  TemporaryDirectory directory;
  auto recorder = Recorder::Open({directory.store()});
  REQUIRE(recorder.ok());
  CHECK(absl::IsFailedPrecondition(Recorder::Open({directory.store()}).status()));
  CHECK(absl::IsFailedPrecondition(RebuildIndex(directory.store(), {}, [](const RebuildProgress&) {}).status()));
  recorder->reset();
  CHECK(Recorder::Open({directory.store()}).ok());
}

TEST_CASE("call ids grow, never repeat, and stay beyond those of an earlier run even if the clock is set back") {
  TemporaryDirectory directory;
  uint64_t largest = 0;
  {
    auto recorder = Recorder::Open({directory.store()});
    REQUIRE(recorder.ok());
    std::vector<std::vector<uint64_t>> ids(4);
    std::vector<std::thread> threads;
    for (auto& mine : ids) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) mine.push_back((*recorder)->NewCallId(absl::FromUnixMicros(1'000'000)));
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::set<uint64_t> distinct;
    for (const auto& mine : ids) {
      CHECK(std::is_sorted(mine.begin(), mine.end()));
      distinct.insert(mine.begin(), mine.end());
    }
    CHECK(distinct.size() == 8000);
    largest = *distinct.rbegin();
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, largest, absl::Now(), "/a.B/C")).ok());
  }
  auto recorder = Recorder::Open({directory.store()});
  REQUIRE(recorder.ok());
  CHECK((*recorder)->NewCallId(absl::FromUnixMicros(5)) > largest);
}

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
