#include "gateway/http/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostShown = 200;  // characters of an answer

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// A part of a URL; empty if it has none, or is none.
std::string UrlPart(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK || text == nullptr) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

std::unique_ptr<CURLU, FreeUrl> ParseUrl(const std::string& text) {
  std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  return url;
}

// Whether it can stand in one line of a request.
bool IsHeader(std::string_view name, std::string_view value) {
  const auto token = [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; };
  const auto visible = [](unsigned char c) { return c >= ' ' && c != 0x7f; };
  return !name.empty() && std::all_of(name.begin(), name.end(), token) && !value.empty() &&
         std::all_of(value.begin(), value.end(), visible);
}

class CurlClient : public HttpClient {
 public:
  CurlClient(CURL* handle, const Options& options) : handle_(handle), options_(options) {}

  absl::Status Prepare() {
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_USERAGENT, "sallyport");
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(options_.connect_timeout)));
    Set(CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(options_.timeout)));
    Set(CURLOPT_ERRORBUFFER, error_);
    Set(CURLOPT_WRITEFUNCTION, &CurlClient::OnBody);
    Set(CURLOPT_WRITEDATA, this);
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, &CurlClient::OnProgress);
    Set(CURLOPT_XFERINFODATA, this);
    if (!options_.ca_pem.empty()) {
      curl_blob blob = {};
      blob.data = options_.ca_pem.data();
      blob.len = options_.ca_pem.size();
      blob.flags = CURL_BLOB_NOCOPY;
      Set(CURLOPT_CAINFO_BLOB, &blob);
    }
    if (!options_.ca_file.empty()) Set(CURLOPT_CAINFO, options_.ca_file.c_str());
    if (!options_.cert_file.empty()) Set(CURLOPT_SSLCERT, options_.cert_file.c_str());
    if (!options_.key_file.empty()) Set(CURLOPT_SSLKEY, options_.key_file.c_str());
    return failed_ == CURLE_OK ? absl::OkStatus()
                               : absl::FailedPreconditionError(absl::StrCat("libcurl: ", curl_easy_strerror(failed_)));
  }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    if (absl::Status status = SetHeaders(request); !status.ok()) return status;
    response_ = HttpResponse();
    error_[0] = '\0';
    too_long_ = false;
    Set(CURLOPT_URL, request.url.c_str());
    if (request.method == HttpMethod::kPost) {
      Set(CURLOPT_POST, 1L);
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      Set(CURLOPT_POSTFIELDS, request.body.data());
    } else {
      Set(CURLOPT_HTTPGET, 1L);
    }
    const CURLcode code = failed_ == CURLE_OK ? curl_easy_perform(handle_.get()) : failed_;
    Set(CURLOPT_POSTFIELDS, nullptr);
    Set(CURLOPT_HTTPHEADER, nullptr);
    headers_.reset();
    if (cancelled_) return absl::CancelledError("the request was given up");
    if (code != CURLE_OK) {
      return absl::UnavailableError(absl::StrCat(PublicPart(request.url), ": ",
                                                 too_long_           ? "the answer is too long"
                                                 : error_[0] != '\0' ? error_
                                                                     : curl_easy_strerror(code)));
    }
    long status = 0;
    char* type = nullptr;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle_.get(), CURLINFO_CONTENT_TYPE, &type);
    response_.status = static_cast<int>(status);
    if (type != nullptr) response_.content_type = type;
    return std::move(response_);
  }

  void Cancel() override { cancelled_ = true; }

 private:
  template <typename Value>
  void Set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
    if (failed_ == CURLE_OK) failed_ = code;
  }

  // Makes the list for this request. What libcurl would add on its own is left out: an Accept for anything, a
  // Content-Type for forms, and an Expect that costs a round trip.
  absl::Status SetHeaders(const HttpRequest& request) {
    std::vector<std::string> lines = {"Accept:", "Content-Type:", "Expect:"};
    for (const auto& [name, value] : request.headers) {
      if (!IsHeader(name, value)) {
        return absl::InvalidArgumentError(absl::StrCat("the HTTP header \"", absl::CHexEscape(name),
                                                       "\" is empty or has characters that cannot be sent"));
      }
      std::erase_if(lines, [&name = name](const std::string& line) {
        return line.back() == ':' && absl::EqualsIgnoreCase(line.substr(0, line.size() - 1), name);
      });
      lines.push_back(absl::StrCat(name, ": ", value));
    }
    headers_.reset();
    for (const std::string& line : lines) {
      curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
      if (longer == nullptr) return absl::ResourceExhaustedError("no memory for HTTP headers");
      static_cast<void>(headers_.release());
      headers_.reset(longer);
    }
    Set(CURLOPT_HTTPHEADER, headers_.get());
    return absl::OkStatus();
  }

  static size_t OnBody(char* bytes, size_t /*one*/, size_t count, void* self) {
    auto& client = *static_cast<CurlClient*>(self);
    client.too_long_ = client.response_.body.size() + count > client.options_.most_response_bytes;
    if (client.too_long_) return 0;
    client.response_.body.append(bytes, count);
    return count;
  }
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<CurlClient*>(self)->cancelled_ ? 1 : 0;
  }

  const std::unique_ptr<CURL, FreeHandle> handle_;
  Options options_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  CURLcode failed_ = CURLE_OK;  // the first option that could not be set
  char error_[CURL_ERROR_SIZE] = {};
  HttpResponse response_;
  bool too_long_ = false;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Create(const Options& options) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL* handle = global == CURLE_OK ? curl_easy_init() : nullptr;
  if (handle == nullptr) return absl::FailedPreconditionError("libcurl cannot be used");
  auto client = std::make_unique<CurlClient>(handle, options);
  if (absl::Status status = client->Prepare(); !status.ok()) return status;
  return client;
}

HttpRequest TextPost(std::string url, std::string text) {
  return {HttpMethod::kPost, std::move(url), {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(text)};
}

absl::Status CheckUrl(const std::string& text) {
  const auto url = ParseUrl(text);
  const std::string scheme = url == nullptr ? "" : UrlPart(url.get(), CURLUPART_SCHEME);
  if ((scheme != "https" && scheme != "http") || UrlPart(url.get(), CURLUPART_HOST).empty()) {
    return absl::InvalidArgumentError("is not a URL such as https://host/path or https://host:8443/path");
  }
  // libcurl takes "https:/host" and "https:///host" too, and nothing listens on port 0.
  const size_t place = text.find("://");
  if (place == std::string::npos || text.compare(place + 3, 1, "/") == 0) {
    return absl::InvalidArgumentError("is not a URL such as https://host/path: two slashes stand before the host");
  }
  if (UrlPart(url.get(), CURLUPART_PORT) == "0") {
    return absl::InvalidArgumentError("has port 0, on which nothing listens: those go from 1 to 65535");
  }
  if (!UrlPart(url.get(), CURLUPART_FRAGMENT).empty()) {
    return absl::InvalidArgumentError("has a fragment (#…), which a URL to send to cannot have");
  }
  return absl::OkStatus();
}

bool IsExposed(const std::string& text) {
  const auto url = ParseUrl(text);
  if (url == nullptr) return true;
  if (UrlPart(url.get(), CURLUPART_SCHEME) == "https") return false;
  const std::string host = UrlPart(url.get(), CURLUPART_HOST);
  in_addr address = {};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return (ntohl(address.s_addr) >> 24) != IN_LOOPBACKNET;
  return host != "[::1]" && !absl::EqualsIgnoreCase(host, "localhost");
}

absl::Status CheckProtectedUrl(const std::string& url, bool insecure) {
  if (absl::Status status = CheckUrl(url); !status.ok()) return status;
  if (insecure || !IsExposed(url)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "is plain http to another machine, so whoever is on the way reads and changes what is sent: give an https URL, "
      "or "
      "say insecure: true beside it if something else protects it");
}

std::string PublicPart(const std::string& text) {
  const auto url = ParseUrl(text);
  if (url == nullptr) return "a URL";
  const std::string port = UrlPart(url.get(), CURLUPART_PORT);
  return absl::StrCat(UrlPart(url.get(), CURLUPART_SCHEME), "://", UrlPart(url.get(), CURLUPART_HOST),
                      port.empty() ? "" : ":", port);
}

absl::Status UnexpectedAnswer(const HttpResponse& response) {
  std::string line = response.body.substr(0, std::min(response.body.find_first_of("\r\n"), kMostShown));
  for (char& character : line) {
    if (character < ' ' || character > '~') character = '?';
  }
  return absl::UnavailableError(
      absl::StrCat("answered with HTTP status ", response.status, line.empty() ? "" : ": ", line));
}

}  // namespace sallyport::gateway
