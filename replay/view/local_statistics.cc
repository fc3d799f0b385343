#include "replay/view/local_statistics.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "replay/view/local_store.h"
#include "replay/view/statistics_messages.h"

namespace sallyport::replay {

absl::StatusOr<v1::Statistics> StatisticsOf(CallStore& store, const v1::StatisticsRequest& request,
                                            const std::optional<recorder::CallScope>& scope) {
  absl::StatusOr<recorder::StatisticsQuery> query = ToQuery(request);
  if (!query.ok()) return query.status();
  query->calls.scope = scope;
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<std::vector<recorder::StatisticsSeries>> all = (*reader)->Statistics(*query);
  if (!all.ok()) return reader->Checked(all.status());
  return ToMessage(*all);
}

absl::StatusOr<v1::ListMethodsResponse> MethodsOf(CallStore& store, const v1::ListMethodsRequest& request,
                                                  const std::optional<recorder::CallScope>& scope) {
  absl::StatusOr<recorder::CallQuery> query = ToQuery(request);
  if (!query.ok()) return query.status();
  query->scope = scope;
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<std::vector<recorder::MethodSummary>> methods = (*reader)->Methods(*query);
  if (!methods.ok()) return reader->Checked(methods.status());
  return ToMessage(*methods);
}

absl::Status AddCount(CallStore& store, const v1::SearchCallsRequest& request, const recorder::CallQuery& query,
                      v1::SearchCallsResponse& response) {
  if (request.count() == v1::COUNT_MODE_NONE) return absl::OkStatus();
  if (request.count() != v1::COUNT_MODE_CAPPED && request.count() != v1::COUNT_MODE_EXACT) {
    return absl::InvalidArgumentError("count: there is no such mode");
  }
  if (absl::Status status = CheckIndexed(request.filter()); !status.ok()) return status;
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  const uint64_t most = request.count() == v1::COUNT_MODE_CAPPED ? kMostCounted : std::numeric_limits<uint64_t>::max();
  const absl::StatusOr<recorder::CallCount> count = (*reader)->Count(query, most);
  if (!count.ok()) return reader->Checked(count.status());
  response.set_count(count->calls);
  response.set_more(count->more);
  return absl::OkStatus();
}

absl::StatusOr<v1::Statistics> LocalStore::GetStatistics(const v1::StatisticsRequest& request) {
  return StatisticsOf(*store_, request, scope());
}

absl::StatusOr<v1::ListMethodsResponse> LocalStore::ListMethods(const v1::ListMethodsRequest& request) {
  return MethodsOf(*store_, request, scope());
}

}  // namespace sallyport::replay
