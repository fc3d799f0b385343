#include "gateway/listener/connections.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/strings/string_view.h"

namespace sallyport::gateway {
namespace {

// What is counted together: an IPv4 address; of IPv6 the network that one machine is commonly given whole; all of this
// machine's UNIX sockets.
std::string HostKey(const SocketName& mapped) {
  constexpr size_t kNetworkBytes = 8;
  const SocketName address = Unmapped(mapped);
  if (address.family() == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
    return std::string(reinterpret_cast<const char*>(&v4.sin_addr), sizeof v4.sin_addr);
  }
  if (address.family() == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
    return std::string(reinterpret_cast<const char*>(v6.sin6_addr.s6_addr), kNetworkBytes);
  }
  return "unix";
}

}  // namespace

std::optional<uint64_t> SocketCookie(int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0 || size != sizeof cookie) return std::nullopt;
  return cookie;
}

bool Connection::open() const { return SocketCookie(fd_) == cookie_; }

ConnectionState Connection::State() const {
  const ConnectionState state = StateOfSocket(fd_);
  // Asked afterwards, for the number may have become another socket's meanwhile.
  return open() ? state : ConnectionState::kClosed;
}

Connections::Added Connections::Add(int fd, const std::string& transport_peer, std::string peer,
                                    const SocketName* host) {
  if (size() >= most()) return Added::kTooMany;
  Entry entry;
  if (host != nullptr) {
    entry.host = HostKey(*host);
    const auto found = of_host_.find(entry.host);
    if (found != of_host_.end() && found->second >= most_per_peer_) return Added::kTooManyOfPeer;
  }
  entry.transport_peer = transport_peer;
  entry.connection = std::make_shared<Connection>(last_number_ + 1, std::move(peer), fd, SocketCookie(fd).value_or(0));
  {
    Shard& shard = ShardOf(transport_peer);
    absl::MutexLock lock(&shard.mutex);
    if (!shard.by_peer.emplace(transport_peer, entry.connection).second) return Added::kPeerInUse;
  }
  ++last_number_;
  if (!entry.host.empty()) ++of_host_[entry.host];
  entries_.push_back(std::move(entry));
  size_.store(entries_.size(), std::memory_order_relaxed);
  return Added::kAdded;
}

std::shared_ptr<Connection> Connections::Find(std::string_view transport_peer) const {
  const Shard& shard = ShardOf(transport_peer);
  absl::ReaderMutexLock lock(&shard.mutex);
  const auto found = shard.by_peer.find(transport_peer);
  return found == shard.by_peer.end() ? nullptr : found->second;
}

bool Connections::Sweep() {
  const size_t before = entries_.size();
  for (size_t i = 0; i < entries_.size();) {
    Entry& entry = entries_[i];
    if (entry.connection->open()) {
      ++i;
      continue;
    }
    {
      Shard& shard = ShardOf(entry.transport_peer);
      absl::MutexLock lock(&shard.mutex);
      shard.by_peer.erase(entry.transport_peer);
    }
    if (!entry.host.empty()) {
      const auto count = of_host_.find(entry.host);
      if (--count->second == 0) of_host_.erase(count);
    }
    entry = std::move(entries_.back());  // itself, if it is the last
    entries_.pop_back();
  }
  size_.store(entries_.size(), std::memory_order_relaxed);
  return entries_.size() < before;
}

}  // namespace sallyport::gateway
