#include "tests/recorder/index/index_contract.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/system/file.h"
#include "tests/recorder/index/log_model.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

// An index in a store of its own.
class Kept {
 public:
  explicit Kept(const MakeEngine& make_engine) : layout_(directory_.store()) {
    for (const std::string& path : {layout_.directory(), layout_.IndexDirectory()}) {
      REQUIRE(RealFileSystem().EnsureDirectory(path).ok());
    }
    engine_ = make_engine(layout_);
  }

  IndexEngine& engine() { return *engine_; }
  std::unique_ptr<CallIndex> Open() {
    auto index = engine_->Open();
    REQUIRE(index.ok());
    return *std::move(index);
  }

 private:
  TemporaryDirectory directory_;
  StoreLayout layout_;
  std::unique_ptr<IndexEngine> engine_;
};

std::string RebuiltDump(const MakeEngine& make_engine, LogModel& log) {
  Kept kept(make_engine);
  auto index = kept.engine().BeginRebuild();
  REQUIRE(index.ok());
  log.Feed(**index);
  REQUIRE((*index)->Save(CallIndex::Extent::kPositions) == absl::OkStatus());
  REQUIRE(kept.engine().FinishRebuild(*std::move(index)) == absl::OkStatus());
  return DumpSearch(kept.engine());
}

}  // namespace

std::string DumpSearch(IndexEngine& engine) {
  auto search = engine.OpenSearch(IndexEngine::Access::kBesideWriter);
  REQUIRE(search.ok());
  std::string text;
  CallQuery query;
  query.limit = 1000;
  query.order = CallQuery::Order::kOldestFirst;
  while (true) {
    auto calls = (*search)->Calls(query, OpenCalls::kGoingOn);
    REQUIRE(calls.ok());
    if (calls->empty()) break;
    for (const CallSummary& call : *calls) {
      const auto place = (*search)->Place(call.id);
      REQUIRE(place.ok());
      absl::StrAppend(&text, call.id, " ", call.session_id, " ", call.identity, " ", call.method, " ", call.upstream,
                      " ", call.peer, " ", absl::ToUnixNanos(call.start), " ", call.shredded, " ", call.end_reason, " ",
                      call.connection_lost, " ", call.status_code, " ", call.trace_id, " ");
      absl::StrAppend(&text, absl::ToInt64Nanoseconds(call.duration), " ", call.request_frames, " ",
                      call.response_frames, " ", call.request_bytes, " ", call.response_bytes, " ",
                      place->last.packed(), " ", place->open, " ", place->shredded, "\n");
    }
    query.after = calls->back().id;
  }
  SessionQuery sessions;
  sessions.limit = 1000;
  while (true) {
    auto page = (*search)->Sessions(sessions);
    REQUIRE(page.ok());
    if (page->empty()) break;
    for (const SessionSummary& session : *page) {
      absl::StrAppend(&text, "session ", session.id, " ", session.identity, " ", session.name, " ", session.peer, " ",
                      absl::ToUnixNanos(session.first_start), " ", absl::ToUnixNanos(session.last_start), " ",
                      session.calls, "\n");
    }
    sessions.after = page->back().id;
  }
  const auto damaged = (*search)->MissesDamaged();
  REQUIRE(damaged.ok());
  return absl::StrCat(text, "damaged ", *damaged, "\n");
}

void CheckRebuiltEqualsLive(const MakeEngine& make_engine) {
  LogModel log(DenseCalls(20000), 60, 100'000);
  Kept kept(make_engine);
  // With starts in between.
  for (const size_t part : {size_t{1}, size_t{2}, size_t{3}}) {
    const std::unique_ptr<CallIndex> index = kept.Open();
    log.Feed(*index, log.blocks().size() * (part - 1) / 3, log.blocks().size() * part / 3);
    REQUIRE(index->Save(CallIndex::Extent::kPositions).ok());
    REQUIRE(index->Maintain().ok());
  }
  const std::string live = DumpSearch(kept.engine());
  CHECK(std::count(live.begin(), live.end(), '\n') > 20000);
  CHECK(FirstDifference(live, RebuiltDump(make_engine, log)) == "");
}

void CheckShreddedEqualsRebuilt(const MakeEngine& make_engine) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    INFO("seed " << seed);
    LogModel log(DenseCalls(12000, seed), 40, 60'000);
    Kept kept(make_engine);
    const std::unique_ptr<CallIndex> index = kept.Open();
    std::mt19937 random(seed);
    // While the log grows, now and then one of the segments that are complete is shredded.
    const size_t step = log.blocks().size() / 6;
    for (size_t fed = 0; fed < log.blocks().size();) {
      const size_t end = std::min(fed + step, log.blocks().size());
      log.Feed(*index, fed, end);
      fed = end;
      const uint64_t complete = log.blocks()[fed - 1].position.segment() - 1;
      if (complete > 0) log.Shred(*index, 1 + random() % complete, fed);
    }
    REQUIRE(index->Save(CallIndex::Extent::kPositions).ok());
    CHECK(FirstDifference(DumpSearch(kept.engine()), RebuiltDump(make_engine, log)) == "");
    for (uint64_t segment = 1; segment <= log.last_segment(); ++segment) {
      const auto scrubbed = index->IsScrubbed(segment);
      REQUIRE(scrubbed.ok());
      CHECK(*scrubbed == log.shredded.contains(segment));
    }
  }
}

void CheckDeletedEqualsRebuilt(const MakeEngine& make_engine) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    INFO("seed " << seed);
    LogModel log(DenseCalls(12000, seed), 40, 60'000);
    Kept kept(make_engine);
    const std::unique_ptr<CallIndex> index = kept.Open();
    const size_t half = log.blocks().size() / 2;
    log.Feed(*index, 0, half);
    REQUIRE(log.blocks()[half - 1].position.segment() - 1 > 4);
    // The oldest go, then more of them; sometimes a hold keeps one in the middle.
    log.Delete(*index, {1, 2}, half);
    if (seed % 2 == 0) log.Shred(*index, 3, half);
    if (seed % 3 == 0) {
      log.Delete(*index, {4}, half);
    } else {
      log.Delete(*index, {3, 4}, half);
    }
    log.Feed(*index, half, log.blocks().size());
    REQUIRE(index->Save(CallIndex::Extent::kPositions).ok());
    CHECK(FirstDifference(DumpSearch(kept.engine()), RebuiltDump(make_engine, log)) == "");
  }
}

void CheckUncommittedIsAppliedAgain(const MakeEngine& make_engine) {
  LogModel log(DenseCalls(3000), 60, 100'000);
  Kept kept(make_engine);
  size_t known = 0;
  {
    const std::unique_ptr<CallIndex> index = kept.Open();
    log.Feed(*index, 0, log.blocks().size() / 2);
    REQUIRE(index->Save(CallIndex::Extent::kPositions).ok());
    const Position committed = index->position();
    while (log.blocks()[known].position < committed) ++known;
    const MadeBlock& next = log.blocks()[known];
    REQUIRE(index->Apply(next.position, next.end, next.next_sequence, next.directory, next.body).ok());
    CHECK(index->unsaved());
    CHECK(index->position() > committed);
  }
  {
    const std::unique_ptr<CallIndex> index = kept.Open();
    CHECK_FALSE(index->unsaved());
    CHECK(index->position() == log.blocks()[known - 1].end);
    log.Feed(*index, known, log.blocks().size());
    REQUIRE(index->Save(CallIndex::Extent::kPositions).ok());
  }
  CHECK(FirstDifference(DumpSearch(kept.engine()), RebuiltDump(make_engine, log)) == "");
  REQUIRE(kept.engine().Remove().ok());
  CHECK(absl::IsNotFound(kept.engine().OpenSearch(IndexEngine::Access::kBesideWriter).status()));
  const std::unique_ptr<CallIndex> anew = kept.Open();
  CHECK_FALSE(anew->position().set());
  CHECK(*anew->CountCalls() == 0);
}

}  // namespace sallyport::recorder
