#include "gateway/http/stream_client.h"

#include <curl/curl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sallyport::gateway {
namespace {

// How soon Cancel is seen.
constexpr absl::Duration kLook = absl::Milliseconds(100);
// A server that says something without end is not listened to.
constexpr size_t kMostHeard = 1 << 20;

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

class CurlStream : public StreamClient {
 public:
  explicit CurlStream(const Options& options) : options_(options) {}

  absl::Status Write(std::string_view bytes) override {
    if (handle_ != nullptr && !Listen().ok()) handle_.reset();
    if (handle_ == nullptr) {
      if (absl::Status status = Connect(); !status.ok()) return Close(std::move(status));
    }
    absl::Time give_up = absl::Now() + options_.write_timeout;
    while (!bytes.empty()) {
      if (cancelled_) return Close(absl::CancelledError("the connection was given up"));
      size_t sent = 0;
      const CURLcode code = curl_easy_send(handle_.get(), bytes.data(), bytes.size(), &sent);
      if (code == CURLE_OK && sent > 0) {
        bytes.remove_prefix(sent);
        give_up = absl::Now() + options_.write_timeout;
        continue;
      }
      if (code != CURLE_OK && code != CURLE_AGAIN) return Close(Failed(code));
      if (absl::Now() >= give_up) return Close(absl::UnavailableError(absl::StrCat(Place(), " takes nothing more")));
      AwaitSpace();
    }
    return absl::OkStatus();
  }

  absl::Status Confirm() override {
    if (handle_ == nullptr) return absl::UnavailableError(absl::StrCat(Place(), ": there is no connection any more"));
    if (absl::Status status = Listen(); !status.ok()) return Close(std::move(status));
    int unacknowledged = 0;
    if (ioctl(Socket(), SIOCOUTQ, &unacknowledged) == 0 && unacknowledged > 0) {
      return Close(absl::UnavailableError(absl::StrCat(Place(), " has not acknowledged what was sent")));
    }
    return absl::OkStatus();
  }

  void Cancel() override { cancelled_ = true; }

 private:
  std::string Place() const {
    return options_.unix_path.empty() ? absl::StrCat(options_.host, ":", options_.port) : options_.unix_path;
  }
  absl::Status Failed(CURLcode code) const {
    return absl::UnavailableError(
        absl::StrCat(Place(), ": ", error_[0] != '\0' ? error_.data() : curl_easy_strerror(code)));
  }
  absl::Status Close(absl::Status why) {
    handle_.reset();
    return why;
  }

  template <typename Value>
  void Set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
    if (failed_ == CURLE_OK) failed_ = code;
  }
  void SetFile(CURLoption option, const std::string& path) {
    if (!path.empty()) Set(option, path.c_str());
  }

  absl::Status Connect() {
    if (cancelled_) return absl::CancelledError("the connection was given up");
    handle_.reset(curl_easy_init());
    if (handle_ == nullptr) return absl::FailedPreconditionError("libcurl cannot be used");
    failed_ = CURLE_OK;
    error_[0] = '\0';
    const std::string name = options_.server_name.empty() ? options_.host : options_.server_name;
    // Of http nothing is spoken: the scheme says whether there is TLS.
    const std::string url = options_.unix_path.empty() ? absl::StrCat(options_.use_tls ? "https" : "http", "://", name,
                                                                      ":", options_.port, "/")
                                                       : "http://localhost/";
    Set(CURLOPT_ERRORBUFFER, error_.data());
    Set(CURLOPT_URL, url.c_str());
    Set(CURLOPT_CONNECT_ONLY, 1L);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_PROXY, "");
    Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(options_.connect_timeout)));
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, &CurlStream::OnProgress);
    Set(CURLOPT_XFERINFODATA, this);
    if (!options_.unix_path.empty()) Set(CURLOPT_UNIX_SOCKET_PATH, options_.unix_path.c_str());
    if (options_.use_tls) SetTls(name);
    const CURLcode code = failed_ == CURLE_OK ? curl_easy_perform(handle_.get()) : failed_;
    if (cancelled_) return absl::CancelledError("the connection was given up");
    return code == CURLE_OK ? absl::OkStatus() : Failed(code);
  }

  void SetTls(const std::string& name) {
    Set(CURLOPT_SSL_VERIFYPEER, 1L);
    Set(CURLOPT_SSL_VERIFYHOST, 2L);
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    Set(CURLOPT_SSL_ENABLE_ALPN, 0L);
    SetFile(CURLOPT_CAINFO, options_.ca_file);
    SetFile(CURLOPT_SSLCERT, options_.cert_file);
    SetFile(CURLOPT_SSLKEY, options_.key_file);
    if (name == options_.host) return;
    const std::string line = absl::StrCat(name, ":", options_.port, ":", options_.host, ":", options_.port);
    connect_to_.reset(curl_slist_append(nullptr, line.c_str()));
    Set(CURLOPT_CONNECT_TO, connect_to_.get());
  }

  int Socket() const {
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_easy_getinfo(handle_.get(), CURLINFO_ACTIVESOCKET, &socket);
    return socket;
  }

  // Takes in what the server has said, of which nothing is wanted. UNAVAILABLE if the connection has ended.
  absl::Status Listen() {
    std::array<char, 4096> heard;
    for (size_t total = 0; total < kMostHeard;) {
      size_t got = 0;
      const CURLcode code = curl_easy_recv(handle_.get(), heard.data(), heard.size(), &got);
      if (code == CURLE_AGAIN) return absl::OkStatus();
      if (code != CURLE_OK) return Failed(code);
      if (got == 0) return absl::UnavailableError(absl::StrCat(Place(), " has closed the connection"));
      total += got;
    }
    return absl::UnavailableError(absl::StrCat(Place(), " talks without end"));
  }

  void AwaitSpace() const {
    pollfd waits = {Socket(), POLLOUT, 0};
    // What comes of it the next write finds out.
    static_cast<void>(poll(&waits, 1, static_cast<int>(absl::ToInt64Milliseconds(kLook))));
  }

  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<CurlStream*>(self)->cancelled_ ? 1 : 0;
  }

  const Options options_;
  std::unique_ptr<curl_slist, FreeList> connect_to_;
  std::array<char, CURL_ERROR_SIZE> error_ = {};
  std::unique_ptr<CURL, FreeHandle> handle_;  // null while there is no connection
  CURLcode failed_ = CURLE_OK;                // the first option that could not be set
  std::atomic<bool> cancelled_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StreamClient>> StreamClient::Create(const Options& options) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (global != CURLE_OK) return absl::FailedPreconditionError("libcurl cannot be used");
  return std::make_unique<CurlStream>(options);
}

}  // namespace sallyport::gateway
