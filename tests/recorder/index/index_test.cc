// The index keeps no name in the clear, and says the same however it came to be.
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

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

TEST_CASE("no name is in any byte of the index's files") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  LogModel log(DenseCalls(20000), 50, 1 << 20);
  auto index = SqliteIndex::Open(path, FixedSealer());
  REQUIRE(index.ok());
  EntryBatch batch(5, nullptr);
  CallStart start = StartOf("/canary.Service/Secret", "canary-upstream", 5);
  start.identity = {"canary-issuer", "canary-subject", {}, 1};
  start.session_name = "canary-session";
  start.peer = "unix:canary-peer";
  batch.AddStart(absl::FromUnixSeconds(1), start);
  const DirectoryEntry entry{5, {}};
  REQUIRE((*index)->Apply(Position(1, 128), Position(1, 129), 2, {&entry, 1}, batch.bytes()).ok());
  const auto is_clean = [&] {
    const std::string bytes = FileBytes(path);
    CHECK(bytes.size() > 1000);
    for (const char* secret : {"canary", "example.shop", "service-", "idp.example", "upstream-", "ipv4:10.1"}) {
      INFO(secret);
      CHECK(bytes.find(secret) == std::string::npos);
    }
  };
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  is_clean();
  log.Feed(**index);
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  is_clean();
  REQUIRE((*index)->Maintain().ok());
  is_clean();
  index->reset();
  is_clean();
  // It is all there for who has the key.
  auto queries = SqliteSearch::Open(path, Database::Mode::kRead, FixedSealer());
  REQUIRE(queries.ok());
  const auto call = (*queries)->Call(5, OpenCalls::kGoingOn);
  REQUIRE(call.ok());
  CHECK(call->identity == "canary-issuer#canary-subject");
  CHECK(call->method == "canary.Service/Secret");
  CHECK(call->upstream == "canary-upstream");
  CHECK(call->peer == "unix:canary-peer");
  const auto sessions = (*queries)->Sessions({"canary*", {}, {}, 50});
  REQUIRE(sessions.ok());
  REQUIRE(sessions->size() == 1);
  CHECK(sessions->front().name == "canary-session");
}

TEST_CASE("the index's files are their owner's alone, also those that an older program made") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  const auto modes = [&] {
    std::filesystem::perms all = std::filesystem::perms::none;
    for (const char* suffix : {"", "-wal"}) all |= std::filesystem::status(path + suffix).permissions();
    return all;
  };
  constexpr auto kOwners = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  {
    auto index = SqliteIndex::Open(path, FixedSealer());
    REQUIRE(index.ok());
    CHECK(modes() == kOwners);
  }
  std::filesystem::permissions(path, kOwners | std::filesystem::perms::others_read);
  auto index = SqliteIndex::Open(path, FixedSealer());
  REQUIRE(index.ok());
  CHECK(modes() == kOwners);
}

TEST_CASE("nobody is anonymous but who was not proved to be anybody, whatever the start names") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  constexpr int kProved = 1;
  struct {
    IdentityView identity;
    const char* listed;
  } const cases[] = {
      {{"https://idp.test", "alice", {}, kProved}, "https://idp.test#alice"},
      {{"", "alice", {}, kProved}, "alice"},
      {{"https://idp.test", "", {}, kProved}, "https://idp.test#"},
      {{"", "", {}, kProved}, ""},
      {{"https://idp.test", "alice", {}, 0}, "anonymous"},
      {{"", "alice", {}, 0}, "anonymous"},
      {{"", "", {}, 0}, "anonymous"},
  };
  auto index = SqliteIndex::Open(path, FixedSealer());
  REQUIRE(index.ok());
  uint64_t id = 4;
  for (const auto& each : cases) {
    EntryBatch batch(++id, nullptr);
    CallStart start = StartOf("/a.B/C", "upstream");
    start.identity = each.identity;
    batch.AddStart(absl::FromUnixSeconds(1), start);
    const DirectoryEntry entry{id, {}};
    REQUIRE((*index)->Apply(Position(1, 100 * id), Position(1, 100 * id + 100), id, {&entry, 1}, batch.bytes()).ok());
  }
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  auto queries = SqliteSearch::Open(path, Database::Mode::kRead, FixedSealer());
  REQUIRE(queries.ok());
  id = 4;
  for (const auto& each : cases) CHECK((*queries)->Call(++id, OpenCalls::kGoingOn)->identity == each.listed);
}

TEST_CASE("a second start of a call is no start, wherever it comes") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  EntryBatch twice(5, nullptr);
  twice.AddStart(absl::FromUnixSeconds(1), StartOf("/a.B/First", "upstream"));
  twice.AddStart(absl::FromUnixSeconds(2), StartOf("/a.B/Second", "other", 8));
  EntryBatch again(5, nullptr);
  again.AddStart(absl::FromUnixSeconds(3), StartOf("/a.B/Third", "other", 9));
  auto index = SqliteIndex::Open(path, FixedSealer());
  REQUIRE(index.ok());
  const auto apply = [&](uint64_t offset, const EntryBatch& batch, Position previous) {
    const DirectoryEntry entry{5, previous};
    REQUIRE((*index)->Apply(Position(1, offset), Position(1, offset + 100), 2, {&entry, 1}, batch.bytes()).ok());
  };
  apply(200, twice, {});
  apply(300, again, Position(1, 200));
  REQUIRE((*index)->Save(CallIndex::Extent::kRows).ok());
  apply(400, again, Position(1, 300));
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  CHECK((*index)->calls_started() == 1);
  CHECK((*index)->CountCalls().value() == 1);
  CHECK((*index)->OpenCalls().at(5) == Position(1, 400));
  auto queries = SqliteSearch::Open(path, Database::Mode::kRead, FixedSealer());
  REQUIRE(queries.ok());
  const CallSummary call = (*queries)->Call(5, OpenCalls::kGoingOn).value();
  CHECK(call.method == "a.B/First");
  CHECK(call.start == absl::FromUnixSeconds(1));
  CHECK(call.session_id == 7);
  const auto sessions = (*queries)->Sessions({"", {}, {}, 50});
  REQUIRE(sessions.ok());
  REQUIRE(sessions->size() == 1);
  CHECK(sessions->front().calls == 1);
}

TEST_CASE("the index says up to where it knows the last blocks of open calls, and no block takes them back") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  const Position at[] = {Position(1, 128), Position(1, 500), Position(1, 900), Position(1, 1300)};
  EntryBatch start(5, nullptr);
  start.AddStart(absl::FromUnixSeconds(1), StartOf("/a.B/C", "upstream"));
  const auto apply = [&](SqliteIndex& index, int block, std::string_view body) {
    const DirectoryEntry entry{5, block == 0 ? Position() : at[block - 1]};
    REQUIRE(index.Apply(at[block], at[block + 1], 2 + block, {&entry, 1}, body).ok());
  };
  {
    auto index = SqliteIndex::Open(path, FixedSealer());
    REQUIRE(index.ok());
    apply(**index, 0, start.bytes());
    REQUIRE((*index)->Save(CallIndex::Extent::kRows).ok());
    // The row is as exact as it can be.
    CHECK((*index)->positions_exact_to() == at[1]);
    apply(**index, 1, "");
    REQUIRE((*index)->Save(CallIndex::Extent::kRows).ok());
    CHECK((*index)->positions_exact_to() == at[1]);
  }
  {
    auto index = SqliteIndex::Open(path, FixedSealer());
    REQUIRE(index.ok());
    CHECK((*index)->position() == at[2]);
    REQUIRE((*index)->positions_exact_to() == at[1]);
    CHECK((*index)->OpenCalls().at(5) == at[0]);
    // What the start reads from the log then.
    const DirectoryEntry entry{5, at[0]};
    (*index)->ApplyDirectory(at[1], {&entry, 1});
    CHECK((*index)->OpenCalls().at(5) == at[1]);
    const DirectoryEntry earlier{5, {}};
    (*index)->ApplyDirectory(at[0], {&earlier, 1});
    CHECK((*index)->OpenCalls().at(5) == at[1]);
    apply(**index, 2, "");
    REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
    CHECK((*index)->positions_exact_to() == at[3]);
  }
  auto index = SqliteIndex::Open(path, FixedSealer());
  REQUIRE(index.ok());
  CHECK((*index)->positions_exact_to() == at[3]);
  CHECK((*index)->OpenCalls().at(5) == at[2]);
}

TEST_CASE("a name that was tampered with is damage, not another name") {
  TemporaryDirectory directory;
  std::filesystem::create_directories(directory.store() + "/index");
  const std::string path = directory.store() + "/index/index.db";
  LogModel log(DenseCalls(100), 50, 1 << 20);
  {
    auto index = SqliteIndex::Open(path, FixedSealer());
    REQUIRE(index.ok());
    log.Feed(**index);
    REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  }
  CHECK(absl::IsDataLoss(SqliteSearch::Open(path, Database::Mode::kRead, FixedSealer('t')).status()));
  CHECK(absl::IsDataLoss(SqliteIndex::Open(path, FixedSealer('t')).status()));
  // All identities take the sealed bytes of one.
  ExecuteOnIndex(directory.store(), "UPDATE names SET sealed = (SELECT sealed FROM names WHERE id = 1)");
  auto queries = SqliteSearch::Open(path, Database::Mode::kRead, FixedSealer());
  REQUIRE(queries.ok());
  const auto calls = (*queries)->Calls({}, OpenCalls::kGoingOn);
  CHECK(absl::IsDataLoss(calls.status()));
  CHECK(std::string(calls.status().message()).find("sallyport index rebuild") != std::string::npos);
}

TEST_CASE("a call that comes to the index long after later ones is found") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  auto index = SqliteIndex::Open(path, FixedSealer());
  REQUIRE(index.ok());
  LogModel log(DenseCalls(30000), 100, 1 << 20);
  log.Feed(**index);
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  const Position end = (*index)->position();
  // Ids in the middle of the others, before all and after all.
  std::vector<uint64_t> late = {1, log.blocks()[40].directory[7].call_id + 1,
                                log.blocks()[250].directory[3].call_id + 1,
                                log.blocks().back().directory.back().call_id + 9};
  std::string body;
  std::vector<DirectoryEntry> entries;
  for (uint64_t id : late) {
    EntryBatch batch(id, nullptr);
    batch.AddStart(absl::FromUnixMicros(static_cast<int64_t>(id)), StartOf("/late.Service/Call", "late", 77));
    batch.AddEnd(absl::FromUnixMicros(static_cast<int64_t>(id)), {});
    body += batch.bytes();
    entries.push_back({id, {}});
  }
  REQUIRE((*index)->Apply(end, Position(end.segment(), end.offset() + 10), 0, entries, body).ok());
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  auto queries = SqliteSearch::Open(path, Database::Mode::kRead, FixedSealer());
  REQUIRE(queries.ok());
  for (const auto& ask : std::vector<std::function<void(CallQuery&)>>{
           [](CallQuery& query) { query.method = "late.Service/Call"; },
           [](CallQuery& query) { query.upstream = "late"; }, [](CallQuery& query) { query.session_id = 77; }}) {
    CallQuery query;
    query.order = CallQuery::Order::kOldestFirst;
    ask(query);
    const auto calls = (*queries)->Calls(query, OpenCalls::kGoingOn);
    REQUIRE(calls.ok());
    std::vector<uint64_t> ids;
    for (const CallSummary& call : *calls) ids.push_back(call.id);
    CHECK(ids == late);
  }
}

TEST_CASE("a rebuilt index equals the live one, also after a start in between") {
  LogModel log(DenseCalls(20000), 60, 100'000);
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  for (const size_t part : {size_t{1}, size_t{2}, size_t{3}}) {
    auto index = SqliteIndex::Open(path, FixedSealer());
    REQUIRE(index.ok());
    log.Feed(**index, log.blocks().size() * (part - 1) / 3, log.blocks().size() * part / 3);
    REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  }
  CHECK(FirstDifference(DumpIndexFile(path), RebuiltDump(log)) == "");
}

}  // namespace
}  // namespace sallyport::recorder
