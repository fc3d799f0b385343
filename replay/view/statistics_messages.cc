#include "replay/view/statistics_messages.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "replay/view/call_filter.h"
#include "replay/view/exact_text.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

std::optional<recorder::StatisticsKey> KeyOf(int key) {
  switch (key) {
    case v1::STATISTICS_KEY_METHOD:
      return recorder::StatisticsKey::kMethod;
    case v1::STATISTICS_KEY_IDENTITY:
      return recorder::StatisticsKey::kIdentity;
    case v1::STATISTICS_KEY_UPSTREAM:
      return recorder::StatisticsKey::kUpstream;
    case v1::STATISTICS_KEY_STATUS:
      return recorder::StatisticsKey::kStatus;
    default:
      return std::nullopt;
  }
}

// Callers choose methods: their paths may be any bytes.
std::string Shown(const std::string& name) {
  std::string text;
  ExactBytes exact;
  SetText(name, "method", &text, &exact);
  return text;
}

void SetPoint(const recorder::StatisticsPoint& point, v1::StatisticsPoint* message) {
  SetTime(point.start, message->mutable_start());
  message->set_calls(point.calls);
  message->set_errors(point.errors);
  message->set_refused(point.refused);
  message->set_open(point.open);
  message->set_request_bytes(point.request_bytes);
  message->set_response_bytes(point.response_bytes);
  if (!point.latency.has_value()) return;
  v1::LatencyPercentiles* latency = message->mutable_latency();
  SetDuration(point.latency->p50, latency->mutable_p50());
  SetDuration(point.latency->p90, latency->mutable_p90());
  SetDuration(point.latency->p99, latency->mutable_p99());
  SetDuration(point.latency->most, latency->mutable_max());
}

}  // namespace

absl::Status CheckIndexed(const v1::Filter& filter) {
  const std::pair<bool, const char*> fields[] = {{!filter.text().empty(), "text"},
                                                 {!filter.where().empty(), "where"},
                                                 {!filter.correlation().empty(), "correlation"},
                                                 {filter.caller_kind() != v1::CALLER_KIND_UNSPECIFIED, "caller_kind"},
                                                 {!filter.accessed_by().empty(), "accessed_by"}};
  for (const auto& [is_set, name] : fields) {
    if (!is_set) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("filter.", name, ": calls are counted by what the index says of them, which does not tell this"));
  }
  return absl::OkStatus();
}

absl::StatusOr<recorder::StatisticsQuery> ToQuery(const v1::StatisticsRequest& request) {
  if (absl::Status status = CheckIndexed(request.filter()); !status.ok()) return status;
  v1::SearchCallsRequest calls;
  *calls.mutable_filter() = request.filter();
  const absl::StatusOr<recorder::CallQuery> filter = ToQuery(calls);
  if (!filter.ok()) return filter.status();
  recorder::StatisticsQuery query;
  query.calls = *filter;
  if (request.has_interval()) {
    query.interval = ToDuration(request.interval());
    if (*query.interval <= absl::ZeroDuration()) return absl::InvalidArgumentError("interval: it is not more than 0");
  }
  for (int i = 0; i < request.group_by_size(); ++i) {
    const std::optional<recorder::StatisticsKey> key = KeyOf(request.group_by(i));
    if (!key.has_value()) return absl::InvalidArgumentError(absl::StrCat("group_by[", i, "]: there is no such key"));
    if (std::count(query.group_by.begin(), query.group_by.end(), *key) > 0) {
      return absl::InvalidArgumentError(absl::StrCat("group_by[", i, "]: the key is there twice"));
    }
    query.group_by.push_back(*key);
  }
  if (request.most_series() < 0) return absl::InvalidArgumentError("most_series: it is below 0");
  query.most_series = request.most_series() == 0 ? kUsualSeries : std::min(request.most_series(), kMostSeries);
  return query;
}

absl::StatusOr<recorder::CallQuery> ToQuery(const v1::ListMethodsRequest& request) {
  recorder::CallQuery query;
  query.method = MethodName(request.method());
  if (request.has_since()) query.since = ToTime(request.since());
  return query;
}

v1::Statistics ToMessage(const std::vector<recorder::StatisticsSeries>& all) {
  v1::Statistics message;
  for (const recorder::StatisticsSeries& series : all) {
    v1::StatisticsSeries* added = message.add_series();
    for (const std::string& text : series.group) added->add_group(Shown(text));
    for (const recorder::StatisticsPoint& point : series.points) SetPoint(point, added->add_points());
  }
  return message;
}

v1::ListMethodsResponse ToMessage(const std::vector<recorder::MethodSummary>& methods) {
  v1::ListMethodsResponse message;
  for (const recorder::MethodSummary& method : methods) {
    v1::MethodSummary* added = message.add_methods();
    added->set_method(Shown(method.method));
    added->set_calls(method.calls);
    SetTime(method.last_start, added->mutable_last_start());
  }
  return message;
}

}  // namespace sallyport::replay
