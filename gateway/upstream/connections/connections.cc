#include "gateway/upstream/connections/connections.h"

#include <grpc/grpc.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/upstream/connections/socket_keepalive.h"

namespace sallyport::gateway {
namespace {

// What an upstream that does not tell its limit is trusted with: the least that RFC 9113 recommends servers to take.
constexpr uint32_t kAssumedLimit = 100;
constexpr absl::Duration kAskTimeout = absl::Seconds(3);
// An address is asked again when it gets a connection, but not for each of several that it gets at once.
constexpr absl::Duration kAskPause = absl::Milliseconds(500);
// And while it has one, for servers change their limits; sooner where it takes no calls at all.
constexpr absl::Duration kAskAgain = absl::Seconds(20);
constexpr absl::Duration kAskAgainSoon = absl::Seconds(1);
// Limits of addresses that have had no connection for so long do not count, and then are forgotten.
constexpr absl::Duration kCounts = absl::Minutes(1);
constexpr absl::Duration kForgotten = absl::Minutes(10);
constexpr absl::Duration kTick = absl::Seconds(1);
// While connections are coming up.
constexpr absl::Duration kShortTick = absl::Milliseconds(10);
constexpr absl::Duration kComingUp = absl::Seconds(2);
constexpr size_t kLanesPerTick = 100;
// How long a connection may be up without channelz telling where to.
constexpr absl::Duration kUntold = absl::Seconds(1);
// Names whose addresses cannot be reached: the library waits up to two minutes before it asks again.
constexpr absl::Duration kResolveFailing = absl::Seconds(2);
constexpr absl::Duration kResolveTimeout = absl::Seconds(15);
constexpr size_t kMostSharers = 1000;
constexpr absl::Duration kUnsharedStays = absl::Seconds(10);

}  // namespace

UpstreamConnections::UpstreamConnections(std::string name, std::string target, bool resolves, ConnectionOptions options,
                                         std::optional<StreamLimitTls> tls, MakeChannel make)
    : name_(std::move(name)),
      target_(std::move(target)),
      resolves_(resolves),
      options_(options),
      tls_(std::move(tls)),
      make_(std::move(make)) {
  if (options_.streams != 0) limit_ = options_.streams;
}

UpstreamConnections::~UpstreamConnections() {
  std::thread thread;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

std::optional<uint32_t> UpstreamConnections::stream_limit() const {
  const uint64_t limit = limit_.load(std::memory_order_relaxed);
  return limit == kUnknown ? std::nullopt : std::optional(static_cast<uint32_t>(limit));
}

std::optional<absl::StatusOr<StreamLease>> UpstreamConnections::Reserve(ChannelKind kind, std::string_view identity,
                                                                        std::string_view peer,
                                                                        absl::FunctionRef<Later()> wait) {
  Sharers* sharers = &everybody_;
  if (options_.share != ConnectionShare::kAll) {
    sharers = SharersOf(options_.share == ConnectionShare::kIdentity ? identity : peer);
    if (sharers == nullptr) {
      return absl::ResourceExhaustedError(absl::StrCat("upstream ", name_, " has connections for ", kMostSharers,
                                                       " callers already, who do not share them (upstreams.", name_,
                                                       ".connections.share)"));
    }
  }
  const uint64_t limit = limit_.load(std::memory_order_acquire);
  if (limit != kUnknown) {
    absl::StatusOr<StreamLease> lease = Take(*sharers, kind, limit);
    if (!lease.ok() && sharers != &everybody_) sharers->users.fetch_sub(1, std::memory_order_release);
    return lease;
  }
  Lane& lane = LaneOf(*sharers, kind, 0);
  // A call fails at once where there is no connection; it need not wait for that.
  if (lane.channel.load()->channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    lane.open.fetch_add(1, std::memory_order_relaxed);
    return LeaseOf(*sharers, lane);
  }
  Later later = wait();
  absl::MutexLock lock(&mutex_);
  waiting_.push_back({sharers, kind, std::move(later)});
  woken_ = true;
  return std::nullopt;
}

StreamLease UpstreamConnections::Own() {
  Lane& lane = LaneOf(everybody_, ChannelKind{}, 0);
  lane.open.fetch_add(1, std::memory_order_relaxed);
  return LeaseOf(everybody_, lane);
}

absl::StatusOr<StreamLease> UpstreamConnections::Take(Sharers& sharers, ChannelKind kind, uint64_t limit) {
  for (size_t number = 0; number < options_.most; ++number) {
    Lane& lane = LaneOf(sharers, kind, number);
    if (lane.open.load(std::memory_order_relaxed) >= limit) continue;
    if (lane.open.fetch_add(1, std::memory_order_relaxed) < limit) return LeaseOf(sharers, lane);
    // Another call came first.
    lane.open.fetch_sub(1, std::memory_order_relaxed);
  }
  return absl::ResourceExhaustedError(absl::StrCat("upstream ", name_, " takes ", limit,
                                                   " calls at a time on one connection, and all ", options_.most,
                                                   " (upstreams.", name_, ".connections.most) are full"));
}

StreamLease UpstreamConnections::LeaseOf(Sharers& sharers, Lane& lane) {
  return {lane.channel.load(), &lane.open, &sharers == &everybody_ ? nullptr : &sharers.users};
}

UpstreamConnections::Lane& UpstreamConnections::LaneOf(Sharers& sharers, ChannelKind kind, size_t number) {
  if (Lanes* lanes = sharers.kinds[kind.index()].load(std::memory_order_acquire)) {
    if (Lane* lane = (*lanes)[number].load(std::memory_order_acquire)) return *lane;
  }
  absl::MutexLock lock(&mutex_);
  Lanes* lanes = sharers.kinds[kind.index()].load(std::memory_order_relaxed);
  if (lanes == nullptr) {
    lanes = sharers.owned.emplace_back(std::make_unique<Lanes>()).get();
    sharers.kinds[kind.index()].store(lanes, std::memory_order_release);
  }
  if (Lane* lane = (*lanes)[number].load(std::memory_order_relaxed)) return *lane;
  Lane* const lane = sharers.lanes.emplace_back(std::make_unique<Lane>()).get();
  lane->kind = kind;
  lane->connection = absl::StrCat(sharers.number, "/", number);
  lane->resolved = absl::Now();
  lane->channel = Make(*lane);
  lanes_.push_back(lane);
  (*lanes)[number].store(lane, std::memory_order_release);
  woken_ = true;
  if (!thread_.joinable()) thread_ = std::thread(&UpstreamConnections::Run, this);
  return *lane;
}

std::shared_ptr<ConnectedChannel> UpstreamConnections::Make(const Lane& lane) const {
  return std::make_shared<ConnectedChannel>(MakeNumbered(target_, [&] { return make_(lane.kind, lane.connection); }));
}

UpstreamConnections::Sharers* UpstreamConnections::SharersOf(std::string_view key) {
  absl::MutexLock lock(&mutex_);
  if (const auto found = sharers_.find(key); found != sharers_.end()) {
    found->second->users.fetch_add(1, std::memory_order_relaxed);
    return found->second.get();
  }
  if (sharers_.size() >= kMostSharers) return nullptr;
  std::unique_ptr<Sharers>& sharers = sharers_[std::string(key)];
  sharers = std::make_unique<Sharers>();
  sharers->number = ++sharers_made_;
  sharers->users = 1;
  sharers->last_used = absl::Now();
  return sharers.get();
}

void UpstreamConnections::Run() {
  while (true) {
    bool coming_up = false;
    {
      absl::MutexLock lock(&mutex_);
      coming_up = !waiting_.empty() || absl::Now() - socket_came_ < kComingUp;
      const auto has_to_go_on = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return woken_ || stopping_; };
      mutex_.AwaitWithTimeout(absl::Condition(&has_to_go_on), coming_up ? kShortTick : kTick);
      if (stopping_) return;
      woken_ = false;
    }
    const absl::Time now = absl::Now();
    for (Lane* const lane : LanesToLookAt()) {
      LookAtSockets(*lane, *lane->channel.load(), now);
      if (resolves_) Resolve(*lane, now);
    }
    UpdateLimit(now);
    AnswerWaiting(now);
    CloseUnshared(now);
  }
}

std::vector<UpstreamConnections::Lane*> UpstreamConnections::LanesToLookAt() {
  absl::MutexLock lock(&mutex_);
  if (lanes_.size() <= kLanesPerTick) return lanes_;
  std::vector<Lane*> chosen;
  for (size_t i = 0; i < kLanesPerTick; ++i) chosen.push_back(lanes_[next_lane_++ % lanes_.size()]);
  // Calls wait for what these have to tell.
  for (const Waiting& waiting : waiting_) {
    chosen.push_back((*waiting.sharers->kinds[waiting.kind.index()].load())[0].load());
  }
  return chosen;
}

void UpstreamConnections::LookAtSockets(Lane& lane, const ConnectedChannel& channel, absl::Time now) {
  const std::vector<ChannelSocket> sockets = SocketsOf(channel.number);
  std::vector<ChannelSocket> fresh;
  std::set<int64_t> present;
  for (const ChannelSocket& socket : sockets) {
    present.insert(socket.id);
    if (!lane.sockets.contains(socket.id)) fresh.push_back(socket);
    if (socket.remote.has_value()) limits_[*socket.remote].seen = now;
  }
  lane.sockets = std::move(present);
  if (options_.streams == 0) AskAgain(sockets, now);
  if (fresh.empty()) return;
  socket_came_ = now;
  KeepAlive(fresh, options_.lost_after);
  if (options_.streams != 0) return;
  for (const ChannelSocket& socket : fresh) {
    if (socket.remote.has_value()) AskForLimit(*socket.remote, now);
  }
}

void UpstreamConnections::AskAgain(const std::vector<ChannelSocket>& sockets, absl::Time now) {
  for (const ChannelSocket& socket : sockets) {
    if (!socket.remote.has_value()) continue;
    const KnownLimit& known = limits_[*socket.remote];
    if (known.asked == absl::InfinitePast()) continue;
    if (now - known.asked > (known.limit == 0 ? kAskAgainSoon : kAskAgain)) return AskForLimit(*socket.remote, now);
  }
}

void UpstreamConnections::AskForLimit(const SocketAddress& address, absl::Time now) {
  KnownLimit& known = limits_[address];
  if (now - known.asked < kAskPause) return;
  const bool first = known.asked == absl::InfinitePast();
  known.asked = now;
  const absl::StatusOr<uint32_t> limit = AskStreamLimit(address, tls_.has_value() ? &*tls_ : nullptr, kAskTimeout);
  if (limit.ok()) {
    known.limit = *limit;
    return;
  }
  if (!first) return;
  known.limit = kAssumedLimit;
  spdlog::warn(
      "upstream {}: {} does not tell how many calls it takes on one connection ({}): {} are assumed; "
      "upstreams.{}.connections.streams says it instead",
      name_, address.ToString(), std::string(limit.status().message()), kAssumedLimit, name_);
}

void UpstreamConnections::UpdateLimit(absl::Time now) {
  if (options_.streams != 0) return;
  uint64_t least = kUnknown;
  for (auto entry = limits_.begin(); entry != limits_.end();) {
    const KnownLimit& known = entry->second;
    if (known.asked != absl::InfinitePast() && now - known.seen < kCounts)
      least = std::min<uint64_t>(least, known.limit);
    entry = now - known.seen > kForgotten ? limits_.erase(entry) : std::next(entry);
  }
  if (least == kUnknown) return;
  const uint64_t before = limit_.exchange(least, std::memory_order_acq_rel);
  if (before != least && least != kNoStreamLimit) {
    spdlog::info("upstream {} takes {} calls at a time on one connection", name_, least);
  }
}

void UpstreamConnections::Resolve(Lane& lane, absl::Time now) {
  const std::shared_ptr<ConnectedChannel> current = lane.channel.load();
  const grpc_connectivity_state state = current->channel->GetState(false);
  if (lane.next == nullptr) {
    // What nobody calls is resolved when somebody does.
    if (state == GRPC_CHANNEL_IDLE) return;
    const absl::Duration pause = state == GRPC_CHANNEL_TRANSIENT_FAILURE ? kResolveFailing : options_.resolve_again;
    if (now - lane.resolved < pause) return;
    lane.resolved = now;
    lane.next = Make(lane);
    lane.next->channel->GetState(/*try_to_connect=*/true);
    return;
  }
  if (lane.next->channel->GetState(true) != GRPC_CHANNEL_READY) {
    if (now - lane.resolved > kResolveTimeout) lane.next = nullptr;
    return;
  }
  // With equal arguments the two share their connections. Open calls stay with the channel they were made on, and so
  // keep it; one that says nothing new is not worth keeping.
  const bool changed = state != GRPC_CHANNEL_READY || AddressesOf(lane.next->number) != AddressesOf(current->number);
  if (changed) {
    LookAtSockets(lane, *lane.next, now);
    lane.channel.store(lane.next);
  }
  lane.next = nullptr;
}

void UpstreamConnections::AssumeWhereUntold(bool connected, absl::Time now) {
  if (!connected) {
    untold_since_ = absl::InfiniteFuture();
    return;
  }
  untold_since_ = std::min(untold_since_, now);
  if (now - untold_since_ < kUntold) return;
  limit_.store(kAssumedLimit, std::memory_order_release);
  spdlog::warn(
      "upstream {}: where it is connected to cannot be told, and so not how many calls it takes on one "
      "connection: {} are assumed; upstreams.{}.connections.streams says it instead",
      name_, kAssumedLimit, name_);
}

void UpstreamConnections::AnswerWaiting(absl::Time now) {
  const uint64_t limit = limit_.load(std::memory_order_acquire);
  bool connected = false;
  std::vector<Waiting> waiting;
  std::vector<Waiting> stay;
  {
    absl::MutexLock lock(&mutex_);
    waiting.swap(waiting_);
  }
  for (Waiting& one : waiting) {
    Lane& lane = LaneOf(*one.sharers, one.kind, 0);
    if (limit != kUnknown) {
      absl::StatusOr<StreamLease> lease = Take(*one.sharers, one.kind, limit);
      if (!lease.ok() && one.sharers != &everybody_) one.sharers->users.fetch_sub(1, std::memory_order_release);
      one.later(std::move(lease));
    } else if (lane.channel.load()->channel->GetState(true) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      lane.open.fetch_add(1, std::memory_order_relaxed);
      one.later(LeaseOf(*one.sharers, lane));
    } else {
      connected = connected || lane.channel.load()->channel->GetState(false) == GRPC_CHANNEL_READY;
      stay.push_back(std::move(one));
    }
  }
  AssumeWhereUntold(connected, now);
  if (stay.empty()) return;
  absl::MutexLock lock(&mutex_);
  std::move(stay.begin(), stay.end(), std::back_inserter(waiting_));
}

void UpstreamConnections::CloseUnshared(absl::Time now) {
  // Destroyed without the lock.
  std::vector<std::unique_ptr<Sharers>> closed;
  absl::MutexLock lock(&mutex_);
  for (auto entry = sharers_.begin(); entry != sharers_.end();) {
    Sharers& sharers = *entry->second;
    if (sharers.users.load(std::memory_order_acquire) > 0) sharers.last_used = now;
    if (now - sharers.last_used < kUnsharedStays) {
      ++entry;
      continue;
    }
    for (const std::unique_ptr<Lane>& lane : sharers.lanes) std::erase(lanes_, lane.get());
    closed.push_back(std::move(entry->second));
    entry = sharers_.erase(entry);
  }
}

}  // namespace sallyport::gateway
