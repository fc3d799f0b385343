#include "gateway/admin/admin_server.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kThreads = 4;
constexpr size_t kMostQueued = 16;
constexpr size_t kMostRequestBytes = 16 << 10;
constexpr std::chrono::seconds kMostTime(10);  // of a connection
constexpr absl::Duration kListenAgain = absl::Seconds(1);

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

bool IsLoopback(const std::string& host) {
  in_addr address = {};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
  return host == "localhost" || host == "::1";
}

// A connection for one request, read and written within one bound of time and of bytes. httplib's own has a timeout for
// each byte, and no bound of how many headers there are.
class OneRequest final : public httplib::Stream {
 public:
  explicit OneRequest(socket_t socket) : socket_(socket) {}

  bool is_readable() const override { return begin_ < end_ || Await(POLLIN); }
  bool is_writable() const override { return Await(POLLOUT); }
  ssize_t read(char* out, size_t size) override {
    if (begin_ == end_ && !Fill()) return -1;
    const size_t count = std::min(size, end_ - begin_);
    std::copy_n(buffer_.begin() + static_cast<ptrdiff_t>(begin_), count, out);
    begin_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* bytes, size_t size) override {
    if (!Await(POLLOUT)) return -1;
    return send(socket_, bytes, size, MSG_NOSIGNAL);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

 private:
  bool Await(short events) const {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
      pollfd wanted = {socket_, events, 0};
      const int ready = left > 0 ? poll(&wanted, 1, static_cast<int>(left)) : 0;
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }
  bool Fill() {
    if (read_ >= kMostRequestBytes || !Await(POLLIN)) return false;
    const ssize_t got = recv(socket_, buffer_.data(), std::min(buffer_.size(), kMostRequestBytes - read_), 0);
    if (got <= 0) return false;
    begin_ = 0;
    end_ = static_cast<size_t>(got);
    read_ += end_;
    return true;
  }

  const socket_t socket_;
  const Clock::time_point deadline_ = Clock::now() + kMostTime;
  std::array<char, 4096> buffer_ = {};
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t read_ = 0;
};

// Threads for connections. With none free and the queue full, accepting waits, and the kernel's backlog with it.
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  ConnectionThreads() {
    for (size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Work(); });
  }
  // Nothing in one version of httplib, whether there was room in another.
  using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue({}));
  Enqueued enqueue(std::function<void()> task) override {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &ConnectionThreads::HasRoom));
    queue_.push_back(std::move(task));
    return Enqueued(true);
  }
  void shutdown() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return queue_.size() < kMostQueued; }
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }
  void Work() {
    while (true) {
      std::function<void()> task;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &ConnectionThreads::HasWork));
        if (queue_.empty()) return;
        task = std::move(queue_.front());
        queue_.pop_front();
      }
      task();
    }
  }

  absl::Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

class Server final : public httplib::Server {
 public:
  // Ends the connections that are there, and those that come, before they have been served.
  void Cut() {
    absl::MutexLock lock(&mutex_);
    cut_ = true;
    for (const socket_t socket : open_) shutdown(socket, SHUT_RDWR);
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    {
      absl::MutexLock lock(&mutex_);
      open_.insert(socket);
      if (cut_) shutdown(socket, SHUT_RDWR);
    }
    OneRequest stream(socket);
    bool closed = false;
    const bool processed = process_request(stream, true, closed, nullptr);
    absl::MutexLock lock(&mutex_);
    open_.erase(socket);
    shutdown(socket, SHUT_RDWR);
    close(socket);
    return processed;
  }

  absl::Mutex mutex_;
  bool cut_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<socket_t> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

// Accepts on a thread of its own, and goes on should accepting fail.
class AdminServer::Listener {
 public:
  explicit Listener(Handlers handlers) : handlers_(std::move(handlers)) {
    server_.new_task_queue = [] { return new ConnectionThreads; };
    // A port that another process listens on is an error, not something to share.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    server_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      Answer(request, response);
      return httplib::Server::HandlerResponse::Handled;
    });
    server_.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) { response.status = 500; });
  }
  ~Listener() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    if (!thread_.joinable()) return;
    server_.Cut();
    // It may just be about to listen: only once it does, or has given up, can it be told to stop.
    while (!ended_ && !server_.is_running()) std::this_thread::yield();
    server_.stop();
    thread_.join();
  }

  // The port, or 0.
  int Bind(const std::string& host, int port) {
    host_ = host;
    port_ = port;
    if (port == 0) {
      port_ = std::max(0, server_.bind_to_any_port(host));
    } else if (!server_.bind_to_port(host, port)) {
      port_ = 0;
    }
    return port_;
  }
  void Listen() {
    thread_ = std::thread([this] { Run(); });
  }

 private:
  void Run() {
    while (true) {
      server_.listen_after_bind();
      {
        absl::MutexLock lock(&mutex_);
        if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), absl::ZeroDuration())) break;
        spdlog::error("the admin endpoint could not accept a connection, and listens again");
        if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kListenAgain)) break;
      }
      server_.bind_to_port(host_, port_);
    }
    ended_ = true;
  }

  void Answer(const httplib::Request& request, httplib::Response& response) const {
    response.set_header("X-Content-Type-Options", "nosniff");
    const auto handler = handlers_.find(request.path);
    const bool read = request.method == "GET" || request.method == "HEAD";
    if (handler == handlers_.end() || !read) {
      response.status = handler == handlers_.end() ? 404 : 405;
      if (!read) response.set_header("Allow", "GET, HEAD");
      return;
    }
    const AdminAnswer answer = handler->second();
    response.status = answer.status;
    const int64_t seconds = absl::ToInt64Seconds(answer.cacheable);
    response.set_header("Cache-Control", seconds > 0 ? absl::StrCat("public, max-age=", seconds) : "no-store");
    response.set_content(answer.body, answer.content_type);
  }

  const Handlers handlers_;
  Server server_;
  std::string host_;
  int port_ = 0;
  std::thread thread_;
  std::atomic<bool> ended_ = false;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

AdminServer::AdminServer(std::string address, std::unique_ptr<Listener> listener)
    : address_(std::move(address)), listener_(std::move(listener)) {}

AdminServer::~AdminServer() = default;

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& address, Handlers handlers) {
  if (absl::Status status = CheckAdminAddress(address); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", address, "\" ", status.message()));
  }
  const HostPort place = *Split(address);
  auto listener = std::make_unique<Listener>(std::move(handlers));
  const int port = listener->Bind(place.host, place.port);
  if (port == 0) {
    return absl::UnavailableError(
        absl::StrCat("the admin endpoint cannot listen on ", address, ": is the address this machine's, and free?"));
  }
  if (!IsLoopback(place.host)) {
    spdlog::warn("the admin endpoint on {} can be reached from other machines: let only those who must", address);
  }
  listener->Listen();
  return std::unique_ptr<AdminServer>(
      new AdminServer(absl::StrCat(address.substr(0, address.rfind(':')), ":", port), std::move(listener)));
}

absl::Status CheckAdminAddress(const std::string& address) {
  if (Split(address).has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError("is not host:port, such as 127.0.0.1:50051 or [::1]:50051");
}

}  // namespace sallyport::gateway
