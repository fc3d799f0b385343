#include "replay/client/remote_answers.h"

#include "absl/strings/str_cat.h"
#include "replay/view/printable.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMostShown = 1000;

// Numbers that neither library has a name for.
absl::StatusCode CodeOf(const grpc::Status& status) {
  const int code = status.error_code();
  return code >= 0 && code <= 16 ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
}

std::string TextOf(absl::StatusCode code, const std::string& said, const Asked& asked) {
  const std::string& server = asked.server;
  const std::string because = said.empty() ? "" : absl::StrCat(" (", said, ")");
  switch (code) {
    case absl::StatusCode::kUnauthenticated:
      return absl::StrCat(server, " does not know who asks", because, ": log in with `sallyport login --server ",
                          server, "`, or name a file with a token or an API key with --token FILE");
    case absl::StatusCode::kPermissionDenied:
      return absl::StrCat(server, " does not allow that", because,
                          ": `roles` of the policy there say who may see what");
    case absl::StatusCode::kUnavailable:
      return absl::StrCat(server, " cannot be asked", because,
                          ": name where a gateway's `api.grpc` listens with --server HOST:PORT, or its socket with "
                          "--server unix:DATA/api.sock");
    case absl::StatusCode::kUnimplemented:
      return absl::StrCat(server, " does not have ", asked.method, because,
                          ": it is no gateway's audit service, or one of an earlier version");
    case absl::StatusCode::kDeadlineExceeded:
      if (asked.patience.has_value()) {
        return absl::StrCat(server, " did not answer ", asked.method, " within ", absl::FormatDuration(*asked.patience),
                            because);
      }
      break;
    case absl::StatusCode::kResourceExhausted:
      return absl::StrCat(server, ": ", said, " (answers of at most ", asked.most_message_bytes >> 20,
                          " MiB a message are taken)");
    default:
      break;
  }
  return absl::StrCat(server, ": ", said.empty() ? absl::StatusCodeToString(code) : said);
}

}  // namespace

absl::Status Explained(const grpc::Status& status, const Asked& asked) {
  if (status.ok()) return absl::OkStatus();
  const absl::StatusCode code = CodeOf(status);
  return absl::Status(code, TextOf(code, CutEnd(Printable(status.error_message()), kMostShown), asked));
}

absl::Status InAnswer(const absl::Status& status, const std::string& server, const std::string& method) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("what ", server, " answered to ", method, " cannot be used: ", status.message()));
}

}  // namespace sallyport::replay
