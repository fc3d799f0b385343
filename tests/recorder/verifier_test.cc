#include "recorder/evidence/verifier.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "absl/strings/str_cat.h"
#include "recorder/evidence/checkpoint.h"
#include "recorder/store_layout.h"
#include "tests/recorder/forged_store.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

std::string KeyOf(const StoreKeys& keys) {
  return VerifierKey::Make(CheckpointOrigin(keys.store_id()), SignatureType::kEd25519, keys.signing_key().public_key())
      ->Text();
}

// Two closed segments and one that is still written, with calls in one block, over several and over segments.
void FillStore(ForgedStore& store, std::string_view payload = "payload") {
  store.BeginSegment();
  store.AddEntries(WholeCall(11, payload));
  store.AddEntries({StartEntry(12), FrameEntry(12, v1::DIRECTION_REQUEST, 0, "one")});
  std::vector<v1::Entry> mixed = WholeCall(13, std::string(2000, 'x'));
  mixed.push_back(FrameEntry(12, v1::DIRECTION_REQUEST, 1, "two"));
  store.AddEntries(mixed);
  store.CloseSegment();
  store.BeginSegment();
  store.AddEntries({FrameEntry(12, v1::DIRECTION_RESPONSE, 0, "three"), StartEntry(14)});
  store.AddEntries({EndEntry(12, 2, 1, 6, 5)});
  store.CloseSegment();
  store.BeginSegment();
  store.AddEntries({EndEntry(14, 0, 0, 0, 0)});
  store.AddEntries(WholeCall(15));
}

struct Store {
  explicit Store(char seed = 'a') : keys(seed), log(keys) {}

  VerifyReport Verify(bool with_keys = false, const std::string& against = "") {
    VerifyOptions options;
    options.directory = directory.store();
    options.verifier_key = KeyOf(keys);
    options.against = against;
    if (with_keys) options.keys = &keys;
    const absl::StatusOr<VerifyReport> report = VerifyStore(options);
    INFO(report.status().message());
    REQUIRE(report.ok());
    return *report;
  }
  bool Verifies(bool with_keys = false, const std::string& against = "") {
    return Verify(with_keys, against).verified();
  }
  std::string path(uint64_t segment) const { return StoreLayout(directory.store()).Segment(segment); }

  TemporaryDirectory directory;
  FakeStoreKeys keys;
  ForgedStore log;
};

std::string Findings(const VerifyReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) absl::StrAppend(&text, finding.Line(), "\n");
  return text;
}

// The first error.
Finding FirstError(const VerifyReport& report) {
  REQUIRE(!report.verified());
  return report.findings.front();
}

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

TEST_CASE("every byte of the log and of the tree that is flipped is found, and named where a checksum covers it") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  const StoreLayout layout(store.directory.store());
  size_t named = 0;
  size_t flipped = 0;
  for (const std::string& path :
       {layout.Segment(1), layout.Segment(2), layout.Segment(3), layout.Leaves(), layout.Checkpoint()}) {
    const std::string good = ReadFile(path);
    for (size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      WriteFile(path, bad);
      const VerifyReport report = store.Verify();
      INFO(path << " byte " << i);
      CHECK(!report.verified());
      ++flipped;
      if (!report.verified() && report.findings.front().length == 1 && report.findings.front().offset == i) ++named;
      // Never names a place behind the bad byte.
      if (!report.verified() && path.ends_with(".seg")) {
        CHECK(report.findings.front().offset <= i);
        CHECK((report.findings.front().length == 0 ||
               i < report.findings.front().offset + report.findings.front().length));
      }
    }
    WriteFile(path, good);
  }
  CHECK(store.Verifies());
  INFO(named << " of " << flipped);
  CHECK(named * 2 > flipped);
}

// What a variable of the environment says, or `otherwise`.
int FromEnvironment(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoi(value);
}

// flip_soak.sh runs it with more flips on a larger store.
TEST_CASE("random bytes of a larger store that are flipped are found, each alone") {
  const int flips = FromEnvironment("SALLYPORT_FLIPS", 200);
  const int blocks = FromEnvironment("SALLYPORT_FLIP_BLOCKS", 50);
  std::mt19937_64 random(20260102);
  Store store;
  uint64_t call = 100;
  for (int segment = 0; segment < 4; ++segment) {
    store.log.BeginSegment();
    for (int block = 0; block < blocks; ++block) {
      std::string payload(10000, ' ');
      for (char& c : payload) c = static_cast<char>(random());
      store.log.AddEntries(WholeCall(++call, payload));
    }
    store.log.CloseSegment();
  }
  store.log.Write(store.directory.store());
  REQUIRE(store.Verifies());
  const StoreLayout layout(store.directory.store());
  std::vector<std::pair<std::string, uint64_t>> files;
  uint64_t total = 0;
  for (const std::string& path : {layout.Segment(1), layout.Segment(2), layout.Segment(3), layout.Segment(4),
                                  layout.Leaves(), layout.Checkpoint()}) {
    files.emplace_back(path, std::filesystem::file_size(path));
    total += files.back().second;
  }
  for (int i = 0; i < flips; ++i) {
    uint64_t at = random() % total;
    size_t file = 0;
    while (at >= files[file].second) at -= files[file++].second;
    std::fstream stream(files[file].first, std::ios::in | std::ios::out | std::ios::binary);
    const auto flip = [&](int bit) {
      stream.seekg(static_cast<std::streamoff>(at));
      const int byte = stream.get();
      stream.seekp(static_cast<std::streamoff>(at));
      stream.put(static_cast<char>(byte ^ (1 << bit)));
      stream.flush();
    };
    const int bit = static_cast<int>(random() % 8);
    flip(bit);
    INFO(files[file].first << " byte " << at << " bit " << bit);
    CHECK(!store.Verifies());
    flip(bit);
  }
  CHECK(store.Verifies());
  WARN(flips << " flips in " << total << " bytes");
}

TEST_CASE("the last segment cut anywhere, and any other file of the log or tree cut, is found") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  const StoreLayout layout(store.directory.store());
  for (const std::string& path :
       {layout.Segment(1), layout.Segment(2), layout.Segment(3), layout.Leaves(), layout.Checkpoint()}) {
    const std::string good = ReadFile(path);
    for (size_t size = 0; size < good.size(); ++size) {
      WriteFile(path, good.substr(0, size));
      if (store.Verifies()) FAIL_CHECK(path << " cut to " << size);
    }
    WriteFile(path, good);
  }
  CHECK(store.Verifies());
}

TEST_CASE("segments that were swapped, dropped, duplicated or renamed are found") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  const std::string spare = store.directory.path() + "/spare";
  SECTION("two swapped") {
    std::filesystem::rename(store.path(1), spare);
    std::filesystem::rename(store.path(2), store.path(1));
    std::filesystem::rename(spare, store.path(2));
  }
  SECTION("one in the middle dropped") { std::filesystem::remove(store.path(2)); }
  SECTION("one in the middle dropped, and the next put in its place") {
    std::filesystem::rename(store.path(3), store.path(2));
  }
  SECTION("one duplicated behind the last") { std::filesystem::copy_file(store.path(2), store.path(4)); }
  SECTION("one duplicated over another") {
    std::filesystem::copy_file(store.path(1), store.path(2), std::filesystem::copy_options::overwrite_existing);
  }
  SECTION("all dropped") {
    for (uint64_t segment : {1, 2, 3}) std::filesystem::remove(store.path(segment));
  }
  CHECK(!store.Verifies());
  CHECK(!store.Verifies(true));
}

TEST_CASE("a log with calls whose checkpoint was taken away, or is another log's, does not verify") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  const StoreLayout layout(store.directory.store());
  SECTION("taken away") { std::filesystem::remove(layout.Checkpoint()); }
  SECTION("with all of the tree") { std::filesystem::remove_all(layout.TreeDirectory()); }
  SECTION("another log's") {
    Store other('b');
    FillStore(other.log);
    WriteFile(layout.Checkpoint(), other.log.CheckpointAt(other.log.size()));
  }
  const Finding error = FirstError(store.Verify());
  CHECK(error.file.starts_with("tree/"));
}

TEST_CASE("a store that was begun and never served needs no checkpoint") {
  Store store;
  store.log.BeginSegment();
  store.log.CloseSegment();
  store.log.BeginSegment();
  store.log.Write(store.directory.store());
  std::filesystem::remove_all(StoreLayout(store.directory.store()).TreeDirectory());
  CHECK(store.Verifies());
}

TEST_CASE("blocks that were swapped, dropped, duplicated or put elsewhere are found") {
  Store store;
  FillStore(store.log);
  const ForgedStore::Block first = store.log.blocks()[0];
  const ForgedStore::Block second = store.log.blocks()[1];
  std::string& bytes = store.log.segment(1);
  const std::string good = bytes;
  const std::string head = good.substr(0, first.offset);
  const std::string one = good.substr(first.offset, first.size);
  const std::string two = good.substr(second.offset, second.size);
  const std::string rest = good.substr(second.offset + second.size);
  for (const std::string& bad :
       {head + two + one + rest, head + one + rest, head + two + rest, head + one + one + two + rest,
        head + one + two + two + rest, good + one, good.substr(0, good.size() - 1), good + '\0', head, std::string(),
        head + rest + one + two, head + one + two, good.substr(0, good.size() - kFooterBodySize - kBlockHeaderSize)}) {
    bytes = bad;
    store.log.Write(store.directory.store());
    const VerifyReport report = store.Verify();
    CHECK(FirstError(report).segment == 1);
  }
}

TEST_CASE("a log that was cut short or put back to an older state does not fit its checkpoint, or one seen earlier") {
  Store store;
  FillStore(store.log);
  const std::string later = store.log.Note();
  Store older;
  older.log.BeginSegment();
  older.log.AddEntries(WholeCall(11));

  SECTION("the last block is gone") {
    const ForgedStore::Block last = store.log.blocks().back();
    store.log.segment(3).resize(last.offset);
    store.log.Write(store.directory.store());
    const Finding error = FirstError(store.Verify());
    CHECK(error.file == "log/00000003.seg");
    CHECK(error.offset == last.offset);
  }
  SECTION("the last segment is gone") {
    store.log.Write(store.directory.store());
    std::filesystem::remove(store.path(3));
    CHECK(!store.Verifies());
  }
  SECTION("the first segment is gone") {
    store.log.Write(store.directory.store());
    std::filesystem::remove(store.path(1));
    CHECK(FirstError(store.Verify()).segment == 1);
  }
  SECTION("the whole directory is an older one") {
    store.log.Write(store.directory.store());
    CHECK(store.Verifies(false, later));
    older.log.Write(store.directory.store());
    CHECK(store.Verifies());
    const VerifyReport report = store.Verify(false, later);
    CHECK(!report.verified());
    CHECK(!report.against_holds);
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

TEST_CASE("what is spliced in from another store is found") {
  Store store('a');
  Store other('b');
  FillStore(store.log);
  FillStore(other.log);
  SECTION("a segment") {
    store.log.segment(2) = other.log.segment(2);
    store.log.Write(store.directory.store());
    const Finding error = FirstError(store.Verify());
    CHECK(error.segment == 2);
    CHECK(error.offset == 16);
  }
  SECTION("a block") {
    const ForgedStore::Block block = store.log.blocks()[0];
    const ForgedStore::Block foreign = other.log.blocks()[0];
    REQUIRE(block.size == foreign.size);
    store.log.segment(1).replace(block.offset, block.size, other.log.segment(1).substr(foreign.offset, foreign.size));
    store.log.Write(store.directory.store());
    CHECK(!store.Verifies());
    CHECK(!store.Verifies(true));
  }
  SECTION("all of it, but for the file that says whose it is") {
    other.log.Write(store.directory.store());
    FillStore(store.log);
    Store fresh('a');
    FillStore(fresh.log);
    fresh.log.Write(fresh.directory.store());
    std::filesystem::copy_file(StoreLayout(fresh.directory.store()).StoreKey(),
                               StoreLayout(store.directory.store()).StoreKey(),
                               std::filesystem::copy_options::overwrite_existing);
    CHECK(!store.Verifies());
  }
}

TEST_CASE("a past that was forged with all checksums, hashes and even the data keys does not fit the signature") {
  Store store;
  FillStore(store.log);
  const std::string signed_before = store.log.CheckpointAt(store.log.size());
  Store forged;  // with the same keys but for the signing
  FillStore(forged.log, "PAYLOAD");
  forged.log.Write(store.directory.store(), signed_before);
  for (const bool with_keys : {false, true}) {
    const Finding error = FirstError(store.Verify(with_keys));
    CHECK(error.file == "tree/checkpoint");
  }
  // Signed with another key it does not help either.
  const FakeStoreKeys attacker('z');
  forged.log.Write(store.directory.store(), forged.log.CheckpointAt(forged.log.size(), attacker));
  CHECK(!store.Verifies());
}

TEST_CASE("leaf hashes that were edited, cut or added to are found") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  const std::string path = StoreLayout(store.directory.store()).Leaves();
  const std::string good = ReadFile(path);
  for (const std::string& bad : {good.substr(0, good.size() - 32), good.substr(0, good.size() - 1), good + good,
                                 good.substr(32) + good.substr(0, 32), std::string()}) {
    WriteFile(path, bad);
    CHECK(!store.Verifies());
  }
  std::filesystem::remove(path);
  CHECK(!store.Verifies());
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

// An index in memory.
class FakeIndex : public IndexedCalls {
 public:
  Position end() const override { return end_; }
  absl::Status ForEach(const std::function<absl::Status(const Row&)>& row) override {
    for (const Row& each : rows) {
      if (absl::Status status = row(each); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  std::vector<Row> rows;
  Position end_;
};

TEST_CASE("an index that agrees with the log is fine, and one that was edited alone is not") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  FakeIndex index;
  index.end_ = {3, store.log.segment(3).size()};
  const std::map<uint64_t, int> last_block = {{11, 0}, {12, 5}, {13, 2}, {14, 7}, {15, 8}};
  for (const auto& [id, block] : last_block) {
    CallPart call;
    for (const v1::Entry& entry : id == 12   ? std::vector<v1::Entry>{StartEntry(12), EndEntry(12, 2, 1, 6, 5)}
                                  : id == 14 ? std::vector<v1::Entry>{StartEntry(14), EndEntry(14, 0, 0, 0, 0)}
                                  : id == 13 ? WholeCall(13, std::string(2000, 'x'))
                                             : WholeCall(id)) {
      call.Take(entry);
    }
    const ForgedStore::Block& at = store.log.blocks()[block];
    index.rows.push_back({id, Position(at.segment, at.offset), false, call.facts()});
  }
  const auto verify = [&](bool with_keys) {
    VerifyOptions options;
    options.directory = store.directory.store();
    options.verifier_key = KeyOf(store.keys);
    options.index = &index;
    if (with_keys) options.keys = &store.keys;
    const absl::StatusOr<VerifyReport> report = VerifyStore(options);
    REQUIRE(report.ok());
    return *report;
  };
  INFO(Findings(verify(true)));
  CHECK(verify(false).verified());
  CHECK(verify(true).verified());
  SECTION("it knows the log only up to some block") {
    index.rows.pop_back();
    index.end_ = {3, store.log.blocks()[8].offset};
    CHECK(verify(false).verified());
    CHECK(verify(true).verified());
  }
  SECTION("a row is gone") {
    index.rows.erase(index.rows.begin() + 2);
    CHECK(FirstError(verify(false)).file == "index/index.db");
  }
  SECTION("a row is of no call") {
    index.rows.push_back({99, index.rows[0].last, false, CallFacts()});
    CHECK(FirstError(verify(false)).file == "index/index.db");
  }
  SECTION("a row says another place") {
    index.rows[1].last = index.rows[0].last;
    CHECK(FirstError(verify(false)).file == "index/index.db");
  }
  SECTION("a row says another method, which only keys show") {
    index.rows[1].facts->method = "shop.Orders/Delete";
    CHECK(verify(false).verified());
    CHECK(FirstError(verify(true)).file == "index/index.db");
  }
  SECTION("the index is ahead of the log") {
    index.end_ = {3, store.log.segment(3).size() + 1};
    CHECK(!verify(false).verified());
  }
}

}  // namespace
}  // namespace sallyport::recorder
