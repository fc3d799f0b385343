// Callers' connections: who is at the other end, how many there are, and how many calls each has open.
#ifndef SALLYPORT_GATEWAY_LISTENER_CONNECTIONS_H_
#define SALLYPORT_GATEWAY_LISTENER_CONNECTIONS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gateway/listener/connection_state.h"
#include "gateway/listener/socket_name.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {

// One connection. Shared by the table and the calls that came over it; constant but for the count.
class Connection {
 public:
  // `fd` and `cookie` are its socket's, which belongs to gRPC.
  Connection(uint64_t number, std::string peer, int fd, uint64_t cookie)
      : number_(number), accepted_(absl::Now()), peer_(std::move(peer)), fd_(fd), cookie_(cookie) {}

  // No other connection of this process has or will have it.
  uint64_t number() const { return number_; }
  absl::Time accepted() const { return accepted_; }
  // The caller's own address, in gRPC's notation: where a trusted proxy stands between, the one that it told.
  const std::string& peer() const { return peer_; }
  // Whether gRPC has not closed it yet: its descriptor's number still leads to its socket.
  bool open() const;
  // What the kernel says of it now; kClosed once gRPC has closed it.
  ConnectionState State() const;
  uint32_t open_calls() const { return open_calls_.load(std::memory_order_relaxed); }

 private:
  friend class OpenCall;
  const uint64_t number_;
  const absl::Time accepted_;
  const std::string peer_;
  const int fd_;
  const uint64_t cookie_;
  std::atomic<uint32_t> open_calls_{0};
};

// A call's place among those of its connection. Movable; gives the place back when destroyed, if not before.
class OpenCall {
 public:
  OpenCall() = default;
  explicit OpenCall(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {
    if (connection_ != nullptr) place_ = connection_->open_calls_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  OpenCall(OpenCall&&) = default;
  OpenCall& operator=(OpenCall&& other) noexcept {
    End();
    connection_ = std::move(other.connection_);
    place_ = other.place_;
    return *this;
  }
  ~OpenCall() { End(); }

  // Null if it is not known, and once the place was given back.
  const std::shared_ptr<Connection>& connection() const { return connection_; }

  // How many the connection had open with this one, when it came.
  uint32_t place() const { return place_; }
  // To be called before the end is told: a caller that keeps to a limit begins its next call as soon as it hears.
  void End() {
    if (connection_ != nullptr) connection_->open_calls_.fetch_sub(1, std::memory_order_relaxed);
    connection_ = nullptr;
  }

 private:
  std::shared_ptr<Connection> connection_;
  uint32_t place_ = 0;
};

// All connections that have been handed to gRPC and are not gone. Find is for calls, on any thread; the rest is for the
// thread that accepts.
//
// gRPC does not tell when it closes a connection. What is certain: it closes the descriptor once, after the last call
// of the connection is destroyed (the descriptor belongs to the transport, and every stream holds the transport). So a
// connection is there as long as its descriptor's number still leads to its socket, which the socket's cookie says
// (SO_COOKIE: 64 bits, never given twice while the kernel runs). Sweep asks that of each, which costs a system call a
// connection and no descriptor; a copy of the descriptor would keep the connection open behind gRPC's back.
//
// Calls are found by the peer that gRPC gives them, so no two connections here may have the same: a second connection
// from one address and port (to another of our ports) is not added until the first is gone. A peer that is looked up is
// hence that of a connection which is still there, and was looked up by a call of its own.
class Connections {
 public:
  // `most` in all, `most_per_peer` of one address (of a /64 in IPv6).
  Connections(size_t most, size_t most_per_peer) : most_(most), most_per_peer_(most_per_peer) {}

  enum class Added { kAdded, kTooMany, kTooManyOfPeer, kPeerInUse };
  // Before `fd` is handed over. `transport_peer` is what gRPC will call it; `host` is counted, unless it is null.
  Added Add(int fd, const std::string& transport_peer, std::string peer, const SocketName* host);

  // Null for what was never added.
  std::shared_ptr<Connection> Find(std::string_view transport_peer) const;

  // Lets go of those that are gone. True if there were any.
  bool Sweep();

  size_t size() const { return size_.load(std::memory_order_relaxed); }
  size_t most() const { return most_.load(std::memory_order_relaxed); }
  // From now on; those that are open stay. By the accepting thread.
  void SetMost(size_t most, size_t most_per_peer) {
    most_.store(most, std::memory_order_relaxed);
    most_per_peer_ = most_per_peer;
  }

 private:
  struct Entry {
    std::string transport_peer;
    std::string host;  // as it is counted; empty if it is not
    std::shared_ptr<Connection> connection;
  };
  // By the transport's peer. Several tables, so that calls seldom meet at a lock.
  static constexpr size_t kShards = 16;
  struct Shard {
    mutable absl::Mutex mutex;
    recorder::TextMap<std::shared_ptr<Connection>> by_peer ABSL_GUARDED_BY(mutex);
  };
  Shard& ShardOf(std::string_view peer) { return shards_[recorder::TextHash()(peer) % kShards]; }
  const Shard& ShardOf(std::string_view peer) const { return shards_[recorder::TextHash()(peer) % kShards]; }

  std::atomic<size_t> most_;
  size_t most_per_peer_;  // of the accepting thread
  std::array<Shard, kShards> shards_;
  std::atomic<size_t> size_{0};
  // Of the accepting thread.
  uint64_t last_number_ = 0;
  std::vector<Entry> entries_;
  absl::flat_hash_map<std::string, size_t> of_host_;
};

// The socket's cookie; nothing if `fd` is no socket, or not open.
std::optional<uint64_t> SocketCookie(int fd);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_CONNECTIONS_H_
