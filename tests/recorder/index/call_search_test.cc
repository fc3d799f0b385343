// Whatever calls look like, in whatever order they begin, end and are destroyed, and however they are divided into
// chunks: a search finds those that a look at each of them finds.
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/index/sqlite/postings.h"
#include "recorder/index/sqlite/sqlite_index.h"
#include "recorder/index/sqlite/sqlite_search.h"
#include "tests/recorder/fixed_sealer.h"
#include "tests/recorder/index/odd_store.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

int64_t HighestLevel(const std::string& path) {
  auto database = Database::Open(path, Database::Mode::kRead);
  REQUIRE(database.ok());
  auto select = (*database)->Prepare("SELECT coalesce(max(level), -1) FROM chunks");
  REQUIRE(select.ok());
  int64_t level = 0;
  REQUIRE(select->RunForInteger(level).ok());
  return level;
}

TEST_CASE("a search finds what a look at every call finds") {
  size_t found = 0;
  std::map<int64_t, int> stores_of_level;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    INFO("seed " << seed);
    OddStore store(seed);
    for (int block = 0; block < 40; ++block) {
      store.AddBlock();
      if (store.Below(3) != 0) store.Save();
      if (store.Below(15) == 0) store.ShredOne();
      if (store.Below(25) == 0) store.DeleteOldest(3);
      if (store.Below(12) != 0) continue;
      store.Save();
      if (store.Below(2) == 0) store.Reopen();
      found += store.Compare(20);
    }
    store.Save();
    found += store.Compare(60);
    ++stores_of_level[HighestLevel(store.path())];
  }
  CHECK(found > 50'000);
  for (int64_t level = 0; level <= 2; ++level) CHECK(stores_of_level[level] >= 3);
}

TEST_CASE("calls that end long after they began leave the list of open ones, which every search by status reads") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  ChunkSizes sizes;
  sizes.calls = 100;
  sizes.calls_left = 0;
  sizes.ended_late = 10;
  auto index = SqliteIndex::Open(path, FixedSealer(), SqliteIndex::Purpose::kLive, sizes);
  REQUIRE(index.ok());
  const auto apply = [&](uint64_t segment, uint64_t first, uint64_t end, bool begins) {
    std::string body;
    std::vector<DirectoryEntry> entries;
    for (uint64_t id = first; id < end; ++id) {
      EntryBatch batch = BatchOf(id);
      const absl::Time now = absl::FromUnixMicros(static_cast<int64_t>(id));
      if (begins) batch.AddStart(now, StartOf("/slow.Service/Watch"));
      if (!begins) batch.AddEnd(now, {});
      body += batch.bytes();
      entries.push_back({id, begins ? Position() : Position(1, 128)});
    }
    REQUIRE((*index)->Apply(Position(segment, 128), Position(segment, 200), 1, entries, body).ok());
    REQUIRE((*index)->Save(CallIndex::Extent::kRows).ok());
  };
  const auto lists_of_open_calls = [&] {
    auto database = Database::Open(path, Database::Mode::kRead);
    REQUIRE(database.ok());
    auto select = (*database)->Prepare(absl::StrCat("SELECT count(*) FROM postings WHERE key >> ", kPostingValueBits,
                                                    " & 7 = ", static_cast<int>(PostingKind::kOpen)));
    REQUIRE(select.ok());
    int64_t lists = 0;
    REQUIRE(select->RunForInteger(lists).ok());
    return lists;
  };
  apply(1, 1000, 1300, true);
  CHECK(lists_of_open_calls() == 3);
  apply(2, 1005, 1014, false);
  CHECK(lists_of_open_calls() == 3);
  apply(3, 1000, 1005, false);
  apply(4, 1014, 1200, false);
  CHECK(lists_of_open_calls() == 1);
}

}  // namespace
}  // namespace sallyport::recorder
