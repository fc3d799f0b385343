#include "gateway/http/http_server.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gateway/http/http_connection.h"

namespace sallyport::gateway {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

constexpr absl::Duration kAcceptAgain = absl::Seconds(1);

struct HostPort {
  std::string host;
  int port = 0;
};

std::optional<HostPort> Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return std::nullopt;
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    return HostPort{host.substr(1, host.size() - 2), port};
  if (host.find(':') != std::string::npos) return std::nullopt;
  return HostPort{std::move(host), port};
}

}  // namespace

// Accepts, and has what all connections share.
class HttpServer::Core {
 public:
  Core(HttpServerOptions options, Handler handler);
  ~Core();

  absl::Status UseTls(const ServerTlsMaterial& material);
  // The port. What went wrong is of no use to anybody.
  std::optional<int> Listen(const HostPort& place);
  bool IsLoopback() const { return acceptor_.local_endpoint().address().is_loopback(); }
  void Run() {
    Accept();
    thread_ = std::thread([this] { io_.run(); });
  }

 private:
  // All on the server's thread. Has a handler look at it.
  void Handle(std::shared_ptr<HttpExchange> exchange);
  // Accepts the next one, if there is room or can be made.
  void Accept();
  void Take(const Error& error, tcp::socket socket);
  // The one that has waited longest without a request; null if all have one.
  std::shared_ptr<HttpConnection> LongestWaiting() const;
  void CutAll();

  const std::string name_;
  const size_t most_connections_;
  ConnectionSettings settings_;
  const Handler handler_;
  std::atomic<bool> stopping_ = false;
  asio::io_context io_{1};
  // Exchanges have one like it: the thread goes on until the last of them is dropped.
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  tcp::acceptor acceptor_{io_};
  asio::steady_timer accept_again_{io_};
  bool accepting_ = false;
  std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
  absl::Mutex tls_mutex_;
  std::shared_ptr<asio::ssl::context> tls_ ABSL_GUARDED_BY(tls_mutex_);
  asio::thread_pool pool_;
  std::thread thread_;
};

HttpServer::Core::Core(HttpServerOptions options, Handler handler)
    : name_(std::move(options.name)),
      most_connections_(options.most_connections),
      handler_(std::move(handler)),
      pool_(options.handler_threads) {
  settings_.limits = {options.most_header_bytes, options.most_headers, options.most_body_bytes};
  settings_.requests = options.requests_per_connection;
  settings_.request_time = options.request_time;
  settings_.write_time = options.write_time;
  settings_.handle = [this](std::shared_ptr<HttpExchange> exchange) { Handle(std::move(exchange)); };
  settings_.changed = [this](const std::shared_ptr<HttpConnection>& connection) {
    if (connection->closed()) connections_.erase(connection);
    Accept();
  };
}

HttpServer::Core::~Core() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  absl::Notification cut;
  asio::post(io_, [this, &cut] {
    CutAll();
    cut.Notify();
  });
  // Behind that nothing more comes for handlers.
  cut.WaitForNotification();
  pool_.join();
  work_.reset();
  thread_.join();
}

void HttpServer::Core::CutAll() {
  Error ignored;
  acceptor_.close(ignored);
  accept_again_.cancel();
  const std::vector<std::shared_ptr<HttpConnection>> all(connections_.begin(), connections_.end());
  for (const std::shared_ptr<HttpConnection>& connection : all) connection->Close();
}

absl::Status HttpServer::Core::UseTls(const ServerTlsMaterial& material) {
  absl::StatusOr<ServerTlsContext> made = MakeServerTlsContext(material);
  if (!made.ok()) return made.status();
  auto context = std::make_shared<asio::ssl::context>(made->release());
  absl::MutexLock lock(&tls_mutex_);
  tls_ = std::move(context);
  return absl::OkStatus();
}

std::optional<int> HttpServer::Core::Listen(const HostPort& place) {
  Error error;
  tcp::resolver resolver(io_);
  const auto flags = tcp::resolver::passive | tcp::resolver::numeric_service;
  for (const auto& found : resolver.resolve(place.host, absl::StrCat(place.port), flags, error)) {
    const tcp::endpoint endpoint = found.endpoint();
    acceptor_.close(error);
    acceptor_.open(endpoint.protocol(), error);
    if (error) continue;
    // A port that another process listens on is an error, not something to share.
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (endpoint.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(false), error);
    if (acceptor_.bind(endpoint, error); error) continue;
    if (acceptor_.listen(asio::socket_base::max_listen_connections, error); error) continue;
    return acceptor_.local_endpoint().port();
  }
  return std::nullopt;
}

std::shared_ptr<HttpConnection> HttpServer::Core::LongestWaiting() const {
  std::shared_ptr<HttpConnection> longest;
  for (const std::shared_ptr<HttpConnection>& connection : connections_) {
    if (!connection->waits_since().has_value()) continue;
    if (longest == nullptr || *connection->waits_since() < *longest->waits_since()) longest = connection;
  }
  return longest;
}

void HttpServer::Core::Accept() {
  if (accepting_ || stopping_) return;
  if (connections_.size() >= most_connections_ && LongestWaiting() == nullptr) return;
  accepting_ = true;
  acceptor_.async_accept([this](const Error& error, tcp::socket socket) { Take(error, std::move(socket)); });
}

void HttpServer::Core::Take(const Error& error, tcp::socket socket) {
  if (stopping_) return;
  if (error && error != asio::error::connection_aborted) {
    spdlog::error("{} could not accept a connection, and listens again: {}", name_, error.message());
    accept_again_.expires_after(absl::ToChronoNanoseconds(kAcceptAgain));
    accept_again_.async_wait([this](const Error& /*error*/) {
      accepting_ = false;
      Accept();
    });
    return;
  }
  if (!error) {
    if (connections_.size() >= most_connections_) {
      if (const std::shared_ptr<HttpConnection> longest = LongestWaiting(); longest != nullptr) longest->Close();
    }
    std::shared_ptr<asio::ssl::context> tls;
    {
      absl::MutexLock lock(&tls_mutex_);
      tls = tls_;
    }
    const auto connection = std::make_shared<HttpConnection>(settings_, io_, std::move(socket), std::move(tls));
    connections_.insert(connection);
    connection->Start();
  }
  accepting_ = false;
  Accept();
}

void HttpServer::Core::Handle(std::shared_ptr<HttpExchange> exchange) {
  asio::post(pool_, [this, exchange = std::move(exchange)] {
    if (stopping_) return;
    try {
      handler_(exchange);
    } catch (...) {
      exchange->Answer({500, {}, ""});
    }
  });
}

HttpServer::HttpServer(std::string address, bool loopback, std::unique_ptr<Core> core)
    : address_(std::move(address)), loopback_(loopback), core_(std::move(core)) {}

HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address, HttpServerOptions options,
                                                              Handler handler) {
  if (absl::Status status = CheckHttpAddress(address); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", address, "\" ", status.message()));
  }
  const std::string name = options.name;
  const std::optional<ServerTlsMaterial> tls = std::move(options.tls);
  auto core = std::make_unique<Core>(std::move(options), std::move(handler));
  if (tls.has_value()) {
    if (absl::Status status = core->UseTls(*tls); !status.ok()) return status;
  }
  const std::optional<int> port = core->Listen(*Split(address));
  if (!port.has_value()) {
    return absl::UnavailableError(
        absl::StrCat(name, " cannot listen on ", address, ": is the address this machine's, and free?"));
  }
  const bool loopback = core->IsLoopback();
  core->Run();
  return std::unique_ptr<HttpServer>(
      new HttpServer(absl::StrCat(address.substr(0, address.rfind(':')), ":", *port), loopback, std::move(core)));
}

absl::Status HttpServer::RenewTls(const ServerTlsMaterial& tls) { return core_->UseTls(tls); }

absl::Status CheckHttpAddress(const std::string& address) {
  if (Split(address).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError("is not host:port, such as 127.0.0.1:50051 or [::1]:50051");
}

}  // namespace sallyport::gateway
