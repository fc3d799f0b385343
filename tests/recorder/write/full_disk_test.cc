// A disk that fills up while calls are open: none of them is lost, whatever they carry, and it passes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "recorder/log/block.h"
#include "recorder/write/log_recorder.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"
#include "tests/recorder/write/small_disk.h"

namespace sallyport::recorder {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

// What cannot be compressed.
std::string Noise(size_t size) {
  static std::mt19937_64 random(1);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  return noise;
}

// A recorder on a small disk, and what a gateway does with it.
class FullDisk {
 public:
  explicit FullDisk(uint64_t bytes, uint64_t segment_bytes = 4 << 20) : disk(bytes) {
    options_.directory = directory_.store();
    options_.segment_bytes = segment_bytes;
    options_.buffer_bytes = 4 << 20;
    auto opened = OpenLogRecorder(options_, disk);
    REQUIRE(opened.ok());
    recorder = *std::move(opened);
  }

  uint64_t Start() {
    const uint64_t id = recorder->NewCallId(absl::Now());
    REQUIRE(AppendDurably(*recorder, StartOfCall(id)).ok());
    return id;
  }
  EntryBatch StartOfCall(uint64_t id) {
    EntryBatch batch = recorder->NewBatch(id);
    batch.AddStart(absl::Now(), StartOf("/a.B/Stream"));
    return batch;
  }
  EntryBatch FrameOf(uint64_t id, std::string_view payload) {
    EntryBatch batch = recorder->NewBatch(id);
    batch.AddFrame(absl::Now(), Direction::kRequest, frames[id].size(), false, {payload});
    return batch;
  }
  EntryBatch EndOf(uint64_t id, size_t trailer_bytes = 0) {
    EntryBatch batch = recorder->NewBatch(id);
    CallEnd end;
    end.request_frames = frames[id].size();
    for (size_t size : frames[id]) end.request_bytes += size;
    const std::string noise = Noise(trailer_bytes);
    std::vector<Metadatum> trailers;
    if (trailer_bytes != 0) trailers.push_back({"noise-bin", noise});
    end.trailers = trailers;
    batch.AddEnd(absl::Now(), end);
    return batch;
  }

  // How an append comes out.
  absl::Status Append(EntryBatch batch, Until until) {
    BlockingWaiter waiter;
    switch (recorder->Append(std::move(batch), until, &waiter)) {
      case Appended::kDone:
        return absl::OkStatus();
      case Appended::kPending:
        return waiter.Wait();
      case Appended::kNoSpace:
        return absl::ResourceExhaustedError("no space");
      case Appended::kFailed:
        break;
    }
    return absl::InternalError("failed");
  }
  // Frames of a call until one is refused; how many were taken.
  size_t FillWith(uint64_t id, size_t payload_bytes) {
    while (true) {
      REQUIRE(frames[id].size() < 100'000);
      const absl::Status status = Append(FrameOf(id, Noise(payload_bytes)), Until::kAccepted);
      if (status.ok()) {
        frames[id].push_back(payload_bytes);
        continue;
      }
      REQUIRE(absl::IsResourceExhausted(status));
      return frames[id].size();
    }
  }
  // Waits until new calls are taken, and ends one.
  uint64_t AwaitNewCall() {
    const absl::Time give_up = absl::Now() + kPatience;
    while (true) {
      REQUIRE(absl::Now() < give_up);
      const uint64_t id = recorder->NewCallId(absl::Now());
      const absl::Status status = Append(StartOfCall(id), Until::kDurable);
      if (status.ok()) {
        REQUIRE(Append(EndOf(id), Until::kDurable).ok());
        return id;
      }
      REQUIRE(absl::IsResourceExhausted(status));
      std::this_thread::yield();
    }
  }
  // The store is closed and looked through.
  void CheckCompleted(const std::vector<uint64_t>& calls) {
    REQUIRE(recorder->Health().ok());
    REQUIRE(recorder->Flush().ok());
    CHECK(recorder->Stats().calls_open == 0);
    CHECK(recorder->Stats().bytes_waiting == 0);
    recorder.reset();
    auto reader = RecordReader::Open(options_.directory);
    REQUIRE(reader.ok());
    for (uint64_t id : calls) {
      auto call = (*reader)->Call(id);
      REQUIRE(call.ok());
      CHECK(call->end_reason == v1::END_REASON_COMPLETED);
    }
    reader->reset();
    CheckVerifies(options_.directory);
  }
  size_t FramesRecorded(uint64_t id) {
    auto reader = RecordReader::Open(options_.directory);
    REQUIRE(reader.ok());
    const std::vector<v1::Entry> entries = EntriesOf(**reader, id);
    return static_cast<size_t>(
        std::count_if(entries.begin(), entries.end(), [](const v1::Entry& entry) { return entry.has_frame(); }));
  }

 private:
  TemporaryDirectory directory_;
  RecorderOptions options_;

 public:
  SmallDisk disk;
  std::unique_ptr<Recorder> recorder;
  std::map<uint64_t, std::vector<size_t>> frames;  // of each call, the sizes of those that were taken
};

TEST_CASE("frames of open calls are refused before they touch what the ends of open calls need") {
  // In one segment, and where each is full many times over.
  for (const uint64_t segment_bytes : {uint64_t{64} << 20, uint64_t{1} << 20}) {
    for (const size_t payload : {size_t{100}, size_t{10'000}, size_t{300'000}}) {
      INFO("segments of " << segment_bytes << ", payloads of " << payload);
      FullDisk full(8 << 20, segment_bytes);
      std::vector<uint64_t> open(40);
      for (uint64_t& id : open) id = full.Start();
      full.disk.Fill();
      CHECK(full.FillWith(open[0], payload) > 0);
      const size_t frames = full.FillWith(open[0], 100);
      CHECK(full.recorder->Health().ok());
      CHECK(absl::IsResourceExhausted(
          full.Append(full.StartOfCall(full.recorder->NewCallId(absl::Now())), Until::kDurable)));
      for (uint64_t id : open) REQUIRE(full.Append(full.EndOf(id), Until::kDurable).ok());
      full.disk.Grow(16 << 20);
      open.push_back(full.AwaitNewCall());
      full.CheckCompleted(open);
      CHECK(full.FramesRecorded(open[0]) == frames);
    }
  }
}

TEST_CASE("everybody who waits is told when the disk fills up under a burst, and what was taken is recorded") {
  FullDisk full(8 << 20);
  std::vector<uint64_t> calls(160);
  for (uint64_t& id : calls) id = full.Start();
  const std::string noise = Noise(200'000);
  std::vector<std::unique_ptr<BlockingWaiter>> waiters;
  std::vector<Appended> appended;
  // Four times what there is, far faster than it is written.
  for (size_t i = 0; i < calls.size(); ++i) {
    waiters.push_back(std::make_unique<BlockingWaiter>());
    const Until until = i % 3 == 0 ? Until::kDurable : Until::kAccepted;
    appended.push_back(full.recorder->Append(full.FrameOf(calls[i], noise), until, waiters[i].get()));
    REQUIRE(appended[i] != Appended::kFailed);
  }
  size_t taken = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    bool recorded = appended[i] == Appended::kDone;
    if (appended[i] == Appended::kPending) {
      const absl::Status status = waiters[i]->Wait();
      REQUIRE((status.ok() || absl::IsResourceExhausted(status)));
      recorded = status.ok();
    }
    if (recorded) full.frames[calls[i]].push_back(noise.size());
    taken += recorded ? 1 : 0;
  }
  CHECK(taken > 0);
  CHECK(taken < calls.size());
  for (uint64_t id : calls) REQUIRE(full.Append(full.EndOf(id), Until::kDurable).ok());
  for (size_t i = 0; i < calls.size(); ++i) CHECK(waiters[i]->told() == (appended[i] == Appended::kPending ? 1 : 0));
  full.disk.Grow(16 << 20);
  calls.push_back(full.AwaitNewCall());
  full.CheckCompleted(calls);
  for (uint64_t id : calls) CHECK(full.FramesRecorded(id) == full.frames[id].size());
}

TEST_CASE("calls whose start found no space are not counted as open") {
  FullDisk full(4 << 20);
  const uint64_t id = full.Start();
  full.disk.Fill();
  full.FillWith(id, 100'000);
  const uint64_t before = full.recorder->Stats().calls_refused;
  for (int i = 0; i < 5; ++i) {
    const uint64_t other = full.recorder->NewCallId(absl::Now());
    CHECK(absl::IsResourceExhausted(full.Append(full.StartOfCall(other), Until::kDurable)));
  }
  CHECK(full.recorder->Stats().calls_refused == before + 5);
  CHECK(full.recorder->Stats().calls_open == 1);
  REQUIRE(full.Append(full.EndOf(id), Until::kDurable).ok());
  full.CheckCompleted({id});
}

TEST_CASE("an end that is larger than what is kept for it is refused on a full disk, and a small one taken") {
  FullDisk full(4 << 20);
  const std::vector<uint64_t> open = {full.Start(), full.Start()};
  full.disk.Fill();
  full.FillWith(open[0], 10'000);
  for (uint64_t id : open) {
    CHECK(absl::IsResourceExhausted(full.Append(full.EndOf(id, 1'000'000), Until::kDurable)));
    REQUIRE(full.Append(full.EndOf(id, 1000), Until::kDurable).ok());
  }
  full.CheckCompleted(open);
}

TEST_CASE("a recorder that is closed while its disk is full ends the calls that are open") {
  TemporaryDirectory directory;
  RecorderOptions options;
  options.directory = directory.store();
  SmallDisk disk(4 << 20);
  options.segment_bytes = 4 << 20;
  uint64_t id = 0;
  {
    auto recorder = OpenLogRecorder(options, disk);
    REQUIRE(recorder.ok());
    id = (*recorder)->NewCallId(absl::Now());
    EntryBatch start = (*recorder)->NewBatch(id);
    start.AddStart(absl::Now(), StartOf("/a.B/Stream"));
    const absl::Status begun = AppendDurably(**recorder, std::move(start));
    REQUIRE(begun.ok());
    disk.Fill();
    for (uint64_t i = 0;; ++i) {
      EntryBatch frame = (*recorder)->NewBatch(id);
      const std::string noise = Noise(50'000);
      frame.AddFrame(absl::Now(), Direction::kRequest, i, false, {noise});
      BlockingWaiter waiter;
      const Appended appended = (*recorder)->Append(std::move(frame), Until::kDurable, &waiter);
      if (appended == Appended::kNoSpace || !waiter.Wait().ok()) break;
    }
  }
  auto reader = RecordReader::Open(options.directory);
  REQUIRE(reader.ok());
  CHECK((*reader)->Call(id)->end_reason == v1::END_REASON_INTERRUPTED);
  reader->reset();
  CheckVerifies(options.directory);
}

TEST_CASE("what entries take on disk is never more than is counted for them") {
  for (const uint64_t smallest_part : {uint64_t{0}, uint64_t{100}, uint64_t{16} << 10}) {
    for (const size_t payload : {size_t{0}, size_t{1}, size_t{99}, size_t{100}, size_t{101}, size_t{20'000}}) {
      for (const int frames : {1, 7}) {
        INFO("parts from " << smallest_part << ", " << frames << " payloads of " << payload);
        EntryBatch batch(1, nullptr);
        const std::string noise = Noise(payload);
        for (int i = 0; i < frames; ++i) batch.AddFrame(absl::Now(), Direction::kRequest, 0, false, {noise});
        BlockBuilder builder(FillRandom, smallest_part);
        const std::vector<DirectoryEntry> lines(1);
        builder.Begin(lines);
        REQUIRE(builder.AddEntries(batch.bytes(), static_cast<uint32_t>(frames), 0).ok());
        Aes256Gcm cipher(SecretKey(std::string(SecretKey::kSize, 'k')));
        auto bytes = builder.Finish({}, {}, {}, cipher);
        REQUIRE(bytes.ok());
        CHECK(bytes->size() <= MostStoredSize(batch.bytes().size(), smallest_part));
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::recorder
