// HTTP requests over libcurl, which is known to this folder only.
#ifndef SALLYPORT_GATEWAY_HTTP_HTTP_CLIENT_H_
#define SALLYPORT_GATEWAY_HTTP_HTTP_CLIENT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

enum class HttpMethod { kGet, kPost };

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string url;
  // Names and values, such as {"Content-Type", "text/plain"}; nothing is sent that is not named here but Host,
  // User-Agent and Content-Length.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // of a POST
};

struct HttpResponse {
  int status = 0;
  std::string content_type;
  std::string body;
};

// What requests to one server share: a connection, kept alive. http and https only; the server's certificate is
// verified; redirects are not followed. Not thread-safe, but for Cancel. An interface, so that only one file knows
// libcurl, and tests answer in place of a server.
class HttpClient {
 public:
  struct Options {
    std::string ca_pem;  // PEM of the authorities that may have signed the server's certificate; the system's if empty
    // PEM files that are read again for each connection: authorities in place of ca_pem, and a certificate with its key
    // for servers that ask for one. None if empty.
    std::string ca_file = {};
    std::string cert_file = {};
    std::string key_file = {};
    absl::Duration connect_timeout = absl::Seconds(5);
    absl::Duration timeout = absl::Seconds(10);  // of a whole request
    size_t most_response_bytes = 64 << 10;       // of a body
  };

  static absl::StatusOr<std::unique_ptr<HttpClient>> Create(const Options& options);
  virtual ~HttpClient() = default;

  // Whatever the server answered. UNAVAILABLE if it did not, in time and within the bound; CANCELLED after Cancel;
  // INVALID_ARGUMENT if a header has what no header can. No error repeats more of the request than PublicPart shows.
  virtual absl::StatusOr<HttpResponse> Send(const HttpRequest& request) = 0;
  // Ends a request that is under way, and all later ones, soon. From any thread.
  virtual void Cancel() = 0;
};

// A POST of UTF-8 text.
HttpRequest TextPost(std::string url, std::string text);

// INVALID_ARGUMENT, saying what is expected, unless it is an http or https URL with a host and without a fragment.
absl::Status CheckUrl(const std::string& url);

// Whether what goes to and comes from a URL can be read and changed on the way: plain http, other than to this
// machine's own loopback addresses and "localhost". True for what is no URL.
bool IsExposed(const std::string& url);

// CheckUrl, and INVALID_ARGUMENT for what is exposed unless `insecure` says that it may be: "plain http to another
// machine", and what to do.
absl::Status CheckProtectedUrl(const std::string& url, bool insecure);

// Scheme, host and port: what of a URL may be logged, since users, paths and queries can be secrets.
std::string PublicPart(const std::string& url);

// The status for an answer that was not hoped for: the code and, made harmless, the first line of what came with it.
absl::Status UnexpectedAnswer(const HttpResponse& response);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_HTTP_HTTP_CLIENT_H_
