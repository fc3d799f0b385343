#include "replay/view/call_filter.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "recorder/format/call_id.h"
#include "recorder/format/trace_id.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

int PageSize(int32_t wanted) { return wanted == 0 ? kUsualPage : std::min<int>(wanted, kMostPage); }

// A page's token is the id of the last call or session before the page, in the order that was asked for.
template <typename Request>
absl::StatusOr<std::optional<uint64_t>> After(const Request& request) {
  if (request.page_size() < 0) return absl::InvalidArgumentError("page_size: it is below 0");
  if (!request.page_token().empty() && !request.after().empty()) {
    return absl::InvalidArgumentError("page_token: it goes without `after`");
  }
  const std::string& text = request.page_token().empty() ? request.after() : request.page_token();
  if (text.empty()) return std::optional<uint64_t>();
  const absl::StatusOr<uint64_t> id = ReadIdField(text, request.page_token().empty() ? "after" : "page_token");
  if (!id.ok()) return id.status();
  return std::optional<uint64_t>(*id);
}

}  // namespace

absl::StatusOr<uint64_t> ReadIdField(const std::string& text, const char* field) {
  if (const std::optional<uint64_t> id = recorder::ParseId(text)) return *id;
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": \"", absl::CHexEscape(text.substr(0, 80)), "\" is not an id"));
}

absl::StatusOr<std::string> ReadTraceId(const std::string& text) {
  const bool hex = std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isxdigit(c); });
  if (!hex || text.size() != 2 * recorder::kTraceIdBytes) {
    return absl::InvalidArgumentError(absl::StrCat("\"", absl::CHexEscape(text.substr(0, 80)),
                                                   "\" is not the id of a trace: 32 digits of 0-9 and a-f"));
  }
  std::string id = absl::HexStringToBytes(text);
  if (recorder::TraceNumbersOf(id) == recorder::TraceNumbers()) {
    return absl::InvalidArgumentError("no trace has an id of zeros");
  }
  return id;
}

absl::StatusOr<recorder::CallQuery> ToQuery(const v1::SearchCallsRequest& request) {
  const v1::Filter& filter = request.filter();
  recorder::CallQuery query;
  query.identity = filter.identity();
  query.method = MethodName(filter.method());
  query.upstream = filter.upstream();
  if (filter.has_status_code()) query.status_code = filter.status_code();
  query.open_only = filter.open();
  if (!filter.session().empty()) {
    const absl::StatusOr<uint64_t> session = ReadIdField(filter.session(), "filter.session");
    if (!session.ok()) return session.status();
    query.session_id = *session;
  }
  if (!filter.trace_id().empty()) {
    const absl::StatusOr<std::string> trace = ReadTraceId(filter.trace_id());
    if (!trace.ok()) return absl::InvalidArgumentError(absl::StrCat("filter.trace_id: ", trace.status().message()));
    query.trace_id = *trace;
  }
  if (filter.has_since()) query.since = ToTime(filter.since());
  if (filter.has_until()) query.until = ToTime(filter.until());
  if (filter.has_min_duration()) query.min_duration = ToDuration(filter.min_duration());
  query.order = request.order() == v1::CALL_ORDER_OLDEST_FIRST ? recorder::CallQuery::Order::kOldestFirst
                                                               : recorder::CallQuery::Order::kNewestFirst;
  const absl::StatusOr<std::optional<uint64_t>> after = After(request);
  if (!after.ok()) return after.status();
  query.after = *after;
  query.limit = PageSize(request.page_size());
  return query;
}

absl::StatusOr<recorder::SessionQuery> ToQuery(const v1::SearchSessionsRequest& request) {
  recorder::SessionQuery query;
  query.identity = request.identity();
  if (request.has_since()) query.since = ToTime(request.since());
  const absl::StatusOr<std::optional<uint64_t>> after = After(request);
  if (!after.ok()) return after.status();
  query.after = *after;
  query.limit = PageSize(request.page_size());
  return query;
}

bool MatchesNames(const v1::Filter& filter, const std::string& identity, const std::string& method,
                  const std::string& upstream) {
  return (filter.identity().empty() || policy::GlobMatches(filter.identity(), identity)) &&
         (filter.method().empty() || policy::GlobMatches(MethodName(filter.method()), method)) &&
         (filter.upstream().empty() || policy::GlobMatches(filter.upstream(), upstream));
}

bool AsksForMoreThanTimes(const v1::Filter& filter) {
  return !filter.identity().empty() || !filter.method().empty() || !filter.upstream().empty() ||
         filter.has_status_code() || !filter.session().empty() || !filter.trace_id().empty() ||
         filter.has_min_duration() || filter.open();
}

}  // namespace sallyport::replay
