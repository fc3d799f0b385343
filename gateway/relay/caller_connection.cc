#include "gateway/relay/caller_connection.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"

namespace sallyport::gateway {
namespace {

// A cancel is reported within milliseconds of its frame's coming; on a machine that is very busy, later.
constexpr uint32_t kSilentMilliseconds = 900;
// A look is due again after so many times as long as it took.
constexpr int kLookShare = 20;

std::string AddressOf(const in6_addr& address, in_port_t port) {
  std::string text;
  // Dual-stack sockets show callers of IPv4 in IPv6 notation; gRPC does not.
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    text.assign(reinterpret_cast<const char*>(&address) + 12, 4);
  } else {
    text.assign(reinterpret_cast<const char*>(&address), sizeof address);
  }
  return text.append(reinterpret_cast<const char*>(&port), sizeof port);
}

std::string AddressOf(const in_addr& address, in_port_t port) {
  std::string text(reinterpret_cast<const char*>(&address), sizeof address);
  return text.append(reinterpret_cast<const char*>(&port), sizeof port);
}

// Of the peer of a connected TCP socket.
std::optional<std::string> AddressOfSocket(int socket) {
  sockaddr_storage peer = {};
  socklen_t size = sizeof peer;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return std::nullopt;
  if (peer.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(peer);
    return AddressOf(in.sin_addr, in.sin_port);
  }
  if (peer.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(peer);
    return AddressOf(in.sin6_addr, in.sin6_port);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> AddressOfPeer(const std::string& peer) {
  const size_t colon = peer.rfind(':');
  uint32_t number = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(peer.substr(colon + 1), &number) || number > 65535) {
    return std::nullopt;
  }
  const in_port_t port = htons(static_cast<in_port_t>(number));
  constexpr size_t kPrefix = 5;
  if (colon < kPrefix) return std::nullopt;
  const std::string host =
      absl::StrReplaceAll(peer.substr(kPrefix, colon - kPrefix), {{"%5B", ""}, {"%5D", ""}, {"[", ""}, {"]", ""}});
  if (in_addr address = {}; absl::StartsWith(peer, "ipv4:") && inet_pton(AF_INET, host.c_str(), &address) == 1) {
    return AddressOf(address, port);
  }
  if (in6_addr address = {}; absl::StartsWith(peer, "ipv6:") && inet_pton(AF_INET6, host.c_str(), &address) == 1) {
    return AddressOf(address, port);
  }
  return std::nullopt;
}

ConnectionState StateOfConnection(int socket) {
  pollfd asked = {socket, POLLRDHUP, 0};
  if (socket < 0 || poll(&asked, 1, 0) < 0 || (asked.revents & POLLNVAL) != 0) return ConnectionState::kUnknown;
  if ((asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) return ConnectionState::kClosed;
  tcp_info info = {};
  socklen_t size = sizeof info;
  // Other kinds of sockets do not have it.
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return ConnectionState::kThere;
  return info.tcpi_last_data_recv > kSilentMilliseconds ? ConnectionState::kSilent : ConnectionState::kThere;
}

ConnectionState CallerSockets::StateOf(const std::string& peer, absl::Time start) {
  const std::optional<std::string> address = AddressOfPeer(peer);
  if (!address.has_value()) return ConnectionState::kUnknown;
  absl::MutexLock lock(&mutex_);
  for (const bool may_look : {true, false}) {
    const auto found = sockets_.find(*address);
    if (found != sockets_.end() && found->second == kSeveral) return ConnectionState::kUnknown;
    if (found != sockets_.end() && AddressOfSocket(found->second) == address) return StateOfConnection(found->second);
    if (looked_ >= start) return ConnectionState::kClosed;
    if (!may_look || absl::Now() < next_look_) break;
    Look();
  }
  return ConnectionState::kUnknown;
}

void CallerSockets::Look() {
  const absl::Time before = absl::Now();
  sockets_.clear();
  DIR* const descriptors = opendir("/proc/self/fd");
  if (descriptors == nullptr) return;
  while (const dirent* entry = readdir(descriptors)) {
    const int socket = std::atoi(entry->d_name);
    if (std::strchr(entry->d_name, '.') != nullptr) continue;
    if (const std::optional<std::string> address = AddressOfSocket(socket); address.has_value()) {
      if (const auto [place, added] = sockets_.try_emplace(*address, socket); !added) place->second = kSeveral;
    }
  }
  closedir(descriptors);
  looked_ = before;
  next_look_ = absl::Now() + kLookShare * (absl::Now() - before);
}

}  // namespace sallyport::gateway
