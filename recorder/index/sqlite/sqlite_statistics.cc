// Counts, statistics, and lists of methods.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "recorder/format/call_columns.h"
#include "recorder/index/sqlite/sqlite_search.h"

namespace sallyport::recorder {
namespace {

// Callers choose names: what asks for more groups than this is told to narrow down.
constexpr size_t kMostGroups = 500'000;

absl::Status TooManyGroups(absl::string_view what) {
  return absl::ResourceExhaustedError(
      absl::StrCat("more than ", kMostGroups, " ", what, ": ask for less, as with a shorter time or a glob"));
}

CallMeter::Names NamesFor(const std::vector<StatisticsKey>& keys) {
  const auto has = [&](StatisticsKey key) { return std::find(keys.begin(), keys.end(), key) != keys.end(); };
  return {has(StatisticsKey::kIdentity), has(StatisticsKey::kMethod), has(StatisticsKey::kUpstream)};
}

absl::Status CheckQuery(const StatisticsQuery& query) {
  if (query.interval && *query.interval < absl::Nanoseconds(1)) {
    return absl::InvalidArgumentError("interval: it is not more than 0");
  }
  if (query.most_series < 1) return absl::InvalidArgumentError("most_series: it is below 1");
  std::vector<StatisticsKey> keys = query.group_by;
  std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) {
    return absl::InvalidArgumentError("group_by: a key is there twice");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CallCount> SqliteSearch::Count(const CallQuery& query, OpenCalls open_calls, uint64_t most) {
  CallCount count;
  const absl::Status status = InOneTransaction([&] {
    return MeasureCalls(query, open_calls, {}, [&](const MeasuredCall&) -> absl::StatusOr<bool> {
      count.more = count.calls == most;
      if (!count.more) ++count.calls;
      return !count.more;
    });
  });
  if (!status.ok()) return status;
  return count;
}

absl::StatusOr<std::vector<StatisticsGroup>> SqliteSearch::LargestGroups(const StatisticsQuery& query,
                                                                         OpenCalls open_calls,
                                                                         const StatisticsSums& sums, bool& more) {
  absl::flat_hash_map<StatisticsGroup, uint64_t> calls;
  const absl::Status status = MeasureCalls(query.calls, open_calls, NamesFor(query.group_by),
                                           [&](const MeasuredCall& call) -> absl::StatusOr<bool> {
                                             ++calls[sums.GroupOf(call)];
                                             if (calls.size() > kMostGroups) return TooManyGroups("groups");
                                             return true;
                                           });
  if (!status.ok()) return status;
  std::vector<std::pair<StatisticsGroup, uint64_t>> ordered(calls.begin(), calls.end());
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  const auto most = static_cast<size_t>(query.most_series);
  more = ordered.size() > most;
  if (more) ordered.resize(most);
  std::vector<StatisticsGroup> groups;
  for (const auto& [group, count] : ordered) groups.push_back(group);
  return groups;
}

absl::StatusOr<std::vector<std::string>> SqliteSearch::GroupTexts(const std::vector<StatisticsKey>& keys,
                                                                  const StatisticsGroup& group) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < keys.size(); ++i) {
    const int64_t value = group[i];
    if (keys[i] == StatisticsKey::kStatus) {
      texts.push_back(value == kNoStatusGroup ? "" : absl::StrCat(value));
    } else if (value == kShreddedGroup) {
      texts.emplace_back(kShreddedName);
    } else {
      absl::StatusOr<std::string> name = names_.Name(value);
      if (!name.ok()) return name.status();
      texts.push_back(*std::move(name));
    }
  }
  return texts;
}

absl::StatusOr<std::vector<StatisticsSeries>> SqliteSearch::Statistics(const StatisticsQuery& query,
                                                                       OpenCalls open_calls) {
  if (absl::Status status = CheckQuery(query); !status.ok()) return status;
  StatisticsSums sums(query, open_calls);
  std::vector<StatisticsSeries> all;
  const absl::Status status = InOneTransaction([&] {
    // Groups are counted first, so that only those that are shown take memory for each of their points.
    absl::flat_hash_map<StatisticsGroup, size_t> numbers;
    bool more = query.group_by.empty();
    if (!more) {
      const absl::StatusOr<std::vector<StatisticsGroup>> groups = LargestGroups(query, open_calls, sums, more);
      if (!groups.ok()) return groups.status();
      for (const StatisticsGroup& group : *groups) {
        numbers.emplace(group, numbers.size());
        absl::StatusOr<std::vector<std::string>> texts = GroupTexts(query.group_by, group);
        if (!texts.ok()) return texts.status();
        all.push_back({*std::move(texts), {}});
      }
    }
    const size_t rest = all.size();
    const auto add = [&](const MeasuredCall& call) -> absl::StatusOr<bool> {
      const auto number = rest == 0 ? numbers.end() : numbers.find(sums.GroupOf(call));
      const absl::Status added = sums.Add(number == numbers.end() ? rest : number->second, call.measures);
      if (!added.ok()) return added;
      return true;
    };
    if (absl::Status measured = MeasureCalls(query.calls, open_calls, NamesFor(query.group_by), add); !measured.ok()) {
      return measured;
    }
    if (more) all.emplace_back();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  std::vector<std::vector<StatisticsPoint>> points = sums.Points(all.size());
  for (size_t i = 0; i < all.size(); ++i) all[i].points = std::move(points[i]);
  if (!all.empty() && all.back().points.empty()) all.pop_back();
  return all;
}

absl::StatusOr<std::vector<MethodSummary>> SqliteSearch::Methods(const CallQuery& query, OpenCalls open_calls) {
  struct Called {
    uint64_t calls = 0;
    int64_t last_start_ns = INT64_MIN;
  };
  std::map<std::string, MethodSummary> methods;
  const absl::Status status = InOneTransaction([&] {
    absl::flat_hash_map<int64_t, Called> called;
    const auto add = [&](const MeasuredCall& call) -> absl::StatusOr<bool> {
      if (call.measures.end_reason == kShredded) return true;
      Called& method = called[call.method];
      ++method.calls;
      method.last_start_ns = std::max(method.last_start_ns, call.measures.start_ns);
      if (called.size() > kMostGroups) return TooManyGroups("methods");
      return true;
    };
    const CallMeter::Names names{/*identity=*/false, /*method=*/true, /*upstream=*/false};
    if (absl::Status measured = MeasureCalls(query, open_calls, names, add); !measured.ok()) return measured;
    for (const auto& [number, method] : called) {
      absl::StatusOr<std::string> name = names_.Name(number);
      if (!name.ok()) return name.status();
      methods[*name] = {*name, method.calls, absl::FromUnixNanos(method.last_start_ns)};
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  std::vector<MethodSummary> ordered;
  for (auto& [name, method] : methods) ordered.push_back(std::move(method));
  return ordered;
}

}  // namespace sallyport::recorder
