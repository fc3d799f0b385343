// Socket addresses, and how they are written.
#ifndef SALLYPORT_GATEWAY_LISTENER_SOCKET_NAME_H_
#define SALLYPORT_GATEWAY_LISTENER_SOCKET_NAME_H_

#include <sys/socket.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sallyport::gateway {

// As the system takes it. A value.
struct SocketName {
  sockaddr_storage storage = {};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  bool unix_socket() const { return family() == AF_UNIX; }
  // 0 for UNIX sockets.
  int port() const;
  void set_port(int port);
  // "0.0.0.0" or "[::]".
  bool wildcard() const;
  // Of a UNIX socket: the path, empty for those that have none in the file system.
  std::string path() const;
};

// What `address` stands for, at least one: "host:port" (a name is resolved, which may block), "[v6]:port", "unix:path",
// "unix-abstract:name", and the same with "dns:", "ipv4:" or "ipv6:" in front. INVALID_ARGUMENT says what is wrong.
absl::StatusOr<std::vector<SocketName>> ResolveListenAddress(const std::string& address);

// Exactly as gRPC writes the peer of a connection: "ipv4:10.0.0.7:51514", "ipv6:%5B::1%5D:80", "unix:/path",
// "unix-abstract:name". IPv4 addresses in IPv6 notation are IPv4 addresses.
std::string PeerText(const SocketName& address);

// For people: "10.0.0.7:51514", "[::1]:80", "unix:/path".
std::string AddressText(const SocketName& address);

// IPv4 addresses in IPv6 notation as IPv4 addresses; others as they are.
SocketName Unmapped(const SocketName& address);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_SOCKET_NAME_H_
