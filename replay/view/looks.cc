#include "replay/view/looks.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "recorder/format/call_id.h"
#include "replay/view/call_filter.h"
#include "replay/view/index_messages.h"
#include "replay/view/visible_calls.h"

namespace sallyport::replay {
namespace {

using recorder::CallQuery;
using recorder::CallSummary;

constexpr uint64_t kLargestId = std::numeric_limits<uint64_t>::max();
constexpr int kLooksAtOnce = 200;
constexpr size_t kMostSpans = 2'000'000;
constexpr int kMostSteps = 5000;

// Of ids, both included.
struct Span {
  uint64_t first = 0;
  uint64_t last = 0;
};

void ForEachSpan(const v1::Look& look, absl::FunctionRef<void(const Span& span)> span) {
  uint64_t id = 0;
  for (const uint64_t step : look.calls()) {
    if (step > kLargestId - id) break;
    id += step;
    span({id, id});
  }
  for (const v1::Look::Range& range : look.ranges()) {
    if (range.first() <= range.last()) span({range.first(), range.last()});
  }
}

bool IsGatewaysOwn(const CallSummary& call) { return policy::GlobMatches(kOwnMethods, call.method); }

// What a look said that it showed. False if the look is not there any more.
absl::StatusOr<bool> ReadLook(CallStore::Reader& reader, uint64_t id,
                              absl::FunctionRef<void(const v1::Look& look)> look) {
  const absl::Status status = reader->ReadCall(id, [&](const v1::Entry& entry) {
    if (entry.has_look()) look(entry.look());
    return absl::OkStatus();
  });
  if (absl::IsNotFound(status) || absl::IsFailedPrecondition(status)) return false;
  if (!status.ok()) return reader.Checked(status);
  return true;
}

// Hands on looks, the newest first, until `look` says that it wants no more.
absl::Status ForEachLook(CallStore::Reader& reader, CallQuery query,
                         absl::FunctionRef<absl::StatusOr<bool>(const CallSummary& look)> look) {
  query.method = kLookMethods;
  query.limit = kLooksAtOnce;
  while (true) {
    const absl::StatusOr<std::vector<CallSummary>> found = reader->Calls(query);
    if (!found.ok()) return reader.Checked(found.status());
    for (const CallSummary& call : *found) {
      const absl::StatusOr<bool> more = look(call);
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
    }
    if (found->size() < static_cast<size_t>(kLooksAtOnce)) return absl::OkStatus();
    query.after = found->back().id;
  }
}

// In order, and apart from each other.
std::vector<Span> Joined(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.first < b.first; });
  std::vector<Span> joined;
  for (const Span& span : spans) {
    if (!joined.empty() && span.first <= joined.back().last) {
      joined.back().last = std::max(joined.back().last, span.last);
    } else {
      joined.push_back(span);
    }
  }
  return joined;
}

absl::StatusOr<std::vector<Span>> SpansShownTo(CallStore::Reader& reader, const std::string& identity,
                                               const CallQuery& query) {
  CallQuery looks;
  looks.identity = identity;
  looks.since = query.since;  // what began then was not seen before
  std::vector<Span> spans;
  int read = 0;
  const absl::Status status = ForEachLook(reader, looks, [&](const CallSummary& look) -> absl::StatusOr<bool> {
    if (++read > kMostLooksRead || spans.size() > kMostSpans) {
      return absl::ResourceExhaustedError(
          "filter.accessed_by: there are too many looks to go through: say a later `since`");
    }
    const absl::StatusOr<bool> there = ReadLook(reader, look.id, [&](const v1::Look& said) {
      ForEachSpan(said, [&](const Span& span) { spans.push_back(span); });
    });
    if (!there.ok()) return there.status();
    if (spans.size() > kMostSpans) spans = Joined(std::move(spans));
    return true;
  });
  if (!status.ok()) return status;
  return Joined(std::move(spans));
}

// Ids, and what goes with them, such that they ascend in the order that was asked for.
class Order {
 public:
  explicit Order(CallQuery::Order order) : turned_(order == CallQuery::Order::kNewestFirst) {}

  // Both ways.
  uint64_t Turn(uint64_t id) const { return turned_ ? ~id : id; }
  std::vector<Span> Turn(std::vector<Span> spans) const {
    if (!turned_) return spans;
    for (Span& span : spans) span = {~span.last, ~span.first};
    std::reverse(spans.begin(), spans.end());
    return spans;
  }

 private:
  const bool turned_;
};

// Goes on from one span to the next that has a call, and passes over what lies between.
absl::StatusOr<AccessedCalls> Intersection(CallStore::Reader& reader, CallQuery query, const std::vector<Span>& all) {
  const Order order(query.order);
  const std::vector<Span> spans = order.Turn(all);
  const auto size = static_cast<size_t>(query.limit);
  AccessedCalls page;
  uint64_t next = 0;  // turned, as is all that follows
  if (query.after.has_value()) {
    if (order.Turn(*query.after) == kLargestId) return page;
    next = order.Turn(*query.after) + 1;
  }
  for (int steps = 0;; ++steps) {
    // One more than the page has shows that there is a next one.
    if (page.calls.size() > size) {
      page.calls.resize(size);
      page.next = page.calls.back().id;
      return page;
    }
    const auto span =
        std::partition_point(spans.begin(), spans.end(), [next](const Span& before) { return before.last < next; });
    if (span == spans.end()) return page;
    next = std::max(next, span->first);
    if (steps >= kMostSteps && next > 0) {
      page.next = order.Turn(next - 1);
      return page;
    }
    query.after = next == 0 ? std::nullopt : std::optional<uint64_t>(order.Turn(next - 1));
    query.limit = static_cast<int>(span->first == span->last ? 1 : size + 1 - page.calls.size());
    absl::StatusOr<std::vector<CallSummary>> found = reader->Calls(query);
    if (!found.ok()) return reader.Checked(found.status());
    if (found->empty()) return page;
    for (CallSummary& call : *found) {
      next = order.Turn(call.id);
      if (next > span->last) break;
      if (!IsGatewaysOwn(call)) page.calls.push_back(std::move(call));
      if (next == kLargestId) return page;
      ++next;
    }
  }
}

}  // namespace

bool ShowsCall(const v1::Look& look, uint64_t id) {
  bool shows = false;
  ForEachSpan(look, [&](const Span& span) { shows |= span.first <= id && id <= span.last; });
  return shows;
}

absl::StatusOr<v1::ListLooksResponse> LooksAt(CallStore& store, const CallSummary& call,
                                              const v1::ListLooksRequest& request) {
  if (request.page_size() < 0) return absl::InvalidArgumentError("page_size: it is below 0");
  CallQuery query;
  if (!request.page_token().empty()) {
    const absl::StatusOr<uint64_t> after = ReadIdField(request.page_token(), "page_token");
    if (!after.ok()) return after.status();
    query.after = *after;
  }
  v1::ListLooksResponse response;
  if (IsGatewaysOwn(call)) return response;
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  const int size = request.page_size() == 0 ? kUsualPage : std::min<int>(request.page_size(), kMostPage);
  int read = 0;
  uint64_t last = 0;
  const absl::Status status = ForEachLook(*reader, query, [&](const CallSummary& look) -> absl::StatusOr<bool> {
    // What is older cannot have shown it.
    if (look.id < call.id) return false;
    if (response.looks_size() == size || read == kMostLooksOfPage) {
      response.set_next_page_token(recorder::FormatId(last));
      return false;
    }
    ++read;
    last = look.id;
    bool shows = false;
    const absl::StatusOr<bool> there =
        ReadLook(*reader, look.id, [&](const v1::Look& said) { shows |= ShowsCall(said, call.id); });
    if (!there.ok()) return there.status();
    if (shows) *response.add_looks() = ToMessage(look);
    return true;
  });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<AccessedCalls> CallsAccessedBy(CallStore& store, const std::string& reader_glob,
                                              const CallQuery& query) {
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<std::vector<Span>> spans = SpansShownTo(*reader, reader_glob, query);
  if (!spans.ok()) return spans.status();
  return Intersection(*reader, query, *spans);
}

}  // namespace sallyport::replay
