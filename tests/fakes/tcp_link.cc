#include "tests/fakes/tcp_link.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

namespace sallyport::testing {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

}  // namespace

TcpLink::TcpLink(const std::string& target) : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener_, 16) == 0 &&
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  int port = std::stoi(target.substr(target.rfind(':') + 1));
  acceptor_ = std::thread([this, port] { Accept(port); });
}

void TcpLink::Accept(int target_port) {
  while (true) {
    int from = accept(listener_, nullptr, nullptr);
    if (from < 0) return;
    int to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(target_port);
    std::lock_guard lock(mutex_);
    sockets_.push_back(from);
    sockets_.push_back(to);
    if (cut_ || connect(to, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      shutdown(from, SHUT_RDWR);
      continue;
    }
    threads_.emplace_back([from, to] { Pass(from, to); });
    threads_.emplace_back([from, to] { Pass(to, from); });
  }
}

void TcpLink::Pass(int from, int to) {
  char bytes[16384];
  ssize_t got = 0;
  while ((got = recv(from, bytes, sizeof(bytes), 0)) > 0) {
    for (ssize_t sent = 0, n = 0; sent < got; sent += n) {
      n = send(to, bytes + sent, static_cast<size_t>(got - sent), MSG_NOSIGNAL);
      if (n <= 0) break;
    }
  }
  shutdown(to, SHUT_RDWR);
  shutdown(from, SHUT_RDWR);
}

void TcpLink::Cut() {
  if (cut_.exchange(true)) return;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  for (int socket : sockets_) shutdown(socket, SHUT_RDWR);
  for (std::thread& thread : threads_) thread.join();
  for (int socket : sockets_) close(socket);
}

}  // namespace sallyport::testing
