#include "recorder/verify/verifier.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>

#include "recorder/format/store_layout.h"
#include "tests/recorder/verifier_fixture.h"

namespace sallyport::recorder {
namespace {

TEST_CASE("a good store is verified, with keys and without, by one thread and by several") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  for (const bool with_keys : {false, true}) {
    for (const int jobs : {1, 3}) {
      VerifyOptions options;
      options.directory = store.directory.store();
      options.verifier_key = KeyOf(store.keys);
      options.jobs = jobs;
      if (with_keys) options.keys = &store.keys;
      const absl::StatusOr<VerifyReport> report = VerifyStore(options);
      REQUIRE(report.ok());
      INFO(Findings(*report));
      CHECK(report->verified());
      CHECK(report->findings.empty());
      CHECK(report->segments == 3);
      CHECK(report->blocks == 9);
      CHECK(report->leaves == 12);
      CHECK(report->root == store.log.root());
      CHECK(report->checkpoint_size == 12);
      CHECK(report->calls == (with_keys ? 5 : 0));
      CHECK(report->opened_blocks == (with_keys ? 7 : 0));
    }
  }
}

TEST_CASE("a log extends the checkpoints it has been through, and no others") {
  Store store;
  store.log.BeginSegment();
  std::vector<std::string> checkpoints = {store.log.Note()};
  for (uint64_t call = 20; call < 40; ++call) {
    store.log.AddEntries(WholeCall(call));
    checkpoints.push_back(store.log.Note());
    if (call % 5 != 0) continue;
    store.log.CloseSegment();
    checkpoints.push_back(store.log.Note());
    store.log.BeginSegment();
    checkpoints.push_back(store.log.Note());
  }
  store.log.Write(store.directory.store());
  for (const std::string& checkpoint : checkpoints) CHECK(store.Verify(false, checkpoint).against_holds);
  CHECK(!store.Verifies(false, SignNote(store.keys, 5, Sha256({"another past"}))));
  const FakeStoreKeys stranger('s');
  CHECK(!store.Verifies(false, SignNote(stranger, store.log.size(), store.log.root())));
}

TEST_CASE("what a crash leaves at the end of the log is no error, and the same before the checkpoint is") {
  Store store;
  FillStore(store.log);
  const std::string before = store.log.CheckpointAt(store.log.size());
  const uint64_t end = store.log.segment(3).size();
  store.log.AddEntries(WholeCall(16));
  std::string& bytes = store.log.segment(3);
  const std::string whole = bytes;
  for (size_t size = end; size <= whole.size(); size += 7) {
    bytes = whole.substr(0, size);
    store.log.Write(store.directory.store(), before);
    std::filesystem::resize_file(StoreLayout(store.directory.store()).Leaves(), (store.log.size() - 1) * 32);
    INFO(size);
    CHECK(store.Verifies());
  }
  bytes = whole.substr(0, end) + std::string(5000, '\0');
  store.log.Write(store.directory.store(), before);
  std::filesystem::resize_file(StoreLayout(store.directory.store()).Leaves(), (store.log.size() - 1) * 32);
  CHECK(store.Verify().findings.empty());
  // But a hole with a block behind it is none that a crash leaves.
  bytes = whole;
  bytes[end - 10] = static_cast<char>(bytes[end - 10] ^ 1);
  store.log.Write(store.directory.store(), store.log.CheckpointAt(3));
  CHECK(!store.Verifies());
}

TEST_CASE("a damaged block does not keep the blocks behind it from being checked") {
  Store store;
  FillStore(store.log);
  for (const int block : {0, 2}) {
    std::string& bytes = store.log.segment(1);
    const size_t at = store.log.blocks()[block].offset + store.log.blocks()[block].size - 1;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
  }
  store.log.Write(store.directory.store());
  const VerifyReport report = store.Verify();
  CHECK(report.findings.size() == 2);
  CHECK(report.root == store.log.root());
}

TEST_CASE("segments that a tombstone accounts for may be gone, and no others") {
  Store store;
  FillStore(store.log);
  const std::string early = store.log.NoteAt(3);
  v1::Tombstone tombstone;
  store.log.Delete(1, tombstone);
  SECTION("with its tombstone") {
    store.log.AddTombstone(tombstone);
    store.log.AddEntries(WholeCall(17));
    store.log.CloseSegment();
    store.log.Write(store.directory.store());
    for (const bool with_keys : {false, true}) {
      const VerifyReport report = store.Verify(with_keys);
      INFO(Findings(report));
      CHECK(report.verified());
      CHECK(report.deleted_segments == 1);
      CHECK(report.root == store.log.root());
    }
    // A checkpoint among the deleted leaves can still be compared with.
    CHECK(store.Verify(false, early).against_holds);
  }
  SECTION("without one") {
    store.log.Write(store.directory.store());
    CHECK(!store.Verifies());
  }
  SECTION("with one that lies about the leaves") {
    (*tombstone.mutable_deleted(0)->mutable_nodes(0))[0] ^= 1;
    store.log.AddTombstone(tombstone);
    store.log.Write(store.directory.store());
    CHECK(!store.Verifies());
  }
  SECTION("with one that claims more than was there") {
    tombstone.mutable_deleted(0)->set_end_sequence(1000);
    store.log.AddTombstone(tombstone);
    store.log.Write(store.directory.store());
    CHECK(!store.Verifies());
  }
}

TEST_CASE("a shredded segment is noted and the log still verifies") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  store.keys.destroyed[1] = true;
  const StoreLayout layout(store.directory.store());
  std::filesystem::create_directories(layout.KeysDirectory());
  std::ofstream(layout.DestroyedDataKey(1)).close();
  const VerifyReport report = store.Verify(true);
  INFO(Findings(report));
  CHECK(report.verified());
  CHECK(report.shredded_segments == 1);
  CHECK(report.calls == 2);
}

TEST_CASE("with keys, calls that do not hold together are found in a log that does") {
  Store store;
  store.log.BeginSegment();
  std::vector<v1::Entry> entries = WholeCall(21);
  SECTION("a frame is missing") { entries.erase(entries.begin() + 1); }
  SECTION("the order of frames is wrong") { entries[1].mutable_frame()->set_index(1); }
  SECTION("the end counts wrong") { entries[3].mutable_end()->set_response_bytes(3); }
  SECTION("it starts twice") { entries.insert(entries.begin(), entries[0]); }
  SECTION("it never started") { entries.erase(entries.begin()); }
  store.log.AddEntries(entries);
  store.log.CloseSegment();
  store.log.Write(store.directory.store());
  CHECK(store.Verifies(false));
  CHECK(!store.Verifies(true));
}

TEST_CASE("a directory that leaves out or invents an earlier block is found without keys") {
  // The writer forgets where call 31 was last: a chain that skips a block.
  Store store;
  store.log.BeginSegment();
  store.log.AddEntries({StartEntry(31)});
  const ForgedStore::Block second = store.log.AddEntries({FrameEntry(31, v1::DIRECTION_REQUEST, 0, "a")});
  SECTION("skipped") { store.log.Relink(31, Position(1, kSegmentHeaderSize)); }
  SECTION("invented") { store.log.Relink(31, Position(1, second.offset + 8)); }
  store.log.AddEntries({EndEntry(31, 1, 0, 1, 0)});
  store.log.Write(store.directory.store());
  const Finding error = FirstError(store.Verify());
  CHECK(error.offset == store.log.blocks()[2].offset + kBlockHeaderSize + 8);
}

}  // namespace
}  // namespace sallyport::recorder
