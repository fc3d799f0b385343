// The address of a socket, as the kernel has it.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_SOCKET_ADDRESS_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>

namespace sallyport::gateway {

// TCP over IPv4 or IPv6, or a UNIX socket's path. A value; equal addresses compare equal, also where one is an IPv4
// address mapped into IPv6.
class SocketAddress {
 public:
  // `ip` is 4 or 16 bytes in network order. Nothing for other lengths.
  static std::optional<SocketAddress> Tcp(std::string_view ip, int port);
  // Nothing for a path that is empty or too long.
  static std::optional<SocketAddress> Unix(std::string_view path);
  // Of this socket, or of its other end. Nothing if it has none of these kinds.
  static std::optional<SocketAddress> LocalOf(int socket);
  static std::optional<SocketAddress> RemoteOf(int socket);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  bool is_tcp() const { return storage_.ss_family == AF_INET || storage_.ss_family == AF_INET6; }
  // As people read it: "127.0.0.1:50051", "[::1]:50051", "unix:/run/x.sock".
  std::string ToString() const;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b) { return a.key_ == b.key_; }
  friend bool operator<(const SocketAddress& a, const SocketAddress& b) { return a.key_ < b.key_; }

 private:
  SocketAddress() = default;
  static std::optional<SocketAddress> From(const sockaddr_storage& storage, socklen_t size);

  sockaddr_storage storage_ = {};
  socklen_t size_ = 0;
  std::string key_;  // what is compared
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_SOCKET_ADDRESS_H_
