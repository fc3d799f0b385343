#include "recorder/verify/verifier.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>

#include "recorder/format/store_layout.h"
#include "tests/recorder/verify/verifier_fixture.h"

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
  // Nor one that the store's key signed as another log's.
  const std::string of_another =
      SignNote(store.keys, store.log.size(), store.log.root(), CheckpointOrigin(stranger.store_id()));
  const VerifyReport report = store.Verify(false, of_another);
  CHECK_FALSE(report.verified());
  CHECK_FALSE(report.against_holds);
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
    // A checkpoint among the deleted leaves can still be compared with, as can one behind them and that of nothing.
    CHECK(store.Verify(false, early).against_holds);
    CHECK(store.Verify(false, store.log.NoteAt(tombstone.deleted(0).end_leaf())).against_holds);
    CHECK(store.Verify(false, store.log.NoteAt(0)).against_holds);
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

// Of a store as it is, with nothing given.
VerifyReport VerifyAlone(const Store& store, const std::string& against = "") {
  VerifyOptions options;
  options.directory = store.directory.store();
  options.against = against;
  const absl::StatusOr<VerifyReport> report = VerifyStore(options);
  INFO(report.status().message());
  REQUIRE(report.ok());
  return *report;
}

bool Says(const VerifyReport& report, std::string_view text) {
  return Findings(report).find(text) != std::string::npos;
}

TEST_CASE("without a key no signature is checked, which is said, and is wrong where one was to be checked") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  const StoreLayout layout(store.directory.store());
  CHECK(VerifyAlone(store).verified());
  CHECK(Says(VerifyAlone(store), "its signature was not checked"));
  CHECK(VerifyAlone(store).checkpoint_key.empty());
  const VerifyReport compared = VerifyAlone(store, store.log.Note());
  CHECK_FALSE(compared.verified());
  CHECK_FALSE(compared.against_holds);
  CHECK(Says(compared, "there is no key to check its signature with"));
  WriteFile(layout.VerifierKey(), KeyOf(store.keys) + "\n");
  CHECK(VerifyAlone(store, store.log.Note()).verified());
  CHECK(VerifyAlone(store).checkpoint_key == KeyOf(store.keys));
  WriteFile(layout.VerifierKey(), KeyOf(FakeStoreKeys('b')) + "\n");
  CHECK(FirstError(VerifyAlone(store)).file == "tree/checkpoint");
  WriteFile(layout.VerifierKey(), "no key\n");
  CHECK(FirstError(VerifyAlone(store)).file == "tree/verifier.key");
}

TEST_CASE("whose store it is says keys/store.key, or, where that is gone, its segments, which must not differ") {
  const bool foreign = GENERATE(false, true);
  Store store;
  store.log.BeginSegment();
  store.log.AddEntries(WholeCall(11));
  store.log.CloseSegment();
  if (foreign) store.log.lies.segment_header = [](SegmentHeader& header) { header.store_id.fill('z'); };
  store.log.BeginSegment();
  store.log.AddEntries(WholeCall(12));
  store.log.Write(store.directory.store());
  const std::string path = StoreLayout(store.directory.store()).StoreKey();
  CHECK(store.Verifies() == !foreign);
  std::filesystem::remove(path);
  CHECK(store.Verifies() == !foreign);
  CHECK(Says(store.Verify(), "which store this is, only the log itself says"));
  CHECK(Says(store.Verify(), "log/00000002.seg, offset 16 to 31: the segment is of another store") == foreign);
  for (const char* const text : {"", "sallyport-key 1\n", "store 61\n", "store zz616161616161616161616161616161\n",
                                 "store 6161616161616161616161616161616A\n"}) {
    WriteFile(path, text);
    CHECK_FALSE(store.Verifies());
    CHECK(Says(store.Verify(), "no line says which store it belongs to"));
  }
}

TEST_CASE("what else lies about and what a crash leaves is noted, and is no error") {
  Store store;
  FillStore(store.log);
  SECTION("a file that is no segment") {
    store.log.Write(store.directory.store());
    WriteFile(StoreLayout(store.directory.store()).LogDirectory() + "/1.seg", "x");
    CHECK(Says(store.Verify(), "log/1.seg: not a segment's name"));
  }
  SECTION("a part of a leaf behind those that are signed") {
    store.log.Write(store.directory.store(), store.log.CheckpointAt(store.log.size() - 1));
    std::filesystem::resize_file(StoreLayout(store.directory.store()).Leaves(), store.log.size() * 32 - 5);
    CHECK(Says(store.Verify(), "it ends within a leaf, as after a crash"));
  }
  CHECK(store.Verifies());
}

TEST_CASE("a data key that is damaged is told") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  store.keys.damaged[2] = true;
  CHECK(store.Verifies(false));
  CHECK(FirstError(store.Verify(true)).file == "keys/00000002.key");
}

TEST_CASE("however much is wrong, so much is listed and all of it counted") {
  constexpr uint64_t kDamaged = 130;
  Store store;
  store.log.BeginSegment();
  for (uint64_t call = 0; call <= kDamaged; ++call) store.log.AddEntries(WholeCall(100 + call));
  store.log.CloseSegment();
  const bool leaves = GENERATE(false, true);
  if (!leaves) {
    for (uint64_t block = 0; block < kDamaged; ++block) {
      const ForgedStore::Block& at = store.log.blocks()[block];
      store.log.segment(1)[at.offset + at.size - 1] ^= 1;
    }
  }
  store.log.Write(store.directory.store());
  if (leaves) {
    const std::string path = StoreLayout(store.directory.store()).Leaves();
    std::string bytes = ReadFile(path);
    for (uint64_t leaf = 0; leaf < kDamaged; ++leaf) bytes[leaf * 32] ^= 1;
    WriteFile(path, bytes);
  }
  for (const size_t most : {size_t{3}, size_t{100}}) {
    VerifyOptions options;
    options.directory = store.directory.store();
    options.verifier_key = KeyOf(store.keys);
    options.max_findings = most;
    const VerifyReport report = VerifyStore(options).value();
    CHECK(report.findings.size() == most);
    CHECK(report.log_errors == kDamaged);
    CHECK(report.findings.size() + report.findings_left_out == kDamaged);
  }
}

TEST_CASE("how far it has come is told, and never more than there is") {
  Store store;
  store.log.BeginSegment();
  std::string payload(12 << 20, ' ');
  uint32_t random = 1;
  for (char& c : payload) c = static_cast<char>((random = random * 1664525 + 1013904223) >> 24);
  for (uint64_t call = 11; call < 13; ++call) store.log.AddEntries(WholeCall(call, payload));
  store.log.Write(store.directory.store());
  std::vector<uint64_t> told;
  VerifyOptions options;
  options.directory = store.directory.store();
  options.verifier_key = KeyOf(store.keys);
  options.progress = [&](const VerifyProgress& progress) {
    CHECK(progress.bytes_total == store.log.segment(1).size());
    CHECK(progress.bytes_done <= progress.bytes_total);
    told.push_back(progress.bytes_done);
  };
  CHECK(VerifyStore(options)->verified());
  CHECK(told.size() >= 2);
  CHECK(std::is_sorted(told.begin(), told.end()));
}

}  // namespace
}  // namespace sallyport::recorder
