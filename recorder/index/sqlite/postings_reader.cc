#include "recorder/index/sqlite/postings_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "recorder/format/call_columns.h"

namespace sallyport::recorder {
namespace {

using Lists = PostingsReader::Lists;

// So many lists are looked up one by one; for more, all rows between the first and the last are read.
constexpr size_t kMostLookups = 16;

bool AddRuns(const PostingList& list, OrdinalSet& set) {
  return ForEachRun(list.runs, [&](uint64_t first, uint64_t count) { set.Add(first, count); });
}

// Those that are usually the shortest first: where one is empty, the others need not be read.
void AddNames(const std::optional<std::vector<int64_t>>& identities, const std::optional<std::vector<int64_t>>& methods,
              const std::optional<std::vector<int64_t>>& upstreams, std::vector<Lists>& all) {
  if (identities) all.push_back({PostingKind::kIdentity, *identities});
  if (methods) all.push_back({PostingKind::kMethod, *methods});
  if (upstreams) all.push_back({PostingKind::kUpstream, *upstreams});
  std::stable_sort(all.begin(), all.end(),
                   [](const Lists& a, const Lists& b) { return a.values.size() < b.values.size(); });
}

}  // namespace

absl::StatusOr<PostingsReader> PostingsReader::Create(Database& database) {
  PostingsReader reader;
  const absl::Status status = database.PrepareAll({
      {&reader.select_list_, "SELECT key, bytes FROM postings WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT 1"},
      {&reader.select_range_,
       "SELECT key, bytes FROM postings WHERE key BETWEEN max(?1, coalesce((SELECT max(key) FROM postings WHERE key <= "
       "?2), 0)) AND ?3"},
  });
  if (!status.ok()) return status;
  return reader;
}

PostingsReader::Wanted PostingsReader::WantedBy(const CallConditions& conditions) {
  Wanted wanted;
  std::vector<Lists>& all = wanted.lists;
  // Those that are usually the shortest first: where one is empty, the others need not be read.
  if (conditions.session) all.push_back({PostingKind::kSession, {SessionValue(*conditions.session)}});
  if (conditions.trace)
    all.push_back({PostingKind::kTrace, {TraceValue(conditions.trace->high, conditions.trace->low)}});
  AddNames(conditions.identities, conditions.methods, conditions.upstreams, all);
  if (conditions.min_duration_ns) {
    all.push_back({PostingKind::kDuration, {}, DurationValue(std::max<int64_t>(*conditions.min_duration_ns, 0)), true});
  }
  if (conditions.status) {
    Lists lists = {PostingKind::kStatus, {*conditions.status & kLargestPostingValue}, -1, true};
    all.insert(*conditions.status == 0 ? all.end() : all.begin(), std::move(lists));
  }
  if (!conditions.scope) return wanted;
  for (const ScopeNumbers& numbers : *conditions.scope) {
    Wanted::Part& part = wanted.scope.emplace_back();
    AddNames(numbers.identities, numbers.methods, numbers.upstreams, part.lists);
    part.but = {PostingKind::kMethod, numbers.but_methods};
  }
  return wanted;
}

absl::StatusOr<bool> PostingsReader::Find(const Wanted& wanted, int64_t chunk, size_t size, OrdinalSet& found) {
  found.Reset(size, /*all=*/true);
  const absl::StatusOr<bool> any = Keep(wanted.lists, chunk, size, found);
  return any.ok() && *any && !wanted.scope.empty() ? KeepScope(wanted.scope, chunk, size, found) : any;
}

absl::StatusOr<bool> PostingsReader::Keep(const std::vector<Lists>& lists, int64_t chunk, size_t size,
                                          OrdinalSet& found) {
  for (const Lists& each : lists) {
    listed_.Reset(size, /*all=*/false);
    if (absl::Status status = ReadLists(each, chunk, listed_); !status.ok()) return status;
    if (!found.KeepCommon(listed_)) return false;
  }
  return true;
}

absl::StatusOr<bool> PostingsReader::KeepScope(const std::vector<Wanted::Part>& scope, int64_t chunk, size_t size,
                                               OrdinalSet& found) {
  scope_.Reset(size, /*all=*/false);
  for (const Wanted::Part& part : scope) {
    part_.Reset(size, /*all=*/true);
    const absl::StatusOr<bool> any = Keep(part.lists, chunk, size, part_);
    if (!any.ok()) return any;
    if (!*any) continue;
    if (!part.but.values.empty()) {
      listed_.Reset(size, /*all=*/false);
      if (absl::Status status = ReadLists(part.but, chunk, listed_); !status.ok()) return status;
      part_.RemoveAll(listed_);
    }
    scope_.AddAll(part_);
  }
  return found.KeepCommon(scope_);
}

absl::Status PostingsReader::ReadLists(const Lists& lists, int64_t chunk, OrdinalSet& set) {
  absl::Status status;
  if (lists.at_least >= 0 || lists.values.size() > kMostLookups) {
    status = ReadRange(lists, chunk, set);
  } else {
    for (size_t i = 0; status.ok() && i < lists.values.size(); ++i) {
      status = ReadList(lists.kind, lists.values[i], chunk, set);
    }
  }
  if (status.ok() && lists.or_open) status = ReadList(PostingKind::kOpen, 0, chunk, set);
  return status;
}

absl::Status PostingsReader::ReadList(PostingKind kind, int64_t value, int64_t chunk, OrdinalSet& set) {
  select_list_.Bind(1, PostingKey(chunk, kind, 0));
  select_list_.Bind(2, PostingKey(chunk, kind, value));
  const absl::StatusOr<bool> row = select_list_.Step();
  bool good = true;
  if (row.ok() && *row) {
    const bool whole = ForEachList(select_list_.Integer(0), select_list_.Text(1), [&](const PostingList& list) {
      if (list.value == value) good = AddRuns(list, set);
      return list.value < value;
    });
    good = good && whole;
  }
  select_list_.Reset();
  if (!row.ok()) return row.status();
  return good ? absl::OkStatus() : DamagedPostings();
}

absl::Status PostingsReader::ReadRange(const Lists& lists, int64_t chunk, OrdinalSet& set) {
  const bool any_above = lists.at_least >= 0;
  const int64_t first = any_above ? lists.at_least : lists.values.front();
  const int64_t last = any_above ? kLargestPostingValue : lists.values.back();
  return ForEachListBetween(lists.kind, chunk, first, last, [&](const PostingList& list) {
    const bool wanted =
        any_above ? list.value >= first : std::binary_search(lists.values.begin(), lists.values.end(), list.value);
    return !wanted || AddRuns(list, set);
  });
}

absl::Status PostingsReader::ForEachListOf(PostingKind kind, int64_t chunk,
                                           absl::FunctionRef<bool(const PostingList&)> visit) {
  return ForEachListBetween(kind, chunk, 0, kLargestPostingValue, visit);
}

absl::Status PostingsReader::ForEachListBetween(PostingKind kind, int64_t chunk, int64_t first, int64_t last,
                                                absl::FunctionRef<bool(const PostingList&)> visit) {
  select_range_.Bind(1, PostingKey(chunk, kind, 0));
  select_range_.Bind(2, PostingKey(chunk, kind, first));
  select_range_.Bind(3, PostingKey(chunk, kind, last));
  absl::Status status;
  while (status.ok()) {
    const absl::StatusOr<bool> row = select_range_.Step();
    status = row.status();
    if (!row.ok() || !*row) break;
    bool good = true;
    const bool whole = ForEachList(select_range_.Integer(0), select_range_.Text(1), [&](const PostingList& list) {
      good = visit(list);
      return good && list.value < last;
    });
    if (!good || !whole) status = DamagedPostings();
  }
  select_range_.Reset();
  return status;
}

}  // namespace sallyport::recorder
