#include "recorder/index/call_finder.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/index/schema.h"

namespace sallyport::recorder {
namespace {

// So many lists are looked up one by one; for more, all of their kind are read.
constexpr size_t kMostLookups = 16;
constexpr int64_t kLargestValue = (int64_t{1} << kPostingValueBits) - 1;

bool IsOneOf(const std::optional<std::vector<int64_t>>& numbers, int64_t number) {
  return !numbers.has_value() || std::binary_search(numbers->begin(), numbers->end(), number);
}

bool Fulfils(const Statement& row, const CallConditions& conditions) {
  const int64_t end_reason = row.Integer(CallColumn::kEndReason);
  if (end_reason == kShredded) {
    // Nothing is known of it but when it began.
    if (conditions.identities || conditions.methods || conditions.upstreams || conditions.session ||
        conditions.status || conditions.min_duration_ns || conditions.open_only) {
      return false;
    }
  }
  const int64_t start_ns = row.Integer(CallColumn::kStartNs);
  if (start_ns < conditions.since_ns || start_ns >= conditions.until_ns) return false;
  if (!IsOneOf(conditions.identities, row.Integer(CallColumn::kIdentity)) ||
      !IsOneOf(conditions.methods, row.Integer(CallColumn::kMethod)) ||
      !IsOneOf(conditions.upstreams, row.Integer(CallColumn::kUpstream))) {
    return false;
  }
  if (conditions.session && row.Integer(CallColumn::kSession) != *conditions.session) return false;
  const bool open = end_reason == kOpen;
  if (conditions.open_only && !open) return false;
  if (conditions.status &&
      !(open ? conditions.or_open : row.Integer(CallColumn::kStatus) == *conditions.status)) {
    return false;
  }
  return !conditions.min_duration_ns ||
         (!open && row.Integer(CallColumn::kDurationNs) >= *conditions.min_duration_ns);
}

void KeepCommon(std::vector<int64_t>& ids, const std::vector<int64_t>& others) {
  std::vector<int64_t> common;
  std::set_intersection(ids.begin(), ids.end(), others.begin(), others.end(), std::back_inserter(common));
  ids = std::move(common);
}

}  // namespace

absl::StatusOr<CallFinder> CallFinder::Create(Database& database) {
  CallFinder finder(database);
  const absl::Status status = database.PrepareAll({
      {&finder.select_call_, absl::StrCat("SELECT ", kCallColumns, " FROM calls WHERE id = ?1")},
      {&finder.select_posting_, "SELECT ids FROM postings WHERE key = ?1"},
      {&finder.select_postings_, "SELECT key, ids FROM postings WHERE key BETWEEN ?1 AND ?2"},
      {&finder.last_chunk_, "SELECT max(last_id) FROM chunks HAVING count(*) > 0"},
  });
  if (!status.ok()) return status;
  return finder;
}

std::vector<CallFinder::Lists> CallFinder::ListsFor(const CallConditions& conditions) {
  std::vector<Lists> all;
  // Those that are usually the shortest first: where one is empty, the others need not be read.
  if (conditions.session) all.push_back({PostingKind::kSession, {SessionBucket(*conditions.session)}});
  if (conditions.status && *conditions.status != 0) {
    all.push_back({PostingKind::kStatus, {*conditions.status & kLargestValue}, -1, true});
  }
  if (conditions.min_duration_ns && *conditions.min_duration_ns >= kLeastPostedDurationNs) {
    all.push_back({PostingKind::kDuration, {}, DurationBucket(*conditions.min_duration_ns), true});
  }
  const size_t names = all.size();
  // Number 0 stands for the empty name, which has no postings.
  const auto add = [&](PostingKind kind, const std::optional<std::vector<int64_t>>& values) {
    if (values && (values->empty() || values->front() != 0)) all.push_back({kind, *values});
  };
  add(PostingKind::kIdentity, conditions.identities);
  add(PostingKind::kMethod, conditions.methods);
  add(PostingKind::kUpstream, conditions.upstreams);
  std::stable_sort(all.begin() + static_cast<ptrdiff_t>(names), all.end(),
                   [](const Lists& a, const Lists& b) { return a.values.size() < b.values.size(); });
  return all;
}

absl::Status CallFinder::Find(const CallConditions& conditions, Visit visit) {
  if (conditions.first_id > conditions.last_id || conditions.since_ns >= conditions.until_ns) return absl::OkStatus();
  const std::vector<Lists> lists = conditions.open_only ? std::vector<Lists>() : ListsFor(conditions);
  int64_t chunked_to = 0;
  absl::StatusOr<bool> chunked = lists.empty() ? false : last_chunk_.RunForInteger(chunked_to);
  if (!chunked.ok()) return chunked.status();
  if (!*chunked || conditions.first_id > chunked_to) {
    return Scan(conditions, conditions.first_id, conditions.last_id, visit).status();
  }
  // The calls above `chunked_to` have no postings yet.
  for (const bool above : {conditions.newest_first, !conditions.newest_first}) {
    if (above && conditions.last_id <= chunked_to) continue;
    absl::StatusOr<bool> more = above ? Scan(conditions, chunked_to + 1, conditions.last_id, visit)
                                      : SearchChunks(conditions, lists, visit);
    if (!more.ok() || !*more) return more.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CallFinder::Scan(const CallConditions& conditions, int64_t first_id, int64_t last_id,
                                      Visit visit) {
  const absl::string_view from = conditions.open_only ? "calls INDEXED BY calls_open WHERE end_reason = 0 AND "
                                                      : "calls NOT INDEXED WHERE ";
  absl::StatusOr<Statement> select =
      database_->Prepare(absl::StrCat("SELECT ", kCallColumns, " FROM ", from, "id BETWEEN ?1 AND ?2 ORDER BY id ",
                                      conditions.newest_first ? "DESC" : "ASC"));
  if (!select.ok()) return select.status();
  select->Bind(1, first_id);
  select->Bind(2, last_id);
  while (true) {
    absl::StatusOr<bool> more = select->Step();
    if (!more.ok()) return more.status();
    if (!*more) return true;
    if (!Fulfils(*select, conditions)) continue;
    more = visit(*select);
    if (!more.ok() || !*more) return more;
  }
}

absl::StatusOr<bool> CallFinder::SearchChunks(const CallConditions& conditions, const std::vector<Lists>& lists,
                                              Visit visit) {
  // The first chunk that ends above the range still begins in it.
  absl::StatusOr<Statement> select = database_->Prepare(
      absl::StrCat("SELECT number FROM chunks WHERE last_id >= ?1 AND last_id <= coalesce((SELECT min(last_id) FROM "
                   "chunks WHERE last_id >= ?2), ?2) ORDER BY last_id ",
                   conditions.newest_first ? "DESC" : "ASC"));
  if (!select.ok()) return select.status();
  select->Bind(1, conditions.first_id);
  select->Bind(2, conditions.last_id);
  while (true) {
    absl::StatusOr<bool> more = select->Step();
    if (!more.ok()) return more.status();
    if (!*more) return true;
    more = SearchChunk(conditions, lists, select->Integer(0), visit);
    if (!more.ok() || !*more) return more;
  }
}

absl::StatusOr<bool> CallFinder::SearchChunk(const CallConditions& conditions, const std::vector<Lists>& lists,
                                             int64_t chunk, Visit visit) {
  std::vector<int64_t> ids;
  std::vector<int64_t> others;
  for (size_t i = 0; i < lists.size(); ++i) {
    others.clear();
    if (absl::Status status = ReadLists(lists[i], chunk, i == 0 ? ids : others); !status.ok()) return status;
    if (i != 0) KeepCommon(ids, others);
    if (ids.empty()) return true;
  }
  if (conditions.newest_first) std::reverse(ids.begin(), ids.end());
  for (int64_t id : ids) {
    if (id < conditions.first_id || id > conditions.last_id) continue;
    select_call_.Bind(1, id);
    absl::StatusOr<bool> more = select_call_.Step();
    if (more.ok()) more = !*more || !Fulfils(select_call_, conditions) ? true : visit(select_call_);
    select_call_.Reset();
    if (!more.ok() || !*more) return more;
  }
  return true;
}

absl::Status CallFinder::ReadLists(const Lists& lists, int64_t chunk, std::vector<int64_t>& ids) {
  size_t read = 0;
  if (lists.at_least >= 0 || lists.values.size() > kMostLookups) {
    const int64_t first = lists.at_least >= 0 ? lists.at_least : lists.values.front();
    const int64_t last = lists.at_least >= 0 ? kLargestValue : lists.values.back();
    const absl::Status status =
        ReadRange(PostingKey(chunk, lists.kind, first), PostingKey(chunk, lists.kind, last),
                  lists.at_least >= 0 ? nullptr : &lists.values, ids);
    if (!status.ok()) return status;
    read = 2;
  } else {
    for (int64_t value : lists.values) {
      const int64_t key = PostingKey(chunk, lists.kind, value);
      if (absl::Status status = ReadRange(key, key, nullptr, ids); !status.ok()) return status;
      ++read;
    }
  }
  if (lists.or_open) {
    const int64_t key = PostingKey(chunk, PostingKind::kOpen, 0);
    if (absl::Status status = ReadRange(key, key, nullptr, ids); !status.ok()) return status;
    ++read;
  }
  // Each list is in order already.
  if (read > 1) {
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  return absl::OkStatus();
}

absl::Status CallFinder::ReadRange(int64_t first_key, int64_t last_key, const std::vector<int64_t>* values,
                                   std::vector<int64_t>& ids) {
  const bool one = first_key == last_key;
  Statement& select = one ? select_posting_ : select_postings_;
  select.Bind(1, first_key);
  if (!one) select.Bind(2, last_key);
  absl::Status status;
  while (status.ok()) {
    const absl::StatusOr<bool> row = select.Step();
    status = row.status();
    if (!row.ok() || !*row) break;
    if (values != nullptr && !std::binary_search(values->begin(), values->end(), PostingValue(select.Integer(0)))) {
      continue;
    }
    if (!ReadPosting(select.Text(one ? 0 : 1), ids)) {
      status = absl::DataLossError("the index holds a posting that is none: `sallyport index rebuild` makes it again");
    }
  }
  select.Reset();
  return status;
}

}  // namespace sallyport::recorder
