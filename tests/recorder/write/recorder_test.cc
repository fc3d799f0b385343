// What the recorder promises to those who append.
#include "recorder/recorder.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <thread>

#include "absl/algorithm/container.h"
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

TEST_CASE("commits and syncs are timed, and what waits is counted") {
  TemporaryDirectory directory;
  FaultyDisk disk;
  RecorderOptions options;
  options.directory = directory.store();
  auto recorder = OpenLogRecorder(options, disk.files());
  REQUIRE(recorder.ok());
  Recorder& r = **recorder;
  for (uint64_t call = 1; call <= 5; ++call) {
    REQUIRE(AppendDurably(r, UnaryCall(r, call, absl::Now(), "/a.B/C")).ok());
  }
  const RecorderStats before = r.Stats();
  CHECK(absl::c_accumulate(before.commits.counts, uint64_t{0}) == before.blocks_written);
  CHECK(absl::c_accumulate(before.syncs.counts, uint64_t{0}) >= before.blocks_written);
  CHECK(before.batches_waiting == 0);

  disk.Set(FaultyDisk::Fault::kHold);
  BlockingWaiter held, second, third;
  REQUIRE(r.Append(UnaryCall(r, 6, absl::Now(), "/a.B/C"), Until::kDurable, &held) == Appended::kPending);
  disk.AwaitHeld();
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(r.Append(UnaryCall(r, 7, absl::Now(), "/a.B/C"), Until::kDurable, &second) == Appended::kPending);
  REQUIRE(r.Append(UnaryCall(r, 8, absl::Now(), "/a.B/C"), Until::kDurable, &third) == Appended::kPending);
  CHECK(r.Stats().batches_waiting == 2);
  const absl::Duration at_least = absl::FromChrono(std::chrono::steady_clock::now() - began);
  disk.Set(FaultyDisk::Fault::kNone);
  REQUIRE(held.Wait().ok());
  REQUIRE(second.Wait().ok());
  REQUIRE(third.Wait().ok());
  const RecorderStats after = r.Stats();
  CHECK(after.batches_waiting == 0);
  CHECK(after.syncs.sum >= before.syncs.sum + at_least);
  CHECK(after.commits.sum >= before.commits.sum + at_least);
}

TEST_CASE("a duration is counted in the first bucket whose bound it does not exceed") {
  DurationHistogram times;
  times.Add(absl::Microseconds(100));
  times.Add(absl::Microseconds(100) + absl::Nanoseconds(1));
  times.Add(absl::Hours(1));
  times.Add(absl::Seconds(-1));
  CHECK(times.counts.front() == 2);
  CHECK(times.counts[1] == 1);
  CHECK(times.counts.back() == 1);
  CHECK(times.sum == absl::Hours(1) + absl::Microseconds(200) + absl::Nanoseconds(1));
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
    threads.reserve(ids.size());
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

}  // namespace
}  // namespace sallyport::recorder
