#include "gateway/upstream/connections/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kIpv4Bytes = 4;
constexpr size_t kIpv6Bytes = 16;
constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

std::string TcpKey(std::string_view ip, int port) {
  if (ip.substr(0, kMapped.size()) == kMapped) ip.remove_prefix(kMapped.size());
  return absl::StrCat("t", std::string(ip), ":", port);
}

}  // namespace

std::optional<SocketAddress> SocketAddress::Tcp(std::string_view ip, int port) {
  SocketAddress address;
  if (port < 0 || port > 65535) return std::nullopt;
  if (ip.size() == kIpv4Bytes) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.storage_);
    in->sin_family = AF_INET;
    in->sin_port = htons(static_cast<uint16_t>(port));
    std::memcpy(&in->sin_addr, ip.data(), ip.size());
    address.size_ = sizeof(*in);
  } else if (ip.size() == kIpv6Bytes) {
    auto* in = reinterpret_cast<sockaddr_in6*>(&address.storage_);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(static_cast<uint16_t>(port));
    std::memcpy(&in->sin6_addr, ip.data(), ip.size());
    address.size_ = sizeof(*in);
  } else {
    return std::nullopt;
  }
  address.key_ = TcpKey(ip, port);
  return address;
}

std::optional<SocketAddress> SocketAddress::Unix(std::string_view path) {
  SocketAddress address;
  auto* un = reinterpret_cast<sockaddr_un*>(&address.storage_);
  if (path.empty() || path.size() >= sizeof(un->sun_path)) return std::nullopt;
  un->sun_family = AF_UNIX;
  std::memcpy(un->sun_path, path.data(), path.size());
  // The name of an abstract socket begins with a zero byte and ends where the address does; a path ends with one.
  const size_t end = path.front() == '\0' ? 0 : 1;
  address.size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + end);
  address.key_ = "u" + std::string(path);
  return address;
}

std::optional<SocketAddress> SocketAddress::From(const sockaddr_storage& storage, socklen_t size) {
  if (storage.ss_family == AF_INET && size >= sizeof(sockaddr_in)) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&storage);
    return Tcp({reinterpret_cast<const char*>(&in->sin_addr), kIpv4Bytes}, ntohs(in->sin_port));
  }
  if (storage.ss_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(&storage);
    return Tcp({reinterpret_cast<const char*>(&in->sin6_addr), kIpv6Bytes}, ntohs(in->sin6_port));
  }
  return std::nullopt;
}

std::optional<SocketAddress> SocketAddress::LocalOf(int socket) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return From(storage, size);
}

std::optional<SocketAddress> SocketAddress::RemoteOf(int socket) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return From(storage, size);
}

std::string SocketAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text = {};
  if (storage_.ss_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&storage_);
    inet_ntop(AF_INET, &in->sin_addr, text.data(), text.size());
    return absl::StrCat(text.data(), ":", ntohs(in->sin_port));
  }
  if (storage_.ss_family == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(&storage_);
    inet_ntop(AF_INET6, &in->sin6_addr, text.data(), text.size());
    return absl::StrCat("[", text.data(), "]:", ntohs(in->sin6_port));
  }
  const std::string path = key_.substr(1);
  return path.front() == '\0' ? "unix-abstract:" + path.substr(1) : "unix:" + path;
}

}  // namespace sallyport::gateway
