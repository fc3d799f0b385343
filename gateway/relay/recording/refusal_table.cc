#include "gateway/relay/recording/refusal_table.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "policy/matching/network.h"

namespace sallyport::gateway {
namespace {

constexpr int kSecondsPerDay = 86400;
// So much of a rate may come at once, in seconds of it.
constexpr double kLookedAtBurst = 10;
constexpr double kRecordedBurst = 20;
// Those who may use a UNIX socket are let in by the file system, and cannot be told apart.
constexpr double kUnixFactor = 10;
// The part of a day's bytes that may come at once: in any 24 hours there are then no more than a day's bytes.
constexpr double kDailyBurst = 1.0 / 16;
// Parts of that which only counted calls may use, and only those of all other addresses together.
constexpr double kKeptForAddresses = 0.25;
constexpr double kKeptForOthers = 0.125;

// IPv6 hosts choose their last 64 bits.
constexpr int kIpv6Prefix = 64;
constexpr char kOthers[] = "other addresses";

constexpr size_t kMostPeerText = 128;
constexpr size_t kMostMethodText = 192;
constexpr size_t kMostMessageText = 192;

double BytesPerSecond(uint64_t daily) { return static_cast<double>(daily) * (1 - kDailyBurst) / kSecondsPerDay; }

absl::Duration BytesTime(double bytes, double per_second) { return absl::Seconds(bytes / per_second); }

std::string AddressText(const policy::HostAddress& host) {
  switch (host.kind) {
    case policy::AddressKind::kUnix:
      return "unix:";
    case policy::AddressKind::kIpv4: {
      const std::string text = policy::FormatNetwork({host.kind, 32, host.bits});
      return absl::StrCat("ipv4:", text.substr(0, text.find('/')));
    }
    case policy::AddressKind::kIpv6: {
      const std::string text = policy::FormatNetwork({host.kind, kIpv6Prefix, host.bits});
      const size_t slash = text.find('/');
      return absl::StrCat("ipv6:[", text.substr(0, slash), "]", text.substr(slash));
    }
    case policy::AddressKind::kUnknown:
      break;
  }
  return "unknown address";
}

policy::HostAddress HostOf(std::string_view peer) {
  policy::HostAddress host = policy::PeerHost(peer);
  if (host.kind == policy::AddressKind::kIpv6) host.bits = policy::Prefix(host.bits, kIpv6Prefix);
  return host;
}

}  // namespace

void CountedCalls::Add(const RefusedCall& call) {
  if (calls == 0) {
    first = call.time;
    first_peer = std::string(call.peer.substr(0, kMostPeerText));
    first_method = std::string(call.method.substr(0, kMostMethodText));
    first_message = std::string(call.message.substr(0, kMostMessageText));
    first_code = call.code;
  }
  last = call.time;
  ++calls;
  ++by_reason[static_cast<size_t>(call.reason)];
}

void CountedCalls::Add(const CountedCalls& other) {
  if (other.calls == 0) return;
  if (calls == 0 || other.first < first) {
    first = other.first;
    first_peer = other.first_peer;
    first_method = other.first_method;
    first_message = other.first_message;
    first_code = other.first_code;
  }
  last = calls == 0 ? other.last : std::max(last, other.last);
  calls += other.calls;
  addresses += other.addresses;
  for (size_t i = 0; i < kRefusalReasons; ++i) by_reason[i] += other.by_reason[i];
}

struct RefusalTable::Peer {
  Key key;
  double factor = 1;  // of the rates
  policy::TokenBucket looked_at;
  policy::TokenBucket fresh;  // on connections that nothing was refused on
  policy::TokenBucket recorded;
  CountedCalls counted;

  bool IsAsGoodAsNew(absl::Time now) {
    return counted.calls == 0 && looked_at.IsFull(now) && fresh.IsFull(now) && recorded.IsFull(now);
  }
};

RefusalTable::RefusalTable(const RefusalLimits& limits, size_t most_peers)
    : most_peers_(most_peers), spare_(std::make_unique<Peer>()) {
  spare_->counted.peer = kOthers;
  others_.peer = kOthers;
  SetLimits(limits);
}

void RefusalTable::SetLimits(const RefusalLimits& limits) {
  const auto rate = [](double per_second, double burst) {
    const absl::Duration cost = absl::Seconds(1 / per_second);
    return Rate{cost, cost * std::max(1.0, per_second * burst)};
  };
  const double at_once = static_cast<double>(limits.daily_bytes) * kDailyBurst;
  absl::MutexLock lock(&mutex_);
  looked_at_ = rate(limits.per_peer, kLookedAtBurst);
  recorded_ = rate(limits.recorded, kRecordedBurst);
  bytes_per_second_ = BytesPerSecond(limits.daily_bytes);
  most_for_calls_ = BytesTime(at_once * (1 - kKeptForAddresses), bytes_per_second_);
  most_for_addresses_ = BytesTime(at_once * (1 - kKeptForOthers), bytes_per_second_);
  most_for_others_ = BytesTime(at_once, bytes_per_second_);
}

RefusalTable::~RefusalTable() = default;

absl::Duration RefusalTable::CostOf(size_t bytes) const {
  return BytesTime(static_cast<double>(bytes), bytes_per_second_);
}

void RefusalTable::NoteRefusalOn(size_t connection) {
  refused_on_[connection % kConnections].store(connection, std::memory_order_relaxed);
}

bool RefusalTable::WasRefusedOn(size_t connection) const {
  return refused_on_[connection % kConnections].load(std::memory_order_relaxed) == connection;
}

std::optional<absl::Duration> RefusalTable::Over(std::string_view peer, size_t connection, absl::Time now) {
  if (absl::ToUnixNanos(now) >= over_until_ns_.load(std::memory_order_relaxed)) return std::nullopt;
  absl::MutexLock lock(&mutex_);
  Peer* const found = Look(peer);
  if (found == nullptr) return std::nullopt;
  const absl::Duration cost = looked_at_.cost / found->factor;
  const absl::Duration wait = found->looked_at.Wait(looked_at_.most - cost, now);
  if (wait <= absl::ZeroDuration()) return std::nullopt;
  if (!WasRefusedOn(connection) && found->fresh.Take(cost, looked_at_.most, now) == absl::ZeroDuration()) {
    return std::nullopt;
  }
  return wait;
}

bool RefusalTable::Refused(const RefusedCall& call) {
  const bool at_fault = call.reason == RefusalReason::kMalformed || call.reason == RefusalReason::kUnauthenticated;
  if (at_fault) NoteRefusalOn(call.connection);
  absl::MutexLock lock(&mutex_);
  Peer& peer = Find(call.peer, call.time);
  if (at_fault) {
    const absl::Duration cost = looked_at_.cost / peer.factor;
    const absl::Duration wait = peer.looked_at.Charge(cost, looked_at_.most - cost, looked_at_.most, call.time);
    const int64_t until = absl::ToUnixNanos(call.time + wait);
    if (wait > absl::ZeroDuration() && until > over_until_ns_.load(std::memory_order_relaxed)) {
      over_until_ns_.store(until, std::memory_order_relaxed);
    }
  }
  if (peer.recorded.Take(recorded_.cost / peer.factor, recorded_.most, call.time) == absl::ZeroDuration() &&
      bytes_.Take(CostOf(kMostRecordBytes + kStoreOverhead), most_for_calls_, call.time) == absl::ZeroDuration()) {
    return true;
  }
  peer.counted.Add(call);
  return false;
}

void RefusalTable::Refund(size_t reserved, size_t taken) {
  absl::MutexLock lock(&mutex_);
  if (taken < reserved) bytes_.Refund(CostOf(reserved - taken));
}

RefusalTable::Peer* RefusalTable::Look(std::string_view peer) {
  const policy::HostAddress host = HostOf(peer);
  const auto found = by_key_.find({static_cast<int>(host.kind), host.bits});
  if (found != by_key_.end()) return &*found->second;
  return peers_.size() >= most_peers_ ? spare_.get() : nullptr;
}

RefusalTable::Peer& RefusalTable::Find(std::string_view peer, absl::Time now) {
  const policy::HostAddress host = HostOf(peer);
  const Key key = {static_cast<int>(host.kind), host.bits};
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    peers_.splice(peers_.end(), peers_, found->second);
    return peers_.back();
  }
  ForgetSome(now);
  if (peers_.size() >= most_peers_) return *spare_;
  Peer& added = peers_.emplace_back();
  added.key = key;
  if (host.kind == policy::AddressKind::kUnix) added.factor = kUnixFactor;
  added.counted.peer = AddressText(host);
  added.counted.addresses = 1;
  by_key_.emplace(key, std::prev(peers_.end()));
  return added;
}

void RefusalTable::ForgetSome(absl::Time now) {
  // More than come at a time, so that those left over are those in use.
  constexpr int kTried = 2;
  for (int i = 0; i < kTried && !peers_.empty(); ++i) {
    const auto oldest = peers_.begin();
    if (oldest->IsAsGoodAsNew(now)) {
      by_key_.erase(oldest->key);
      peers_.erase(oldest);
    } else {
      peers_.splice(peers_.end(), peers_, oldest);
    }
  }
}

std::vector<CountedCalls> RefusalTable::TakeCounted(absl::Time now, bool all) {
  std::vector<CountedCalls> taken;
  absl::MutexLock lock(&mutex_);
  std::vector<CountedCalls*> counted;
  for (Peer& peer : peers_) {
    if (peer.counted.calls > 0) counted.push_back(&peer.counted);
  }
  std::stable_sort(counted.begin(), counted.end(),
                   [](const CountedCalls* a, const CountedCalls* b) { return a->calls > b->calls; });
  const absl::Duration cost = CostOf(kMostCountedBytes + kStoreOverhead);
  for (CountedCalls* one : counted) {
    if (bytes_.Take(cost, most_for_addresses_, now) == absl::ZeroDuration()) {
      taken.push_back(*one);
    } else {
      others_.Add(*one);
    }
    CountedCalls next;
    next.peer = std::move(one->peer);
    next.addresses = 1;
    *one = std::move(next);
  }
  others_.Add(spare_->counted);
  spare_->counted = CountedCalls();
  if (others_.calls == 0) return taken;
  if (bytes_.Take(cost, most_for_others_, now) == absl::ZeroDuration() || all) {
    taken.push_back(std::move(others_));
    others_ = CountedCalls();
    others_.peer = kOthers;
  }
  return taken;
}

void RefusalTable::PutBack(const CountedCalls& counted) {
  absl::MutexLock lock(&mutex_);
  others_.Add(counted);
}

bool RefusalTable::has_counted() const {
  absl::MutexLock lock(&mutex_);
  return others_.calls > 0 || spare_->counted.calls > 0 ||
         std::any_of(peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.counted.calls > 0; });
}

size_t RefusalTable::peers() const {
  absl::MutexLock lock(&mutex_);
  return peers_.size();
}

}  // namespace sallyport::gateway
