// What somebody can do to a store: flip, cut, swap, drop, duplicate, reorder, roll back, splice, forge, and edit the
// index alone. The verifier finds each.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <random>

#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "tests/recorder/verify/verifier_fixture.h"

namespace sallyport::recorder {
namespace {

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

TEST_CASE("two bytes of one header that are flipped are found, and the header is named") {
  Store store;
  FillStore(store.log);
  const std::pair<size_t, size_t> headers[] = {{0, kSegmentHeaderSize},
                                               {store.log.blocks()[1].offset, kBlockHeaderSize}};
  const std::string good = store.log.segment(1);
  for (const auto& [offset, size] : headers) {
    std::string& bytes = store.log.segment(1);
    bytes = good;
    // Neither is one that is held against something else.
    const size_t at[] = {offset + (offset == 0 ? 41 : 65), offset + (offset == 0 ? 90 : 100)};
    for (const size_t each : at) bytes[each] ^= 1;
    store.log.Write(store.directory.store());
    const Finding error = FirstError(store.Verify());
    CHECK(error.offset == offset);
    CHECK(error.length == size);
  }
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
  const auto of = [](std::initializer_list<absl::string_view> pieces) { return absl::StrJoin(pieces, ""); };
  for (const std::string& bad :
       {of({head, two, one, rest}), of({head, one, rest}), of({head, two, rest}), of({head, one, one, two, rest}),
        of({head, one, two, two, rest}), of({good, one}), good.substr(0, good.size() - 1),
        of({good, absl::string_view("\0", 1)}), head, std::string(), of({head, rest, one, two}), of({head, one, two}),
        good.substr(0, good.size() - kFooterBodySize - kBlockHeaderSize)}) {
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

// What FillStore has in its log, as an index lists it.
FakeIndex IndexOf(ForgedStore& log) {
  FakeIndex index;
  index.end_ = {3, log.segment(3).size()};
  const std::map<uint64_t, int> last_block = {{11, 0}, {12, 5}, {13, 2}, {14, 7}, {15, 8}};
  for (const auto& [id, block] : last_block) {
    CallPart call;
    for (const v1::Entry& entry : id == 12   ? std::vector<v1::Entry>{StartEntry(12), EndEntry(12, 2, 1, 6, 5)}
                                  : id == 14 ? std::vector<v1::Entry>{StartEntry(14), EndEntry(14, 0, 0, 0, 0)}
                                  : id == 13 ? WholeCall(13, std::string(2000, 'x'))
                                             : WholeCall(id)) {
      call.Take(entry);
    }
    const ForgedStore::Block& at = log.blocks()[block];
    index.rows.push_back({id, Position(at.segment, at.offset), false, call.stated()});
  }
  return index;
}

VerifyReport VerifyWith(IndexedCalls& index, Store& store, bool with_keys) {
  VerifyOptions options;
  options.directory = store.directory.store();
  options.verifier_key = KeyOf(store.keys);
  options.index = &index;
  if (with_keys) options.keys = &store.keys;
  const absl::StatusOr<VerifyReport> report = VerifyStore(options);
  REQUIRE(report.ok());
  return *report;
}

TEST_CASE("an index that agrees with the log is fine, and one that was edited alone is not") {
  Store store;
  FillStore(store.log);
  store.log.Write(store.directory.store());
  FakeIndex index = IndexOf(store.log);
  const auto verify = [&](bool with_keys) { return VerifyWith(index, store, with_keys); };
  INFO(Findings(verify(true)));
  CHECK(verify(false).verified());
  CHECK(verify(true).verified());
  SECTION("it knows the log only up to some block") {
    index.rows.pop_back();
    index.end_ = {3, store.log.blocks()[8].offset};
    CHECK(verify(false).verified());
    CHECK(verify(true).verified());
  }
  SECTION("it knows the log only up to a block between the start and the end of calls") {
    const ForgedStore::Block& last = store.log.blocks()[4];
    index.end_ = {2, store.log.blocks()[5].offset};
    index.rows.pop_back();
    for (const size_t row : {1, 3}) {
      CallPart begun;
      begun.Take(StartEntry(index.rows[row].id));
      index.rows[row] = {index.rows[row].id, Position(last.segment, last.offset), true, begun.stated()};
    }
    INFO(Findings(verify(true)));
    CHECK(verify(false).verified());
    CHECK(verify(true).verified());
    index.rows[3].stated->method = "shop.Orders/Delete";
    CHECK(FirstError(verify(true)).file == "index/index.db");
  }
  SECTION("a row is gone") {
    index.rows.erase(index.rows.begin() + 2);
    CHECK(FirstError(verify(false)).file == "index/index.db");
  }
  SECTION("a row is of no call") {
    index.rows.push_back({99, index.rows[0].last, false, StatedCall()});
    CHECK(FirstError(verify(false)).file == "index/index.db");
  }
  SECTION("a row says another place") {
    index.rows[1].last = index.rows[0].last;
    CHECK(FirstError(verify(false)).file == "index/index.db");
  }
  SECTION("a row says another method, which only keys show") {
    index.rows[1].stated->method = "shop.Orders/Delete";
    CHECK(verify(false).verified());
    CHECK(FirstError(verify(true)).file == "index/index.db");
  }
  SECTION("a row says that its call is shredded, which only keys show") {
    index.rows[1].stated.reset();
    CHECK(verify(false).verified());
    CHECK(FirstError(verify(true)).file == "index/index.db");
  }
  SECTION("a row is of a segment that there is not") {
    index.rows.push_back({99, Position(9, kSegmentHeaderSize), false, StatedCall()});
    CHECK(Findings(verify(false)).find("and there is no such segment") != std::string::npos);
  }
  SECTION("a row of an open call lags behind") {
    index.rows[1].last = {1, store.log.blocks()[1].offset};
    CHECK(FirstError(verify(false)).file == "index/index.db");
    index.rows[1].open = true;
    CHECK(verify(false).verified());
    // But not where the call never was.
    index.rows[1].last = {3, store.log.blocks()[8].offset};
    CHECK(FirstError(verify(false)).file == "index/index.db");
  }
  SECTION("the index is ahead of the log") {
    index.end_ = {3, store.log.segment(3).size() + 1};
    CHECK(!verify(false).verified());
  }
}

TEST_CASE("of calls where the log is damaged nothing is said, neither by the log nor by the index") {
  Store store;
  FillStore(store.log);
  FakeIndex index = IndexOf(store.log);
  std::string& bytes = store.log.segment(1);
  int unread = 0;
  SECTION("the header of a segment") {
    bytes[40] ^= 1;
    unread = 2;  // 11 and 13
  }
  SECTION("the header of a block") {
    bytes[store.log.blocks()[1].offset + 20] ^= 1;
    unread = 1;  // 13
  }
  store.log.Write(store.directory.store());
  const VerifyReport without = store.Verify();
  INFO(Findings(without));
  CHECK_FALSE(without.verified());
  CHECK(Findings(without).find("call") == std::string::npos);
  const VerifyReport with = VerifyWith(index, store, false);
  INFO(Findings(with));
  CHECK_FALSE(with.verified());
  CHECK(with.index_errors == 0);
  CHECK(Findings(with).find(absl::StrCat("of ", unread, unread == 1 ? " call" : " calls",
                                         " in the index nothing can be said")) != std::string::npos);
  // Of one whose place is another segment, all the same.
  index.rows[4].last = index.rows[3].last;
  CHECK(VerifyWith(index, store, false).index_errors == 1);
}

TEST_CASE("a call that begins again is not accused where its end is in what cannot be read") {
  Store store;
  store.log.BeginSegment();
  store.log.AddEntries({StartEntry(31)});
  store.log.AddEntries({EndEntry(31, 0, 0, 0, 0)});
  store.log.CloseSegment();
  store.log.BeginSegment();
  store.log.AddEntries(WholeCall(31));
  store.log.segment(1)[store.log.blocks()[1].offset + 20] ^= 1;
  store.log.Write(store.directory.store());
  const VerifyReport report = store.Verify();
  INFO(Findings(report));
  CHECK_FALSE(report.verified());
  CHECK(Findings(report).find("call") == std::string::npos);
}

}  // namespace
}  // namespace sallyport::recorder
