// What has to hold over the life of a store: stores of released versions open, nonces never repeat, keys rotate under
// load.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "absl/time/clock.h"
#include "recorder/evidence/evidence.h"
#include "recorder/format/checkpoint.h"
#include "recorder/keys/key_admin.h"
#include "recorder/log/segment_reader.h"
#include "recorder/verify/evidence_check.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;

// A directory for each format that a released version writes: a store with its keyring beside it, and how many calls.
const fs::path kGolden = fs::path(SALLYPORT_SOURCE_DIRECTORY) / "tests" / "golden";

std::vector<CallSummary> ReadableCalls(const std::string& store) {
  auto reader = RecordReader::Open(store);
  INFO(reader.status());
  REQUIRE(reader.ok());
  CHECK((*reader)->LogHealth().ok());
  CallQuery query;
  query.limit = 100'000;
  auto calls = (*reader)->Calls(query);
  REQUIRE(calls.ok());
  for (const CallSummary& call : *calls) {
    if (!call.shredded) CHECK(EntriesOf(**reader, call.id).size() >= 2);
  }
  return *calls;
}

// What the evidence of a call proves, which must be something.
ProvenCall ProvenFrom(const std::string& store, uint64_t id) {
  const StoreLayout layout(store);
  auto keys = StoreKeys::Open(layout, std::nullopt);
  REQUIRE(keys.ok());
  auto reader = RecordReader::Open(store);
  REQUIRE(reader.ok());
  const auto blocks = (*reader)->CallBlocks(id);
  REQUIRE(blocks.ok());
  const auto evidence = BuildCallEvidence(layout, **keys, id, *blocks);
  INFO(evidence.status());
  REQUIRE(evidence.ok());
  const auto key = VerifierKey::Make(CheckpointOrigin((*keys)->store_id()), SignatureType::kEd25519,
                                     (*keys)->signing_key().public_key());
  const auto proven = VerifyEvidence(*evidence, *key);
  INFO(proven.status());
  REQUIRE(proven.ok());
  return std::get<ProvenCall>(proven->about);
}

TEST_CASE("a store of every released format opens, verifies, is found in and can be continued") {
  int formats = 0;
  for (const auto& golden : fs::directory_iterator(kGolden)) {
    if (!golden.is_directory()) continue;
    INFO(golden.path());
    ++formats;
    TemporaryDirectory directory;
    fs::copy(golden.path(), directory.path(), fs::copy_options::recursive);
    // Git keeps no modes, no locks and no empty directories.
    fs::permissions(directory.store() + ".keyring", fs::perms::owner_read | fs::perms::owner_write);
    size_t calls = 0;
    std::ifstream(directory.path() + "/calls") >> calls;
    REQUIRE(calls > 0);
    CHECK(ReadableCalls(directory.store()).size() == calls);
    CheckVerifies(directory.store());
    const bool counts = golden.path().filename() != "format-2";
    size_t proven = 0;
    for (const CallSummary& call : ReadableCalls(directory.store())) {
      if (call.shredded) continue;
      const ProvenCall evidence = ProvenFrom(directory.store(), call.id);
      CHECK(evidence.complete == counts);
      CHECK(evidence.ended);
      ++proven;
    }
    CHECK(proven > calls / 2);
    uint64_t added = 0;
    {
      auto recorder = Recorder::Open({directory.store()});
      INFO(recorder.status());
      REQUIRE(recorder.ok());
      CHECK((*recorder)->Stats().damages == 0);
      added = (*recorder)->NewCallId(absl::Now());
      REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, added, absl::Now(), "/a.B/New")).ok());
    }
    CHECK(ProvenFrom(directory.store(), added).complete);
    CHECK(ReadableCalls(directory.store()).size() == calls + 1);
    CheckVerifies(directory.store());
  }
  CHECK(formats >= 1);
}

// Run once for each released format: lifetime_test "[make-golden]" with the directory in SALLYPORT_GOLDEN.
TEST_CASE("makes a golden store", "[.make-golden]") {
  const char* path = std::getenv("SALLYPORT_GOLDEN");
  REQUIRE(path != nullptr);
  fs::create_directories(path);
  const std::string store = std::string(path) + "/store";
  RecorderOptions options;
  options.directory = store;
  options.segment_bytes = 2000;
  constexpr int kCalls = 24;
  for (int run = 0; run < 3; ++run) {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    REQUIRE((*recorder)->KeepDescriptors("0123456789abcdef", "set").ok());
    for (int i = 0; i < kCalls / 3; ++i) {
      const uint64_t id = (*recorder)->NewCallId(absl::Now());
      EntryBatch call = UnaryCall(**recorder, id, absl::Now(), i % 2 == 0 ? "/a.B/Even" : "/c.D/Odd", i % 3);
      REQUIRE(AppendDurably(**recorder, std::move(call)).ok());
    }
    // One with a payload that stands apart from its entry.
    const uint64_t large = (*recorder)->NewCallId(absl::Now());
    EntryBatch frames = (*recorder)->NewBatch(large);
    const std::string payload(20'000, 'p');
    frames.AddStart(absl::Now(), StartOf("/a.B/Large"));
    frames.AddFrame(absl::Now(), Direction::kRequest, 0, false, {payload});
    CallEnd end;
    end.request_frames = 1;
    end.request_bytes = payload.size();
    frames.AddEnd(absl::Now(), end);
    REQUIRE(AppendDurably(**recorder, std::move(frames)).ok());
    // One that the gateway ends when it stops.
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    EntryBatch open = (*recorder)->NewBatch(id);
    open.AddStart(absl::Now(), StartOf("/a.B/Open"));
    REQUIRE(AppendDurably(**recorder, std::move(open)).ok());
  }
  REQUIRE(ShredSegment(StoreLayout(store), 2, RealFileSystem()).ok());
  std::ofstream(std::string(path) + "/calls") << kCalls + 6 << "\n";
  CheckVerifies(store);
}

TEST_CASE("no nonce is ever used twice with a key, however often the gateway starts or is rolled back") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  std::set<std::string> used;
  size_t sealed = 0;
  const auto collect = [&] {
    auto keys = StoreKeys::Open(layout, std::nullopt);
    REQUIRE(keys.ok());
    const auto segments = ListSegments(layout);
    REQUIRE(segments.ok());
    for (uint64_t number : *segments) {
      auto segment = SegmentReader::Open(layout, **keys, number);
      REQUIRE(segment.ok());
      const KeyId id = segment->header().key_id;
      const std::string secret((*keys)->OpenDataKey(number)->key.bytes());
      REQUIRE(segment
                  ->WalkDirectories([&](const Block& block) {
                    if (block.header.seal == Seal::kNone) return absl::OkStatus();
                    ++sealed;
                    const auto& nonce = block.header.nonce;
                    used.insert(secret + std::string(id.data(), id.size()) + std::string(nonce.data(), nonce.size()));
                    return absl::OkStatus();
                  })
                  .ok());
    }
  };
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = 1500;
  for (int start = 0; start < 20; ++start) {
    // Every start after the first goes on from the same old copy, as after a restored snapshot.
    if (start == 1) fs::copy(directory.store(), directory.path() + "/snapshot", fs::copy_options::recursive);
    if (start > 1) {
      fs::remove_all(directory.store());
      fs::copy(directory.path() + "/snapshot", directory.store(), fs::copy_options::recursive);
    }
    {
      auto recorder = Recorder::Open(options);
      REQUIRE(recorder.ok());
      for (int i = 0; i < 6; ++i) {
        const uint64_t id = (*recorder)->NewCallId(absl::UnixEpoch());
        REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::UnixEpoch(), "/a.B/C")).ok());
      }
    }
    if (start == 0) continue;  // in all that follow
    collect();
  }
  // The blocks of the snapshot come again with each copy; all others are new.
  const size_t of_snapshot = 6;
  CHECK(used.size() == sealed - 18 * of_snapshot);
}

TEST_CASE("keys rotated, wrapped again and segments shredded under load lose no call, and the store verifies") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = 20'000;
  std::set<uint64_t> ids;
  {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    std::atomic<bool> stop = false;
    std::vector<std::vector<uint64_t>> acknowledged(3);
    std::vector<std::thread> threads;
    for (auto& mine : acknowledged) {
      threads.emplace_back([&] {
        while (!stop) {
          const uint64_t id = (*recorder)->NewCallId(absl::Now());
          if (AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/C")).ok()) mine.push_back(id);
        }
      });
    }
    for (int round = 0; round < 3; ++round) {
      const uint64_t before = (*recorder)->Stats().housekeepings;
      REQUIRE(RotateKeyring(layout, std::nullopt, absl::Now(), RealFileSystem()).ok());
      // Seen in the next round but one at the latest.
      const absl::Time give_up = absl::Now() + absl::Seconds(30);
      while ((*recorder)->Stats().housekeepings < before + 2) {
        REQUIRE(absl::Now() < give_up);
        std::this_thread::yield();
      }
      REQUIRE(RewrapKeys(layout, std::nullopt, round == 2 ? UnusedKeys::kDrop : UnusedKeys::kKeep, RealFileSystem(),
                         [](uint64_t, uint64_t) {})
                  .ok());
    }
    stop = true;
    for (std::thread& thread : threads) thread.join();
    CHECK((*recorder)->Health().ok());
    for (const auto& mine : acknowledged) ids.insert(mine.begin(), mine.end());
  }
  auto status = ReadKeysStatus(layout, std::nullopt);
  REQUIRE(status.ok());
  CHECK(status->key_encryption_keys.size() == 1);
  uint64_t oldest_segment = 0;
  {
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    for (uint64_t id : ids) REQUIRE((*reader)->Call(id).ok());
    CHECK(EntriesOf(**reader, *ids.begin()).size() == 6);
    CHECK(EntriesOf(**reader, *ids.rbegin()).size() == 6);
    // A rotation may have ended the first segment before there was a call in it.
    oldest_segment = (*reader)->CallBlocks(*ids.begin())->front().segment();
  }
  CheckVerifies(directory.store());
  // Shredded while a gateway runs: listed as such, and everything still verifies.
  {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    REQUIRE(ShredSegment(layout, oldest_segment, RealFileSystem()).ok());
    const uint64_t before = (*recorder)->Stats().housekeepings;
    const absl::Time give_up = absl::Now() + absl::Seconds(30);
    while ((*recorder)->Stats().housekeepings < before + 2) {
      REQUIRE(absl::Now() < give_up);
      std::this_thread::yield();
    }
    REQUIRE((*recorder)->Flush().ok());
    auto reader = RecordReader::Open(directory.store());
    REQUIRE(reader.ok());
    CHECK((*reader)->Call(*ids.begin())->shredded);
    CHECK_FALSE((*reader)->Call(*ids.rbegin())->shredded);
  }
  CheckVerifies(directory.store());
}

// Blocks until the recorder has looked after the house twice more.
void WaitForHousekeeping(Recorder& recorder) {
  const uint64_t before = recorder.Stats().housekeepings;
  const absl::Time give_up = absl::Now() + absl::Seconds(30);
  while (recorder.Stats().housekeepings < before + 2) {
    REQUIRE(absl::Now() < give_up);
    std::this_thread::yield();
  }
}

TEST_CASE("a keyring that vanishes stops no call, is told, and is used again when it is back") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  const std::string keyring = layout.DefaultKeyring();
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = 3000;
  std::vector<uint64_t> ids;
  {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    const auto record = [&] {
      for (int i = 0; i < 20; ++i) {
        ids.push_back((*recorder)->NewCallId(absl::Now()));
        REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, ids.back(), absl::Now(), "/a.B/C")).ok());
      }
    };
    record();
    const size_t segments = ListSegments(layout)->size();
    REQUIRE(segments > 2);
    WaitForHousekeeping(**recorder);
    CHECK((*recorder)->Stats().keys.ok());
    fs::rename(keyring, keyring + ".away");
    record();
    WaitForHousekeeping(**recorder);
    CHECK((*recorder)->Health().ok());
    const absl::Status keys = (*recorder)->Stats().keys;
    INFO(keys);
    CHECK_FALSE(keys.ok());
    CHECK(std::string(keys.message()).find(keyring) != std::string::npos);
    // None of the segments has a key that only this process could unwrap.
    CHECK(ListSegments(layout)->size() == segments);
    // Rotated while it was away.
    fs::rename(keyring + ".away", keyring);
    REQUIRE(RotateKeyring(layout, std::nullopt, absl::Now(), RealFileSystem()).ok());
    WaitForHousekeeping(**recorder);
    CHECK((*recorder)->Stats().keys.ok());
    CHECK(ListSegments(layout)->size() == segments + 1);
    fs::rename(keyring, keyring + ".away");
    record();
    // It stops in good order, too.
  }
  const absl::Status refused = Recorder::Open(options).status();
  CHECK(absl::IsFailedPrecondition(refused));
  CHECK(std::string(refused.message()).find(keyring) != std::string::npos);
  fs::rename(keyring + ".away", keyring);
  REQUIRE(Recorder::Open(options).ok());
  auto reader = RecordReader::Open(directory.store());
  REQUIRE(reader.ok());
  for (uint64_t id : ids) CHECK(EntriesOf(**reader, id).size() == 6);
  reader->reset();
  CheckVerifies(directory.store());
}

}  // namespace
}  // namespace sallyport::recorder
