// Searches of all kinds find just the calls they name.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "recorder/index/sqlite/glob.h"
#include "recorder/index/sqlite/sqlite_index.h"
#include "recorder/index/sqlite/sqlite_search.h"
#include "tests/recorder/fixed_sealer.h"
#include "tests/recorder/index/log_model.h"
#include "tests/recorder/made_calls.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

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

}  // namespace
}  // namespace sallyport::recorder
