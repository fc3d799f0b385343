// Counts, statistics and lists of methods of a data directory.
#ifndef SALLYPORT_REPLAY_VIEW_LOCAL_STATISTICS_H_
#define SALLYPORT_REPLAY_VIEW_LOCAL_STATISTICS_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/record_reader.h"
#include "replay/view/call_store.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// Of the calls in a scope; nothing: of all. INVALID_ARGUMENT names the field.
absl::StatusOr<v1::Statistics> StatisticsOf(CallStore& store, const v1::StatisticsRequest& request,
                                            const std::optional<recorder::CallScope>& scope);
absl::StatusOr<v1::ListMethodsResponse> MethodsOf(CallStore& store, const v1::ListMethodsRequest& request,
                                                  const std::optional<recorder::CallScope>& scope);

// Counts the calls that match the query, which is that of the request, as far as the request wants it.
absl::Status AddCount(CallStore& store, const v1::SearchCallsRequest& request, const recorder::CallQuery& query,
                      v1::SearchCallsResponse& response);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_LOCAL_STATISTICS_H_
