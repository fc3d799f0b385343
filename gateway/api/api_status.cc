#include "gateway/api/api_status.h"

#include <google/protobuf/any.pb.h>

#include "absl/strings/ascii.h"
#include "google/rpc/status.pb.h"
#include "recorder/format/entry_batch.h"

namespace sallyport::gateway {
namespace {

std::string_view ReasonOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return "INVALID_REQUEST";
    case absl::StatusCode::kNotFound:
      return "NOT_FOUND";
    case absl::StatusCode::kUnauthenticated:
      return "UNAUTHENTICATED";
    case absl::StatusCode::kPermissionDenied:
      return "NO_ROLE";
    case absl::StatusCode::kResourceExhausted:
      return "TOO_MUCH";
    case absl::StatusCode::kFailedPrecondition:
      return "NOT_NOW";
    case absl::StatusCode::kDataLoss:
      return "RECORD_DAMAGED";
    case absl::StatusCode::kCancelled:
      return "CANCELLED";
    case absl::StatusCode::kDeadlineExceeded:
      return "DEADLINE";
    default:
      return "UNAVAILABLE";
  }
}

bool InField(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_'; }

}  // namespace

std::string_view FieldOf(std::string_view message) {
  const size_t end = message.find(':');
  if (end == std::string_view::npos || end == 0) return "";
  const std::string_view field = message.substr(0, end);
  if (!absl::ascii_islower(field.front())) return "";
  for (const char c : field) {
    if (!InField(c) && c != '.' && c != '[' && c != ']') return "";
  }
  return field;
}

grpc::Status ApiStatus(const absl::Status& status, std::string_view reason) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = recorder::ValidText(std::string(status.message()));
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_domain("sallyport");
  info.set_reason(std::string(reason.empty() ? ReasonOf(status.code()) : reason));
  details.add_details()->PackFrom(info);
  if (absl::IsInvalidArgument(status)) {
    google::rpc::BadRequest bad;
    google::rpc::BadRequest::FieldViolation& violation = *bad.add_field_violations();
    violation.set_field(std::string(FieldOf(message)));
    violation.set_description(message);
    details.add_details()->PackFrom(bad);
  }
  return {static_cast<grpc::StatusCode>(status.code()), message, details.SerializeAsString()};
}

}  // namespace sallyport::gateway
