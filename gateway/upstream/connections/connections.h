// The connections to one upstream, and which of them a call goes over.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_CONNECTIONS_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_CONNECTIONS_H_

#include <grpcpp/channel.h>
#include <grpcpp/generic/generic_stub.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/upstream/connections/channel_sockets.h"
#include "gateway/upstream/connections/stream_limit.h"

namespace sallyport::gateway {

// Whose calls may go over one connection.
enum class ConnectionShare { kAll, kIdentity, kCallerConnection };

struct ConnectionOptions {
  ConnectionShare share = ConnectionShare::kAll;
  uint32_t most = 8;     // connections to each address, for each set of channel settings and each sharer; 1 to 64
  uint32_t streams = 0;  // calls that one takes; 0: each address is asked (stream_limit.h)
  // Of a connection whose other end does not answer any more (socket_keepalive.h).
  absl::Duration lost_after = absl::Seconds(10);
  // Names get new addresses (RFC 1035), and nothing tells: they are resolved again so often.
  absl::Duration resolve_again = absl::Seconds(20);
};

// What gRPC fixes for a channel and calls differ in. Connections are of one kind.
struct ChannelKind {
  uint32_t encodings = 0;  // offered to the upstream, a bit for each grpc_compression_algorithm: fewer than 8

  static constexpr size_t kCount = 8;
  size_t index() const { return encodings % kCount; }
};

// Makes a channel of a kind. Channels with the same `connection` share connections to the same address; others do not.
using MakeChannel = std::function<std::shared_ptr<grpc::Channel>(ChannelKind kind, const std::string& connection)>;

// A channel and what calls are made with.
struct ConnectedChannel {
  explicit ConnectedChannel(NumberedChannel made)
      : channel(std::move(made.channel)), number(made.number), stub(channel) {}
  const std::shared_ptr<grpc::Channel> channel;
  const int64_t number;  // channelz's
  grpc::GenericStub stub;
};

// A call's place on a connection, given back when destroyed. Movable; must not outlive the connections.
class StreamLease {
 public:
  StreamLease() = default;
  // `users` may be null.
  StreamLease(std::shared_ptr<ConnectedChannel> channel, std::atomic<uint32_t>* open, std::atomic<uint32_t>* users)
      : channel_(std::move(channel)), open_(open), users_(users) {}
  StreamLease(StreamLease&& other) noexcept { *this = std::move(other); }
  StreamLease& operator=(StreamLease&& other) noexcept {
    std::swap(channel_, other.channel_);
    std::swap(open_, other.open_);
    std::swap(users_, other.users_);
    return *this;
  }
  ~StreamLease() {
    if (open_ != nullptr) open_->fetch_sub(1, std::memory_order_relaxed);
    if (users_ != nullptr) users_->fetch_sub(1, std::memory_order_release);
  }
  // Where the call is to be made. Not of an empty lease.
  grpc::GenericStub& stub() const { return channel_->stub; }
  grpc::Channel& channel() const { return *channel_->channel; }

 private:
  std::shared_ptr<ConnectedChannel> channel_;
  std::atomic<uint32_t>* open_ = nullptr;
  std::atomic<uint32_t>* users_ = nullptr;
};

// gRPC 1.51 keeps calls beyond a connection's MAX_CONCURRENT_STREAMS waiting in its transport, without a sign, so one
// caller's long streams would starve all others. Here calls are counted: each channel (a lane) is given no more of them
// than the lowest limit that an address of the upstream has stated, however the library spreads them over addresses;
// then comes the next lane, and beyond the last one the call is refused. That is sound as long as servers treat their
// connections alike: an address is asked again every 20 s, so a limit that is changed for all is seen by then, and one
// that is changed for a single connection is not.
//
// Until the first limit is known calls wait, as they do for the connection itself, which takes as long. A thread of its
// own looks after the lanes from the first call on: asks addresses for their limits when they get a connection, turns
// TCP keepalive on, resolves names again, and closes what nobody shares any more. Thread-safe.
class UpstreamConnections {
 public:
  // For messages. `resolves`: the target is a name, whose addresses may change.
  UpstreamConnections(std::string name, std::string target, bool resolves, ConnectionOptions options,
                      std::optional<StreamLimitTls> tls, MakeChannel make);
  // No call is open or waits any more.
  ~UpstreamConnections();
  UpstreamConnections(const UpstreamConnections&) = delete;
  UpstreamConnections& operator=(const UpstreamConnections&) = delete;

  // A place for one call. `identity` and `peer` are the caller's, of which the share makes the sharer. Returns at once,
  // or nothing: what `wait` then has returned is called later, or even before this returns, from the thread of the
  // connections, and must not block. RESOURCE_EXHAUSTED, which names the limit, if all connections are full.
  using Later = absl::AnyInvocable<void(absl::StatusOr<StreamLease>)>;
  std::optional<absl::StatusOr<StreamLease>> Reserve(ChannelKind kind, std::string_view identity, std::string_view peer,
                                                     absl::FunctionRef<Later()> wait);

  // As Reserve, for the gateway's own calls: never refused, and never made to wait here.
  StreamLease Own();

  // What one connection takes as far as is known; nothing before that.
  std::optional<uint32_t> stream_limit() const;

 private:
  static constexpr uint64_t kUnknown = std::numeric_limits<uint64_t>::max();
  static constexpr size_t kMostLanes = 64;

  // One connection to each address of the upstream.
  struct Lane {
    std::atomic<uint32_t> open{0};
    std::atomic<std::shared_ptr<ConnectedChannel>> channel;
    ChannelKind kind;
    std::string connection;
    // What follows belongs to the thread.
    std::shared_ptr<ConnectedChannel> next;  // asked for the name's addresses anew
    absl::Time resolved;
    std::set<int64_t> sockets;  // that have been looked at
  };
  using Lanes = std::array<std::atomic<Lane*>, kMostLanes>;
  // Those who share connections.
  struct Sharers {
    uint64_t number = 0;
    std::array<std::atomic<Lanes*>, ChannelKind::kCount> kinds{};
    std::atomic<uint32_t> users{0};
    std::vector<std::unique_ptr<Lanes>> owned;  // what kinds points to; under the mutex
    std::vector<std::unique_ptr<Lane>> lanes;   // what these point to, likewise
    absl::Time last_used;                       // of the thread, but for the first value
  };
  struct Waiting {
    Sharers* sharers;
    ChannelKind kind;
    Later later;
  };
  struct KnownLimit {
    uint32_t limit = kNoStreamLimit;
    absl::Time asked = absl::InfinitePast();
    absl::Time seen = absl::InfinitePast();
  };

  Lane& LaneOf(Sharers& sharers, ChannelKind kind, size_t number) ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<ConnectedChannel> Make(const Lane& lane) const;
  // Used until their `users` is lowered again. Null if there are too many.
  Sharers* SharersOf(std::string_view key) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<StreamLease> Take(Sharers& sharers, ChannelKind kind, uint64_t limit);
  // Of a lane whose open calls it is counted among.
  StreamLease LeaseOf(Sharers& sharers, Lane& lane);

  // The thread.
  void Run();
  std::vector<Lane*> LanesToLookAt() ABSL_LOCKS_EXCLUDED(mutex_);
  void LookAtSockets(Lane& lane, const ConnectedChannel& channel, absl::Time now);
  void Resolve(Lane& lane, absl::Time now);
  void AskForLimit(const SocketAddress& address, absl::Time now);
  // One of the connected addresses whose limit is old.
  void AskAgain(const std::vector<ChannelSocket>& sockets, absl::Time now);
  void UpdateLimit(absl::Time now);
  void AnswerWaiting(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);
  // Calls wait for the limit; `connected`: although there is a connection.
  void AssumeWhereUntold(bool connected, absl::Time now);
  void CloseUnshared(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string name_;
  const std::string target_;
  const bool resolves_;
  const ConnectionOptions options_;
  const std::optional<StreamLimitTls> tls_;
  const MakeChannel make_;

  std::atomic<uint64_t> limit_{kUnknown};
  Sharers everybody_;

  absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<Sharers>, std::less<>> sharers_ ABSL_GUARDED_BY(mutex_);
  uint64_t sharers_made_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Lane*> lanes_ ABSL_GUARDED_BY(mutex_);
  std::vector<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);  // from the first lane on

  // Of the thread.
  std::map<SocketAddress, KnownLimit> limits_;
  absl::Time socket_came_ = absl::InfinitePast();
  absl::Time untold_since_ = absl::InfiniteFuture();
  size_t next_lane_ = 0;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_CONNECTIONS_H_
