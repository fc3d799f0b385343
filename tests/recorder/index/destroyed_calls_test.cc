// What the index says of calls whose segments are shredded or deleted.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/index/sqlite/sqlite_index.h"
#include "recorder/index/sqlite/sqlite_search.h"
#include "tests/recorder/fixed_sealer.h"
#include "tests/recorder/index/index_files.h"
#include "tests/recorder/index/log_model.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/made_calls.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

TEST_CASE("after segments are shredded the index says what one made from the rest says") {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    LogModel log(DenseCalls(12000, seed), 40, 60'000);
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/index.db";
    auto index = SqliteIndex::Open(path, FixedSealer());
    REQUIRE(index.ok());
    REQUIRE(log.last_segment() > 10);
    std::mt19937 random(seed);
    // While the log grows, now and then one of the segments that are complete is shredded.
    const size_t step = log.blocks().size() / 6;
    size_t fed = 0;
    while (fed < log.blocks().size()) {
      const size_t end = std::min(fed + step, log.blocks().size());
      log.Feed(**index, fed, end);
      fed = end;
      const uint64_t complete = log.blocks()[fed - 1].position.segment() - 1;
      if (complete > 0) log.Shred(**index, 1 + random() % complete, fed);
    }
    REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
    INFO("seed " << seed);
    CHECK(FirstDifference(DumpIndexFile(path), RebuiltDump(log)) == "");
    for (uint64_t segment = 1; segment <= log.last_segment(); ++segment) {
      auto scrubbed = (*index)->IsScrubbed(segment);
      REQUIRE(scrubbed.ok());
      CHECK(*scrubbed == log.shredded.contains(segment));
    }
  }
}

TEST_CASE("after segments are deleted the index says what one made from the rest says") {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    MadeCallOptions options = DenseCalls(12000, seed);
    LogModel log(options, 40, 60'000);
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/index.db";
    auto index = SqliteIndex::Open(path, FixedSealer());
    REQUIRE(index.ok());
    const size_t half = log.blocks().size() / 2;
    log.Feed(**index, 0, half);
    const uint64_t complete = log.blocks()[half - 1].position.segment() - 1;
    REQUIRE(complete > 4);
    // The oldest go, then more of them; sometimes a hold keeps one in the middle.
    log.Delete(**index, {1, 2}, half);
    if (seed % 2 == 0) log.Shred(**index, 3, half);
    if (seed % 3 == 0) {
      log.Delete(**index, {4}, half);
    } else {
      log.Delete(**index, {3, 4}, half);
    }
    log.Feed(**index, half, log.blocks().size());
    REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
    INFO("seed " << seed);
    CHECK(FirstDifference(DumpIndexFile(path), RebuiltDump(log)) == "");
  }
}

TEST_CASE("of a shredded call nothing stays but that it was") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  const auto sealer = FixedSealer();
  auto index = SqliteIndex::Open(path, sealer);
  REQUIRE(index.ok());
  const auto add = [&](uint64_t id, std::string_view who, Position at, uint64_t session, bool ends = true) {
    EntryBatch batch(id, nullptr);
    const std::string method = absl::StrCat("/only.By/", std::string(who));
    const std::string peer = absl::StrCat("unix:", std::string(who));
    CallStart start = StartOf(method, "shared", session);
    start.identity = {"", who, {}, 1};
    start.session_name = who;
    start.peer = peer;
    batch.AddStart(absl::FromUnixMicros(static_cast<int64_t>(id)), start);
    if (ends) batch.AddEnd(absl::FromUnixMicros(static_cast<int64_t>(id)), {});
    const DirectoryEntry entry{id, {}};
    REQUIRE((*index)->Apply(at, Position(at.segment(), at.offset() + 50), 1, {&entry, 1}, batch.bytes()).ok());
  };
  add(100, "alice", Position(1, 128), 1);
  add(101, "bob", Position(1, 200), 2);
  add(102, "carol", Position(1, 300), 3, false);
  add(103, "bob", Position(2, 128), 2);
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  const auto sealed = [&](NameKind kind, std::string_view name) {
    return sealer->Seal(kind, sealer->HashOf(kind, name), name);
  };
  const std::vector<std::string> gone = {
      sealed(NameKind::kIdentity, "alice"),  sealed(NameKind::kMethod, "only.By/alice"),
      sealed(NameKind::kPeer, "unix:alice"), sealed(NameKind::kSession, "alice"),
      sealed(NameKind::kIdentity, "carol"),  sealed(NameKind::kSession, "carol")};
  for (const std::string& name : gone) CHECK(FileBytes(path).find(name) != std::string::npos);

  std::vector<DirectoryEntry> directory_of_1 = {{100, {}}, {101, {}}, {102, {}}};
  REQUIRE((*index)->ScrubBlock(Position(1, 300), directory_of_1).ok());
  REQUIRE((*index)->FinishScrub(1).ok());
  for (const std::string& name : gone) CHECK(FileBytes(path).find(name) == std::string::npos);
  CHECK(FileBytes(path).find(sealed(NameKind::kIdentity, "bob")) != std::string::npos);
  CHECK((*index)->OpenCalls().empty());

  // A call that was open goes on, and stays shredded.
  EntryBatch end(102, nullptr);
  end.AddEnd(absl::FromUnixMicros(200), {});
  const DirectoryEntry entry{102, Position(1, 300)};
  REQUIRE((*index)->Apply(Position(2, 200), Position(2, 250), 9, {&entry, 1}, end.bytes()).ok());
  REQUIRE((*index)->Save(CallIndex::Extent::kRows).ok());

  auto queries = SqliteSearch::Open(path, Database::Mode::kRead, sealer);
  REQUIRE(queries.ok());
  const auto calls = (*queries)->Calls({}, OpenCalls::kInterrupted);
  REQUIRE(calls.ok());
  REQUIRE(calls->size() == 4);
  for (const CallSummary& call : *calls) {
    CHECK(call.shredded == (call.id != 103));
    if (!call.shredded) continue;
    CHECK(call.identity == "(shredded)");
    CHECK(call.method == "(shredded)");
    CHECK(call.upstream == "");
    CHECK(call.peer == "");
    CHECK(call.session_id == 0);
    CHECK(call.start == absl::FromUnixMicros(static_cast<int64_t>(call.id)));
  }
  auto place = (*queries)->Place(102);
  REQUIRE(place.ok());
  CHECK(place->shredded);
  CHECK(place->last == Position(2, 200));
  const auto count = [&](const std::function<void(CallQuery&)>& ask) {
    CallQuery query;
    ask(query);
    const auto found = (*queries)->Calls(query, OpenCalls::kInterrupted);
    REQUIRE(found.ok());
    return found->size();
  };
  CHECK(count([](CallQuery& query) { query.identity = "?*"; }) == 1);
  CHECK(count([](CallQuery& query) { query.upstream = "**"; }) == 1);
  CHECK(count([](CallQuery& query) { query.status_code = 0; }) == 1);
  CHECK(count([](CallQuery& query) { query.session_id = 0; }) == 0);
  CHECK(count([](CallQuery& query) { query.min_duration = absl::ZeroDuration(); }) == 1);
  CHECK(count([](CallQuery& query) { query.since = absl::FromUnixMicros(102); }) == 2);
  const auto sessions = (*queries)->Sessions({});
  REQUIRE(sessions.ok());
  REQUIRE(sessions->size() == 1);
  CHECK(sessions->front().id == 2);
  CHECK(sessions->front().calls == 1);
  CHECK(sessions->front().first_start == absl::FromUnixMicros(103));
}

TEST_CASE("which segments hold calls is known from their first to their last block") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  LogModel log(DenseCalls(3000), 20, 30'000);
  auto index = SqliteIndex::Open(path, FixedSealer());
  REQUIRE(index.ok());
  log.Feed(**index);
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  CallMaker maker(DenseCalls(3000));
  std::map<uint64_t, std::set<uint64_t>> segments_of;  // by call
  for (const MadeBlock& block : log.blocks()) {
    for (const DirectoryEntry& entry : block.directory) segments_of[entry.call_id].insert(block.position.segment());
  }
  std::set<uint64_t> open;
  for (const auto& [id, position] : (*index)->OpenCalls()) open.insert(id);
  std::set<uint64_t> expected;
  while (std::optional<MadeCall> call = maker.Next()) {
    if (call->identity != 13) continue;
    const std::set<uint64_t>& segments = segments_of[call->id];
    const uint64_t last = open.contains(call->id) ? log.last_segment() : *segments.rbegin();
    for (uint64_t segment = *segments.begin(); segment <= last; ++segment) expected.insert(segment);
  }
  auto queries = SqliteSearch::Open(path, Database::Mode::kRead, FixedSealer());
  REQUIRE(queries.ok());
  CallQuery query;
  query.identity = maker.Identity(13);
  query.limit = 1;
  const auto held = (*queries)->Segments(query);
  REQUIRE(held.ok());
  CHECK(*held == expected);
  CHECK(expected.size() > 2);
}

}  // namespace
}  // namespace sallyport::recorder
