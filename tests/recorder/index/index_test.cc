// The index keeps no name in the clear, finds what is asked for, and forgets what is destroyed.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "recorder/format/peer_address.h"
#include "recorder/index/sqlite/glob.h"
#include "recorder/index/sqlite/sqlite_index.h"
#include "recorder/index/sqlite/sqlite_search.h"
#include "tests/recorder/fixed_sealer.h"
#include "tests/recorder/index/log_model.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/made_calls.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

// All bytes of an index's files.
std::string FileBytes(const std::string& path) {
  std::string bytes;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::ifstream file(path + suffix, std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  return bytes;
}

// What an index made from what is left of a log says.
std::string RebuiltDump(LogModel& log) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/rebuilt.db";
  {
    auto index = SqliteIndex::Open(path, FixedSealer(), SqliteIndex::Purpose::kRebuild);
    REQUIRE(index.ok());
    log.Feed(**index);
    REQUIRE((*index)->FinishRebuild() == absl::OkStatus());
  }
  return DumpIndexFile(path);
}

TEST_CASE("a name is sealed the same way each time, and opens only where it belongs") {
  const auto sealer = FixedSealer();
  const NameHash hash = sealer->HashOf(NameKind::kMethod, "a.B/C");
  const std::string sealed = sealer->Seal(NameKind::kMethod, hash, "a.B/C");
  CHECK(sealed == FixedSealer()->Seal(NameKind::kMethod, hash, "a.B/C"));
  CHECK(sealed.find("a.B") == std::string::npos);
  auto opened = sealer->Open(NameKind::kMethod, AsText(hash), sealed);
  REQUIRE(opened.ok());
  CHECK(*opened == "a.B/C");

  const NameHash other = sealer->HashOf(NameKind::kMethod, "a.B/D");
  CHECK(AsText(other) != AsText(hash));
  CHECK(AsText(sealer->HashOf(NameKind::kIdentity, "a.B/C")) != AsText(hash));
  CHECK(absl::IsDataLoss(sealer->Open(NameKind::kMethod, AsText(other), sealed).status()));
  CHECK(absl::IsDataLoss(sealer->Open(NameKind::kIdentity, AsText(hash), sealed).status()));
  CHECK(absl::IsDataLoss(FixedSealer('t')->Open(NameKind::kMethod, AsText(hash), sealed).status()));
  CHECK(absl::IsDataLoss(sealer->Open(NameKind::kMethod, AsText(hash), "").status()));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string flipped = sealed;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    CHECK(absl::IsDataLoss(sealer->Open(NameKind::kMethod, AsText(hash), flipped).status()));
  }
}

TEST_CASE("a peer is kept by host and port, and comes back as it was") {
  for (const char* peer : {"ipv4:10.0.0.7:51514", "ipv6:[::1]:80", "ipv6:%5B::1%5D:65535", "unix:/run/a.sock",
                           "unix:", "", "a:007", "a:0", "a:123456", "a:99999", ":1", "a:-1", "a: 1"}) {
    const PeerAddress split = SplitPeer(peer);
    CHECK(JoinPeer(std::string(split.host), split.port) == peer);
  }
  CHECK(SplitPeer("ipv4:10.0.0.7:51514").host == "ipv4:10.0.0.7");
  CHECK(SplitPeer("ipv4:10.0.0.7:51514").port == 51514);
}

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

struct Question {
  CallQuery query;
  std::function<bool(const MadeCall&)> expect;
};

Question RandomQuestion(CallMaker& maker, std::mt19937_64& random, const std::vector<MadeCall>& calls) {
  Question question;
  std::vector<std::function<bool(const MadeCall&)>> all;
  CallQuery& query = question.query;
  if (random() % 2 == 0) {
    query.identity = random() % 3 == 0 ? "*service-1*" : maker.Identity(static_cast<int>(random() % 20));
    all.emplace_back([&maker, glob = query.identity](const MadeCall& call) {
      return GlobMatches(glob, maker.Identity(call.identity));
    });
  }
  if (random() % 2 == 0) {
    query.method = random() % 3 == 0   ? "*/Method[1]"
                   : random() % 2 == 0 ? "*/Method?"
                                       : maker.Method(static_cast<int>(random() % 30));
    all.emplace_back(
        [&maker, glob = query.method](const MadeCall& call) { return GlobMatches(glob, maker.Method(call.method)); });
  }
  if (random() % 6 == 0) {
    query.upstream = "upstream-2";
    all.emplace_back([](const MadeCall& call) { return call.upstream == 2; });
  }
  const MadeCall& some = calls[random() % calls.size()];
  if (random() % 6 == 0) {
    query.session_id = some.session;
    all.emplace_back([session = some.session](const MadeCall& call) { return call.session == session; });
  }
  if (random() % 5 == 0) {
    const int status = static_cast<int>(random() % 4);
    query.status_code = status;
    all.emplace_back([status](const MadeCall& call) { return !call.open && call.status == status; });
  }
  if (random() % 5 == 0) {
    const absl::Duration least = absl::Milliseconds(int64_t{1} << random() % 16);
    query.min_duration = least;
    all.emplace_back([least](const MadeCall& call) { return !call.open && call.duration >= least; });
  }
  if (random() % 10 == 0) {
    query.open_only = true;
    all.emplace_back([](const MadeCall& call) { return call.open; });
  }
  if (random() % 3 == 0) {
    query.since = some.start;
    all.emplace_back([since = some.start](const MadeCall& call) { return call.start >= since; });
  }
  if (random() % 3 == 0) {
    const absl::Time until = calls[random() % calls.size()].start;
    query.until = until;
    all.emplace_back([until](const MadeCall& call) { return call.start < until; });
  }
  query.order = random() % 2 == 0 ? CallQuery::Order::kNewestFirst : CallQuery::Order::kOldestFirst;
  query.limit = static_cast<int>(1 + random() % 500);
  question.expect = [all](const MadeCall& call) {
    return std::all_of(all.begin(), all.end(), [&](const auto& one) { return one(call); });
  };
  return question;
}

TEST_CASE("whatever is asked for in combination, just those calls are found, page by page") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/index.db";
  const MadeCallOptions options = DenseCalls(40000);
  CallMaker maker(options);
  std::vector<MadeCall> calls;
  while (std::optional<MadeCall> call = maker.Next()) calls.push_back(*call);
  LogModel log(options, 97, 1 << 20);
  auto index = SqliteIndex::Open(path, FixedSealer());
  REQUIRE(index.ok());
  log.Feed(**index);
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions).ok());
  auto queries = SqliteSearch::Open(path, Database::Mode::kRead, FixedSealer());
  REQUIRE(queries.ok());
  std::mt19937_64 random(3);
  size_t total = 0;
  for (int i = 0; i < 300; ++i) {
    Question question = RandomQuestion(maker, random, calls);
    std::vector<uint64_t> expected;
    for (const MadeCall& call : calls) {
      if (question.expect(call)) expected.push_back(call.id);
    }
    if (question.query.order == CallQuery::Order::kNewestFirst) std::reverse(expected.begin(), expected.end());
    std::vector<uint64_t> found;
    while (true) {
      auto page = (*queries)->Calls(question.query, OpenCalls::kGoingOn);
      REQUIRE(page.status() == absl::OkStatus());
      for (const CallSummary& call : *page) found.push_back(call.id);
      if (page->size() < static_cast<size_t>(question.query.limit) || found.size() > 3000) break;
      question.query.after = page->back().id;
    }
    if (found.size() < expected.size() && found.size() > 3000) expected.resize(found.size());
    CHECK(found == expected);
    total += found.size();
  }
  CHECK(total > 10000);
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
