// Whoever may be told of some calls only finds, counts and adds up just those, whatever is asked for.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/index/call_statistics.h"
#include "tests/recorder/index/odd_store.h"

namespace sallyport::recorder {
namespace {

// Asks for scopes, and looks at every call to tell what has to be answered.
class ScopedStore : public OddStore {
 public:
  using OddStore::OddStore;

  std::unique_ptr<SqliteSearch> Search() {
    auto search = SqliteSearch::Open(path(), Database::Mode::kRead, FixedSealer());
    REQUIRE(search.status() == absl::OkStatus());
    return *std::move(search);
  }

  OpenCalls RandomOpenCalls() { return Below(2) == 0 ? OpenCalls::kGoingOn : OpenCalls::kInterrupted; }

  CallScope RandomScope() {
    CallScope scope;
    for (int64_t i = Below(4); i > 0; --i) {
      CallScope::Part& part = scope.parts.emplace_back();
      if (Below(20) == 0) continue;
      if (Below(3) == 0) part.own = Below(4) == 0 ? "nobody*" : Some().identity;
      if (Below(3) == 0) part.identities = Globs(&KnownCall::identity);
      if (Below(2) == 0) part.methods = Globs(&KnownCall::method);
      if (Below(4) == 0) part.upstreams = Globs(&KnownCall::upstream);
      if (Below(3) == 0 || part.everything()) part.but_methods = Globs(&KnownCall::method);
    }
    return scope;
  }

  CallQuery RandomScopedQuery() {
    CallQuery query = RandomQuery();
    if (Below(3) == 0) {
      query = {};
      query.limit = 100;
    }
    query.scope = RandomScope();
    return query;
  }

  size_t ComparePages(SqliteSearch& search) {
    const OpenCalls open_calls = RandomOpenCalls();
    CallQuery query = RandomScopedQuery();
    const std::vector<uint64_t> expected = Expected(query, open_calls);
    std::vector<uint64_t> found;
    while (true) {
      const auto page = search.Calls(query, open_calls);
      REQUIRE(page.status() == absl::OkStatus());
      for (const CallSummary& call : *page) found.push_back(call.id);
      if (page->size() < static_cast<size_t>(query.limit)) break;
      query.after = page->back().id;
    }
    INFO(Text(query));
    REQUIRE(found == expected);
    for (const uint64_t most : {uint64_t{0}, uint64_t{1}, expected.size(), std::numeric_limits<uint64_t>::max()}) {
      const auto count = search.Count(query, open_calls, most);
      REQUIRE(count.status() == absl::OkStatus());
      REQUIRE(count->calls == std::min<uint64_t>(most, expected.size()));
      REQUIRE(count->more == (most < expected.size()));
    }
    return found.size();
  }

  void CompareOne(SqliteSearch& search) {
    const CallScope scope = RandomScope();
    if (!calls_.empty()) {
      const auto& [id, call] = *std::next(calls_.begin(), Below(static_cast<int64_t>(calls_.size())));
      const auto in_scope = search.InScope(id, scope);
      REQUIRE(in_scope.status() == absl::OkStatus());
      REQUIRE(*in_scope == IsInScope(scope, call));
    }
    REQUIRE(search.InScope(next_id_ + 1, scope).value() == false);
  }

  size_t CompareSessions(SqliteSearch& search) {
    SessionQuery query;
    query.scope = RandomScope();
    if (Below(3) == 0) query.identity = Globs(&KnownCall::identity).front();
    if (Below(3) == 0) query.since = Some().start;
    query.limit = static_cast<int>(1 + Below(12));
    std::vector<SessionSummary> found;
    while (true) {
      const auto page = search.Sessions(query);
      REQUIRE(page.status() == absl::OkStatus());
      found.insert(found.end(), page->begin(), page->end());
      if (page->size() < static_cast<size_t>(query.limit)) break;
      query.after = page->back().id;
    }
    const std::vector<SessionSummary> expected = ExpectedSessions(query);
    REQUIRE(found.size() == expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      REQUIRE(found[i].id == expected[i].id);
      REQUIRE(found[i].calls == expected[i].calls);
      REQUIRE(found[i].identity == expected[i].identity);
      REQUIRE(found[i].first_start == expected[i].first_start);
      REQUIRE(found[i].last_start == expected[i].last_start);
    }
    return found.size();
  }

  size_t CompareStatistics(SqliteSearch& search) {
    const OpenCalls open_calls = RandomOpenCalls();
    StatisticsQuery query;
    query.calls = RandomScopedQuery();
    if (Below(4) == 0) query.calls.scope.reset();
    const StatisticsKey keys[] = {StatisticsKey::kMethod, StatisticsKey::kIdentity, StatisticsKey::kUpstream,
                                  StatisticsKey::kStatus};
    for (const StatisticsKey key : keys) {
      if (Below(4) == 0)
        query.group_by.insert(query.group_by.begin() + Below(static_cast<int64_t>(query.group_by.size()) + 1), key);
    }
    if (Below(2) == 0) query.interval = Below(2) == 0 ? absl::Hours(1) : absl::Seconds(97);
    query.most_series = Below(3) == 0 ? 2 : 1'000'000;
    const auto all = search.Statistics(query, open_calls);
    const Sums expected = ExpectedSums(query, open_calls);
    size_t points = 0;
    for (const auto& [group, sums] : expected) points += sums.size();
    if (!all.ok()) {
      REQUIRE(absl::IsInvalidArgument(all.status()));
      REQUIRE(points > kMostStatisticsPoints);
      return 0;
    }
    CheckStatistics(query, *all, expected);
    return all->size();
  }

  void CompareMethods(SqliteSearch& search) {
    const OpenCalls open_calls = RandomOpenCalls();
    const CallQuery query = RandomScopedQuery();
    std::map<std::string, std::pair<uint64_t, absl::Time>> expected;
    for (const auto& [id, call] : calls_) {
      if (call.shredded || !Matches(query, open_calls, id, call)) continue;
      auto& [calls, last] = expected.try_emplace(call.method, 0, absl::InfinitePast()).first->second;
      ++calls;
      last = std::max(last, call.start);
    }
    const auto methods = search.Methods(query, open_calls);
    REQUIRE(methods.status() == absl::OkStatus());
    REQUIRE(methods->size() == expected.size());
    auto next = expected.begin();
    for (const MethodSummary& method : *methods) {
      REQUIRE(method.method == next->first);
      REQUIRE(method.calls == next->second.first);
      REQUIRE(method.last_start == next->second.second);
      ++next;
    }
  }

 private:
  struct Sum {
    StatisticsPoint point;
    std::vector<absl::Duration> took;
  };
  // By group and the interval's number.
  using Sums = std::map<std::vector<std::string>, std::map<int64_t, Sum>>;

  std::vector<std::string> Globs(std::string KnownCall::*name) {
    std::vector<std::string> globs;
    for (int64_t i = Below(3); i >= 0; --i) {
      const std::string some = Some().*name;
      const int64_t how = Below(6);
      globs.push_back(how == 0   ? "*"
                      : how == 1 ? absl::StrCat("*", some.substr(some.size() / 2))
                      : how == 2 ? absl::StrCat(some.substr(0, some.size() / 2), "*")
                      : how == 3 ? "nothing-like-it"
                                 : some);
    }
    return globs;
  }

  std::vector<SessionSummary> ExpectedSessions(const SessionQuery& query) const {
    std::map<uint64_t, SessionSummary, std::greater<>> sessions;
    std::set<uint64_t> meant;
    const auto is_meant = [&](const std::string& identity) {
      return query.identity.empty() || identity == query.identity || GlobMatches(query.identity, identity);
    };
    for (const auto& [id, call] : calls_) {
      if (call.session == 0 || call.shredded || !IsInScope(*query.scope, call)) continue;
      SessionSummary& session = sessions[call.session];
      if (session.calls++ == 0) {
        session.id = call.session;
        session.identity = call.identity;
        session.first_start = call.start;
      }
      session.last_start = call.start;
      if (is_meant(call.identity) && (!query.since || call.start >= *query.since)) meant.insert(call.session);
    }
    // Where all is in scope, the last call tells.
    const bool all = std::any_of(query.scope->parts.begin(), query.scope->parts.end(),
                                 [](const CallScope::Part& part) { return part.everything(); });
    std::vector<SessionSummary> listed;
    for (const auto& [id, session] : sessions) {
      const bool recent = all ? !query.since || session.last_start >= *query.since : meant.contains(id);
      if (recent && is_meant(session.identity)) listed.push_back(session);
    }
    return listed;
  }

  static std::vector<std::string> GroupOf(const StatisticsQuery& query, OpenCalls open_calls, const KnownCall& call) {
    std::vector<std::string> group;
    const bool going_on = call.open && open_calls == OpenCalls::kGoingOn;
    for (const StatisticsKey key : query.group_by) {
      if (key == StatisticsKey::kStatus) {
        group.push_back(call.shredded || going_on ? "" : absl::StrCat(call.open ? kInterruptedStatus : call.status));
      } else {
        const std::string& name = key == StatisticsKey::kMethod     ? call.method
                                  : key == StatisticsKey::kIdentity ? call.identity
                                                                    : call.upstream;
        group.push_back(call.shredded ? std::string(kShreddedName) : name);
      }
    }
    return group;
  }

  static void AddTo(Sum& sum, OpenCalls open_calls, const KnownCall& call) {
    StatisticsPoint& point = sum.point;
    ++point.calls;
    if (call.shredded) return;
    if (call.open) {
      ++(open_calls == OpenCalls::kInterrupted ? point.errors : point.open);
      return;
    }
    point.errors += call.status != 0 ? 1 : 0;
    point.refused += call.refused ? 1 : 0;
    point.request_bytes += call.request_bytes;
    point.response_bytes += call.response_bytes;
    sum.took.push_back(call.duration);
  }

  Sums ExpectedSums(const StatisticsQuery& query, OpenCalls open_calls) const {
    Sums sums;
    for (const auto& [id, call] : calls_) {
      if (!Matches(query.calls, open_calls, id, call)) continue;
      const absl::Time start = call.shredded ? absl::FromUnixMicros(static_cast<int64_t>(id)) : call.start;
      const int64_t number = query.interval ? absl::ToUnixNanos(start) / absl::ToInt64Nanoseconds(*query.interval) : 0;
      AddTo(sums[GroupOf(query, open_calls, call)][number], open_calls, call);
    }
    return sums;
  }

  static void CheckLatency(std::vector<absl::Duration> took, const std::optional<LatencyPercentiles>& latency) {
    REQUIRE(latency.has_value() == !took.empty());
    if (took.empty()) return;
    std::sort(took.begin(), took.end());
    REQUIRE(latency->most == took.back());
    for (const auto& [percent, found] : {std::pair{50, latency->p50}, {90, latency->p90}, {99, latency->p99}}) {
      const absl::Duration exact = took[(took.size() * static_cast<size_t>(percent) + 99) / 100 - 1];
      REQUIRE(absl::AbsDuration(found - exact) <= 0.05 * exact);
    }
  }

  static void CheckPoint(const StatisticsPoint& found, const Sum& sum) {
    const StatisticsPoint& expected = sum.point;
    REQUIRE(found.calls == expected.calls);
    REQUIRE(found.errors == expected.errors);
    REQUIRE(found.refused == expected.refused);
    REQUIRE(found.open == expected.open);
    REQUIRE(found.request_bytes == expected.request_bytes);
    REQUIRE(found.response_bytes == expected.response_bytes);
    CheckLatency(sum.took, found.latency);
  }

  static void CheckStatistics(const StatisticsQuery& query, const std::vector<StatisticsSeries>& all, Sums expected) {
    const auto calls_in = [](const auto& sums) {
      uint64_t calls = 0;
      for (const auto& [number, sum] : sums) calls += sum.point.calls;
      return calls;
    };
    const auto most = static_cast<size_t>(query.most_series);
    REQUIRE(all.size() == std::min(expected.size(), query.group_by.empty() ? 1 : most + 1));
    std::vector<uint64_t> sizes;
    for (const auto& [group, sums] : expected) sizes.push_back(calls_in(sums));
    std::sort(sizes.rbegin(), sizes.rend());
    for (size_t i = 0; i < all.size(); ++i) {
      const bool rest = i == most;
      if (rest) {
        // Whatever is not in the others.
        REQUIRE(all[i].group.empty());
        std::map<int64_t, Sum> left;
        for (auto& [group, sums] : expected) {
          for (auto& [number, sum] : sums) Join(left[number], sum);
        }
        expected.clear();
        expected.emplace(std::vector<std::string>(), std::move(left));
      }
      const auto found = expected.find(all[i].group);
      REQUIRE(found != expected.end());
      if (!rest) REQUIRE(calls_in(found->second) == sizes[i]);
      REQUIRE(all[i].points.size() == found->second.size());
      auto point = found->second.begin();
      for (const StatisticsPoint& each : all[i].points) {
        if (query.interval) REQUIRE(each.start == absl::UnixEpoch() + point->first * *query.interval);
        CheckPoint(each, point->second);
        ++point;
      }
      if (!rest) expected.erase(found);
    }
  }

  static void Join(Sum& sum, const Sum& other) {
    sum.point.calls += other.point.calls;
    sum.point.errors += other.point.errors;
    sum.point.refused += other.point.refused;
    sum.point.open += other.point.open;
    sum.point.request_bytes += other.point.request_bytes;
    sum.point.response_bytes += other.point.response_bytes;
    sum.took.insert(sum.took.end(), other.took.begin(), other.took.end());
  }
};

// Some blocks with calls that begin, end and are destroyed; then `ask` is called.
template <typename Ask>
void ForOddStores(uint64_t seeds, Ask ask) {
  for (uint64_t seed = 1001; seed <= 1000 + seeds; ++seed) {
    INFO("seed " << seed);
    ScopedStore store(seed);
    for (int block = 0; block < 40; ++block) {
      store.AddBlock();
      if (store.Below(3) != 0) store.Save();
      if (store.Below(15) == 0) store.ShredOne();
      if (store.Below(25) == 0) store.DeleteOldest(3);
      if (store.Below(14) != 0) continue;
      store.Save();
      if (store.Below(2) == 0) store.Reopen();
      const auto search = store.Search();
      ask(store, *search);
    }
    store.Save();
    const auto search = store.Search();
    ask(store, *search);
  }
}

TEST_CASE("whoever may see some calls finds and counts just these, page by page, in both orders") {
  size_t found = 0;
  ForOddStores(16, [&](ScopedStore& store, SqliteSearch& search) {
    for (int i = 0; i < 10; ++i) found += store.ComparePages(search);
    for (int i = 0; i < 20; ++i) store.CompareOne(search);
  });
  CHECK(found > 2'000);
}

TEST_CASE("sessions have only the calls that may be seen, and are not there without one") {
  size_t found = 0;
  ForOddStores(14, [&](ScopedStore& store, SqliteSearch& search) {
    for (int i = 0; i < 5; ++i) found += store.CompareSessions(search);
  });
  CHECK(found > 200);
}

TEST_CASE("statistics and lists of methods are what a look at every call adds up to") {
  size_t series = 0;
  ForOddStores(12, [&](ScopedStore& store, SqliteSearch& search) {
    for (int i = 0; i < 8; ++i) series += store.CompareStatistics(search);
    for (int i = 0; i < 5; ++i) store.CompareMethods(search);
  });
  CHECK(series > 200);
}

}  // namespace
}  // namespace sallyport::recorder
