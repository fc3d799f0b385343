#include "gateway/admin/ask_health.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/http/http_client.h"

namespace sallyport::gateway {

absl::Status AskHealth(const std::string& address, absl::Duration timeout) {
  const std::string url = absl::StrCat("http://", address, "/readyz");
  // What would become a user, a path or a query of the URL is no address.
  if (address.find_first_of("/?#@ ") != std::string::npos || !absl::StrContains(address, ':') || !CheckUrl(url).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address, "\" is no address of an admin endpoint; expected host:port, as 127.0.0.1:9464"));
  }
  HttpClient::Options options;
  options.connect_timeout = timeout;
  options.timeout = timeout;
  auto client = HttpClient::Create(options);
  if (!client.ok()) return client.status();
  const auto answer = (*client)->Send({HttpMethod::kGet, url, {}, ""});
  if (!answer.ok()) return answer.status();
  if (answer->status == 200) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the gateway is not ready: ", UnexpectedAnswer(*answer).message()));
}

}  // namespace sallyport::gateway
