// Reads the rich errors that services put into `grpc-status-details-bin`.
#ifndef SALLYPORT_REPLAY_VIEW_STATUS_DETAILS_H_
#define SALLYPORT_REPLAY_VIEW_STATUS_DETAILS_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "policy/descriptors/descriptors.h"

namespace sallyport::replay {

// `value`, a serialised google.rpc.Status, as JSON. What its Any members hold is shown where it is one of the standard
// details (google/rpc/error_details.proto) or a type of `known`. Bytes that are no google.rpc.Status are shown as
// MessagePrinter shows them.
absl::StatusOr<std::string> StatusDetailsJson(const std::shared_ptr<const policy::Descriptors>& known,
                                              std::string_view value, policy::JsonStyle style);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_STATUS_DETAILS_H_
