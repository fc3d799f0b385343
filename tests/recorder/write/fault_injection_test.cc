// Every change of the file system fails once, in every way: each time the recorder either goes on or fails closed, and
// after the next start everything that was acknowledged is there.
#include <spdlog/spdlog.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "recorder/rebuild.h"
#include "recorder/write/log_recorder.h"
#include "tests/recorder/faulty_files.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::recorder {
namespace {

constexpr int kCalls = 14;

RecorderOptions OptionsFor(const std::string& store) {
  RecorderOptions options;
  options.directory = store;
  options.segment_bytes = 2'000;  // so that some segments are begun
  return options;
}

// What a gateway does, cut short where the recorder fails. Returns the calls that were acknowledged.
std::vector<uint64_t> RunOnce(const std::string& store, FileSystem& files) {
  std::vector<uint64_t> acknowledged;
  auto recorder = OpenLogRecorder(OptionsFor(store), files);
  if (!recorder.ok()) return acknowledged;
  (*recorder)->KeepDescriptors("0123456789abcdef", "set").IgnoreError();
  for (int i = 0; i < kCalls; ++i) {
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    EntryBatch call = UnaryCall(**recorder, id, absl::Now(), "/a.B/C");
    if (i % 5 == 4) {
      // One that is left open, with as much in it.
      EntryBatch open = (*recorder)->NewBatch(id);
      open.AddStart(absl::Now(), StartOf("/a.B/Open"));
      (*recorder)->Append(std::move(open), Until::kAccepted, nullptr);
      continue;
    }
    if (AppendDurably(**recorder, std::move(call)).ok()) acknowledged.push_back(id);
  }
  return acknowledged;
}

// Opens the store as it was left, and checks what is in it.
void CheckStore(const std::string& store, const std::vector<uint64_t>& acknowledged) {
  {
    auto recorder = Recorder::Open(OptionsFor(store));
    INFO(recorder.status());
    REQUIRE(recorder.ok());
    CHECK((*recorder)->Stats().damages == 0);
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/New")).ok());
  }
  {
    auto reader = RecordReader::Open(store);
    REQUIRE(reader.ok());
    CallQuery query;
    query.limit = 1000;
    auto calls = (*reader)->Calls(query);
    REQUIRE(calls.ok());
    std::map<uint64_t, CallSummary> by_id;
    for (const CallSummary& call : *calls) {
      CHECK(by_id.emplace(call.id, call).second);
      CHECK(call.end_reason != v1::END_REASON_UNSPECIFIED);
    }
    for (uint64_t id : acknowledged) {
      REQUIRE(by_id.count(id) == 1);
      CHECK(by_id[id].end_reason == v1::END_REASON_COMPLETED);
      CHECK(EntriesOf(**reader, id).size() == 6);
    }
  }
  const std::string before = DumpIndex(store);
  auto calls = RebuildIndex(store, {}, [](const RebuildProgress&) {});
  REQUIRE(calls.ok());
  CHECK(DumpIndex(store) == before);
  CheckVerifies(store);
}

// The operations of a run in which nothing fails, by kind.
std::map<Operation, int> CountOperations(const std::string& store) {
  FaultyFiles files;
  std::mutex mutex;
  std::map<Operation, int> operations;
  files.SetJudge([&](Operation operation, const std::string&) {
    std::lock_guard lock(mutex);
    ++operations[operation];
    return 0;
  });
  REQUIRE(RunOnce(store, files).size() > 10);
  return operations;
}

int Total(const std::map<Operation, int>& operations) {
  int total = 0;
  for (const auto& [operation, count] : operations) total += count;
  return total;
}

// How the operation with a number fails, and what becomes of those after it.
struct Fault {
  int error;
  bool stays;
  FaultyFiles::Arrives arrives = FaultyFiles::Arrives::kHalf;
};

const Fault kFaults[] = {{EIO, false, FaultyFiles::Arrives::kNothing}, {EIO, false, FaultyFiles::Arrives::kHalf},
                         {EIO, false, FaultyFiles::Arrives::kAll},     {EIO, true, FaultyFiles::Arrives::kHalf},
                         {EIO, true, FaultyFiles::Arrives::kAll},      {ENOSPC, false, FaultyFiles::Arrives::kHalf},
                         {ENOSPC, true, FaultyFiles::Arrives::kHalf}};

// Runs with a fault at each operation in turn, on what `prepare` puts into a directory, and checks what is left.
void FailAtEach(int operations, absl::FunctionRef<std::vector<uint64_t>(const std::string& directory)> prepare) {
  for (const Fault& fault : kFaults) {
    for (int failing = 0; failing < operations; ++failing) {
      INFO("operation " << failing << " fails with " << fault.error << (fault.stays ? ", and all that follow" : "")
                        << ", arrives " << static_cast<int>(fault.arrives));
      TemporaryDirectory directory;
      std::vector<uint64_t> acknowledged = prepare(directory.path());
      FaultyFiles files(fault.arrives);
      std::atomic<int> operation = 0;
      files.SetJudge([&](Operation, const std::string&) {
        const int number = operation++;
        return number == failing || (fault.stays && number > failing) ? fault.error : 0;
      });
      for (uint64_t id : RunOnce(directory.store(), files)) acknowledged.push_back(id);
      CheckStore(directory.store(), acknowledged);
    }
  }
}

TEST_CASE("whichever operation on the disk fails, what was acknowledged is there after the next start") {
  spdlog::set_level(spdlog::level::off);
  TemporaryDirectory unharmed;
  const std::map<Operation, int> operations = CountOperations(unharmed.store());
  for (const Operation operation :
       {Operation::kCreate, Operation::kRename, Operation::kRemove, Operation::kSyncDirectory,
        Operation::kEnsureDirectory, Operation::kWrite, Operation::kSync, Operation::kTruncate, Operation::kAllocate}) {
    INFO(static_cast<int>(operation));
    CHECK(operations.count(operation) == 1);
  }
  REQUIRE(Total(operations) > 60);
  FailAtEach(Total(operations), [](const std::string&) { return std::vector<uint64_t>(); });
  spdlog::set_level(spdlog::level::info);
}

TEST_CASE("whichever operation fails while a store that was cut off is recovered, the next start recovers it") {
  spdlog::set_level(spdlog::level::off);
  TemporaryDirectory cut_off;
  std::vector<uint64_t> acknowledged;
  {
    // The disk fails within a block, while calls are open.
    FaultyFiles files;
    int blocks = 0;
    bool failed = false;
    files.SetJudge([&](Operation operation, const std::string& path) {
      if (operation == Operation::kWrite && path.ends_with("/log/next.new")) ++blocks;
      failed = failed || blocks == 12;
      return failed ? EIO : 0;
    });
    acknowledged = RunOnce(cut_off.store(), files);
    REQUIRE(acknowledged.size() > 3);
    REQUIRE(acknowledged.size() < kCalls - kCalls / 5);
  }
  const auto copy = [&](const std::string& directory) {
    std::filesystem::copy(cut_off.path(), directory, std::filesystem::copy_options::recursive);
    return acknowledged;
  };
  TemporaryDirectory unharmed;
  copy(unharmed.path());
  const std::map<Operation, int> operations = CountOperations(unharmed.store());
  CHECK(operations.count(Operation::kOpen) == 1);
  FailAtEach(Total(operations), copy);
  spdlog::set_level(spdlog::level::info);
}

TEST_CASE("a disk on which every operation takes its time changes nothing") {
  spdlog::set_level(spdlog::level::off);
  TemporaryDirectory directory;
  FaultyFiles files;
  files.SetJudge([](Operation, const std::string&) {
    absl::SleepFor(absl::Milliseconds(3));
    return 0;
  });
  const std::vector<uint64_t> acknowledged = RunOnce(directory.store(), files);
  CHECK(acknowledged.size() == kCalls - kCalls / 5);
  CheckStore(directory.store(), acknowledged);
  spdlog::set_level(spdlog::level::info);
}

TEST_CASE("when the disk is full new calls are refused, open ones end and are recorded, and space brings calls back") {
  TemporaryDirectory directory;
  FaultyFiles files;
  std::atomic<bool> full = false;
  files.SetJudge([&](Operation operation, const std::string& path) {
    const bool log = path.find("/log/") != std::string::npos;
    return full && log && operation == Operation::kAllocate ? ENOSPC : 0;
  });
  RecorderOptions options;
  options.directory = directory.store();
  options.reserve_per_call = 64 << 10;
  auto opened = OpenLogRecorder(options, files);
  REQUIRE(opened.ok());
  Recorder& recorder = **opened;
  const std::string payload(100'000, 'p');
  const auto start = [&](uint64_t id) {
    EntryBatch batch = recorder.NewBatch(id);
    batch.AddStart(absl::Now(), StartOf("/a.B/Stream"));
    return batch;
  };
  const auto finish = [&](uint64_t id) {
    EntryBatch batch = recorder.NewBatch(id);
    batch.AddEnd(absl::Now(), CallEnd());
    return batch;
  };
  std::vector<uint64_t> open;
  for (int i = 0; i < 50; ++i) {
    open.push_back(recorder.NewCallId(absl::Now()));
    REQUIRE(AppendDurably(recorder, start(open.back())).ok());
  }
  full = true;
  // Calls go on beginning until what is reserved for those that are open would be touched.
  uint64_t refused = 0;
  std::mt19937_64 random(1);
  while (refused == 0) {
    REQUIRE(open.size() < 100'000);
    const uint64_t id = recorder.NewCallId(absl::Now());
    EntryBatch batch = start(id);
    std::string noise(payload.size(), '\0');
    for (char& c : noise) c = static_cast<char>(random());
    batch.AddFrame(absl::Now(), Direction::kRequest, 0, false, {noise});
    BlockingWaiter waiter;
    const Appended appended = recorder.Append(std::move(batch), Until::kDurable, &waiter);
    if (appended == Appended::kNoSpace) {
      refused = id;
    } else {
      REQUIRE(appended == Appended::kPending);
      REQUIRE(waiter.Wait().ok());
      open.push_back(id);
    }
  }
  CHECK(recorder.Health().ok());
  CHECK(recorder.Stats().calls_refused == 1);
  for (uint64_t id : open) REQUIRE(AppendDurably(recorder, finish(id)).ok());
  full = false;
  // The writer looks for space with every block and once a second.
  uint64_t again = 0;
  const absl::Time give_up = absl::Now() + absl::Seconds(30);
  while (true) {
    REQUIRE(absl::Now() < give_up);
    again = recorder.NewCallId(absl::Now());
    BlockingWaiter waiter;
    if (recorder.Append(start(again), Until::kDurable, &waiter) != Appended::kNoSpace) {
      REQUIRE(waiter.Wait().ok());
      break;
    }
    std::this_thread::yield();
  }
  REQUIRE(AppendDurably(recorder, finish(again)).ok());
  REQUIRE(recorder.Flush().ok());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  for (uint64_t id : open) CHECK((*reader)->Call(id)->end_reason == v1::END_REASON_COMPLETED);
  CHECK(absl::IsNotFound((*reader)->Call(refused).status()));
  CHECK((*reader)->Call(again)->end_reason == v1::END_REASON_COMPLETED);
}

}  // namespace
}  // namespace sallyport::recorder
