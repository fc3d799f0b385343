// Tokens that were verified before, so that the same token costs a look-up.
#ifndef SALLYPORT_GATEWAY_IDENTITY_JWT_TOKEN_CACHE_H_
#define SALLYPORT_GATEWAY_IDENTITY_JWT_TOKEN_CACHE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "absl/time/time.h"
#include "gateway/identity/identity.h"
#include "protos/seeded_hash.h"
#include "recorder/crypto/crypto.h"

namespace sallyport::gateway {

// Whether what was verified with an issuer's keys still holds: they are the same, and may still be used. Thread-safe.
class KeyStanding {
 public:
  void Set(uint64_t epoch, absl::Time usable_until) {
    usable_until_.store(absl::ToUnixNanos(usable_until), std::memory_order_release);
    epoch_.store(epoch, std::memory_order_release);
  }
  bool Holds(uint64_t epoch, absl::Time now) const {
    return epoch_.load(std::memory_order_acquire) == epoch &&
           absl::ToUnixNanos(now) < usable_until_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<uint64_t> epoch_ = 0;
  std::atomic<int64_t> usable_until_ = 0;
};

// Bounded; what was not used for longest goes first, roughly. Holds digests of tokens, never tokens. Thread-safe.
class TokenCache {
 public:
  // Of a whole token.
  using Key = recorder::Hash;

  struct Entry {
    ProofResult result;
    const KeyStanding* standing = nullptr;  // outlives the cache
    uint64_t epoch = 0;
    absl::Time until;  // the result holds before then
  };

  // For `most` tokens, at least a few dozen.
  explicit TokenCache(size_t most);

  static Key KeyOf(std::string_view token) { return recorder::Sha256({token}); }

  // Nothing if it is not there, or holds no longer.
  std::optional<ProofResult> Find(const Key& key, absl::Time now);
  void Put(const Key& key, Entry entry);
  size_t size() const;

 private:
  // The key is a digest already, but of what callers choose: some billions of tried tokens give thousands that meet.
  using Entries = std::unordered_map<Key, Entry, SeededHash>;
  struct alignas(64) Shard {
    mutable std::mutex mutex;  // guards both
    // What was used since the older ones were put aside, and those: dropped when the young ones have filled their half.
    Entries young;
    Entries old;
  };
  static constexpr size_t kShards = 16;

  Shard& ShardOf(const Key& key) { return shards_[static_cast<unsigned char>(key.back()) % kShards]; }
  // With the shard locked.
  void Add(Shard& shard, const Key& key, Entry entry);

  const size_t most_young_;  // of one shard
  std::array<Shard, kShards> shards_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_JWT_TOKEN_CACHE_H_
