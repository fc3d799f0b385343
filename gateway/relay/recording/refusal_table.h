// How often which addresses were refused, and what of that may be recorded.
#ifndef SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSAL_TABLE_H_
#define SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSAL_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/numeric/int128.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/relay/recording/refusal_limits.h"
#include "policy/token_bucket.h"

namespace sallyport::gateway {

// A call that ended before anybody was proved. A view.
struct RefusedCall {
  std::string_view peer;  // in gRPC's notation
  size_t connection = 0;  // the same for calls of one connection, and seldom for others
  std::string_view method;
  RefusalReason reason = RefusalReason::kMalformed;
  int code = 0;  // what the caller is told, as is the message
  std::string_view message;
  absl::Time time;
};

// Refused calls that are only counted, together. A value of bounded size.
struct CountedCalls {
  std::string peer;        // the address: "ipv4:10.0.0.7", "ipv6:[2001:db8::]/64", "unix:", or "other addresses"
  uint64_t addresses = 0;  // how many addresses, each counted once a second; may be 0 where that is not known
  uint64_t calls = 0;
  std::array<uint64_t, kRefusalReasons> by_reason = {};
  absl::Time first;
  absl::Time last;
  // Of the first call; cut short.
  std::string first_peer;
  std::string first_method;
  std::string first_message;
  int first_code = 0;

  void Add(const RefusedCall& call);
  void Add(const CountedCalls& other);
};

// Decides for each refused call whether it is recorded on its own or counted, and for each call whether its address was
// refused so often that proofs are not looked at. Holds a bounded number of addresses, of bounded size each: about 8
// MiB at most. Where there is no room for another, it shares one entry with others of its kind. Knows no clock.
// Thread-safe.
class RefusalTable {
 public:
  static constexpr size_t kMostPeers = 8192;
  // No record of a refused call is larger, nor of counted calls.
  static constexpr size_t kMostRecordBytes = 4096;
  static constexpr size_t kMostCountedBytes = 2048;
  // What a record takes on disk beyond its own bytes: its share of a block, and its row and names in the index.
  static constexpr size_t kStoreOverhead = 2048;

  explicit RefusalTable(const RefusalLimits& limits, size_t most_peers = kMostPeers);
  ~RefusalTable();
  RefusalTable(const RefusalTable&) = delete;
  RefusalTable& operator=(const RefusalTable&) = delete;

  // How long until a proof is looked at again that was not seen before; nothing if it is looked at now. While nobody is
  // over the limit this costs one load. A connection that nothing was refused on is not held to what others of its
  // address did, as long as there are not too many of those.
  std::optional<absl::Duration> Over(std::string_view peer, size_t connection, absl::Time now);

  // Counts a refused call. True if it is to be recorded on its own: then Refund is to be told how many bytes it took.
  bool Refused(const RefusedCall& call);
  void Refund(size_t reserved, size_t taken);

  // What was counted since the last time and may be recorded now, the most calls first. With `all`, nothing stays.
  std::vector<CountedCalls> TakeCounted(absl::Time now, bool all);
  // Could not be recorded: is there again the next time.
  void PutBack(const CountedCalls& counted);
  // Whether there is something to take.
  bool has_counted() const;

  size_t peers() const;

  // From now on; what is owed stays owed.
  void SetLimits(const RefusalLimits& limits);

 private:
  using Key = std::pair<int, absl::uint128>;  // kind of address, and its bits
  struct Peer;
  using Peers = std::list<Peer>;

  // A rate with its burst, for policy::TokenBucket.
  struct Rate {
    absl::Duration cost;
    absl::Duration most;
  };

  Peer& Find(std::string_view peer, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Null if nothing was refused there.
  Peer* Look(std::string_view peer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetSome(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Duration CostOf(size_t bytes) const;
  void NoteRefusalOn(size_t connection);
  bool WasRefusedOn(size_t connection) const;

  static constexpr size_t kConnections = 4096;

  // Used under mutex_, once there are threads.
  Rate looked_at_;
  Rate recorded_;
  double bytes_per_second_ = 1;
  // What may be owed after a record of one call, of counted calls of one address, and of all others.
  absl::Duration most_for_calls_;
  absl::Duration most_for_addresses_;
  absl::Duration most_for_others_;
  const size_t most_peers_;

  std::atomic<int64_t> over_until_ns_{0};  // nobody is over the limit from then on
  // The last connections that a call was refused on, by what they are modulo the number of places.
  std::array<std::atomic<size_t>, kConnections> refused_on_ = {};

  mutable absl::Mutex mutex_;
  Peers peers_ ABSL_GUARDED_BY(mutex_);  // the one refused the longest ago comes first
  absl::flat_hash_map<Key, Peers::iterator> by_key_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Peer> spare_ ABSL_GUARDED_BY(mutex_);  // of addresses that there is no room for
  CountedCalls others_ ABSL_GUARDED_BY(mutex_);
  policy::TokenBucket bytes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSAL_TABLE_H_
