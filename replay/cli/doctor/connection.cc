#include "replay/cli/doctor/connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "recorder/system/file.h"

namespace sallyport::replay {
namespace {

// A socket that is closed.
class Socket {
 public:
  explicit Socket(int number) : number_(number) {}
  Socket(Socket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

// Waits until it can be read from or written to. False at `end`.
bool Wait(int socket, short events, absl::Time end) {
  while (true) {
    const absl::Duration left = end - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    pollfd wanted = {socket, events, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

absl::StatusOr<Socket> Connect(int family, const sockaddr* address, socklen_t size, absl::Time end) {
  Socket made(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (made.get() < 0) return absl::UnavailableError(strerror(errno));
  if (connect(made.get(), address, size) == 0) return made;
  if (errno != EINPROGRESS) return absl::UnavailableError(strerror(errno));
  if (!Wait(made.get(), POLLOUT, end)) return absl::UnavailableError("no answer in time");
  int error = 0;
  socklen_t length = sizeof(error);
  if (getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) return absl::UnavailableError(strerror(error));
  return made;
}

absl::StatusOr<Socket> ConnectUnix(std::string path, absl::Time end) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return absl::UnavailableError("the path is too long for a socket");
  std::copy(path.begin(), path.end(), address.sun_path);
  return Connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address), end);
}

absl::StatusOr<Socket> ConnectHost(std::string text, absl::Time end) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return absl::UnavailableError("it names no port");
  const std::string port = text.substr(colon + 1);
  text.resize(colon);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(text.c_str(), port.c_str(), &hints, &found);
  if (result != 0) return absl::UnavailableError(gai_strerror(result));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  absl::Status last = absl::UnavailableError("it has no address");
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    absl::StatusOr<Socket> connected = Connect(each->ai_family, each->ai_addr, each->ai_addrlen, end);
    if (connected.ok()) return connected;
    last = connected.status();
  }
  return last;
}

absl::StatusOr<Socket> ConnectTo(absl::string_view target, absl::Time end) {
  if (absl::ConsumePrefix(&target, "unix:")) {
    absl::ConsumePrefix(&target, "//");
    return ConnectUnix(std::string(target), end);
  }
  if (absl::ConsumePrefix(&target, "dns:")) {
    if (absl::ConsumePrefix(&target, "//")) target.remove_prefix(std::min(target.find('/') + 1, target.size()));
  } else if (!absl::ConsumePrefix(&target, "ipv4:")) {
    absl::ConsumePrefix(&target, "ipv6:");
  }
  if (target.find("://") != absl::string_view::npos || target.find("unix-abstract:") == 0) {
    return absl::UnimplementedError("such targets are not tried");
  }
  // Of a list of addresses the first.
  return ConnectHost(std::string(target.substr(0, target.find(','))), end);
}

}  // namespace

absl::Status TryConnection(const std::string& target, absl::Duration bound) {
  return ConnectTo(target, absl::Now() + bound).status();
}

absl::StatusOr<std::string> HttpGet(const std::string& address, std::string_view path, size_t most,
                                    absl::Duration bound) {
  const absl::Time end = absl::Now() + bound;
  const absl::StatusOr<Socket> socket = ConnectTo(address, end);
  if (!socket.ok()) return socket.status();
  const std::string request = absl::StrCat("GET ", absl::string_view(path.data(), path.size()),
                                           " HTTP/1.1\r\nHost: ", address, "\r\nConnection: close\r\n\r\n");
  if (!Wait(socket->get(), POLLOUT, end) ||
      send(socket->get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return absl::UnavailableError("the request could not be sent");
  }
  std::string answer;
  std::string piece(size_t{1} << 16, '\0');
  while (answer.size() < most) {
    if (!Wait(socket->get(), POLLIN, end)) return absl::UnavailableError("no answer in time");
    const ssize_t got = recv(socket->get(), piece.data(), piece.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return absl::UnavailableError(strerror(errno));
    if (got == 0) break;
    answer.append(piece, 0, static_cast<size_t>(got));
  }
  const size_t body = answer.find("\r\n\r\n");
  if (body == std::string::npos || answer.substr(0, answer.find('\r')).find(" 200") == std::string::npos) {
    return absl::UnavailableError("the answer is no HTTP 200");
  }
  return answer.substr(body + 4, most);
}

}  // namespace sallyport::replay
