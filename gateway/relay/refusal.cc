#include "gateway/relay/refusal.h"

#include <google/protobuf/any.pb.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"

namespace sallyport::gateway {
namespace {

constexpr char kDomain[] = "sallyport";

}  // namespace

Refusal MakeRefusal(int code, std::string message, std::string_view reason,
                    const std::vector<std::pair<std::string_view, std::string>>& metadata,
                    std::optional<absl::Duration> retry_after) {
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(kDomain);
  for (const auto& [name, value] : metadata) {
    if (!value.empty()) (*info.mutable_metadata())[std::string(name)] = value;
  }
  status.add_details()->PackFrom(info);
  if (retry_after.has_value()) {
    google::rpc::RetryInfo retry;
    const absl::Duration delay = std::max(*retry_after, absl::ZeroDuration());
    absl::Duration rest;
    retry.mutable_retry_delay()->set_seconds(absl::IDivDuration(delay, absl::Seconds(1), &rest));
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
    status.add_details()->PackFrom(retry);
  }
  return {code, std::move(message), status.SerializeAsString()};
}

Refusal RefusalOf(const absl::Status& status) {
  return {static_cast<int>(status.code()), std::string(status.message()), ""};
}

Refusal GatewayStopping(const std::string& call) {
  return MakeRefusal(static_cast<int>(absl::StatusCode::kUnavailable), "the gateway is stopping", "GATEWAY_STOPPING",
                     {{"call", call}});
}

Refusal RouteDeadlineReached(const std::string& call, absl::Duration deadline) {
  return MakeRefusal(static_cast<int>(absl::StatusCode::kDeadlineExceeded),
                     absl::StrCat("the gateway's route gives calls like this ", absl::FormatDuration(deadline)),
                     "ROUTE_DEADLINE", {{"call", call}});
}

}  // namespace sallyport::gateway
