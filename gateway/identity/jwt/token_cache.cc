#include "gateway/identity/jwt/token_cache.h"

#include <algorithm>
#include <utility>

namespace sallyport::gateway {

TokenCache::TokenCache(size_t most) : most_young_(std::max<size_t>(1, most / (2 * kShards))) {}

std::optional<ProofResult> TokenCache::Find(const Key& key, absl::Time now) {
  Shard& shard = ShardOf(key);
  const auto holds = [now](const Entry& entry) { return now < entry.until && entry.standing->Holds(entry.epoch, now); };
  const std::lock_guard lock(shard.mutex);
  if (const auto young = shard.young.find(key); young != shard.young.end()) {
    if (holds(young->second)) return young->second.result;
    shard.young.erase(young);
    return std::nullopt;
  }
  const auto old = shard.old.find(key);
  if (old == shard.old.end()) return std::nullopt;
  Entry entry = std::move(old->second);
  shard.old.erase(old);
  if (!holds(entry)) return std::nullopt;
  ProofResult result = entry.result;
  Add(shard, key, std::move(entry));
  return result;
}

void TokenCache::Put(const Key& key, Entry entry) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.mutex);
  shard.old.erase(key);
  Add(shard, key, std::move(entry));
}

void TokenCache::Add(Shard& shard, const Key& key, Entry entry) {
  if (shard.young.size() >= most_young_ && !shard.young.contains(key)) {
    shard.old = std::move(shard.young);
    shard.young = Entries();
  }
  shard.young.insert_or_assign(key, std::move(entry));
}

size_t TokenCache::size() const {
  size_t count = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    count += shard.young.size() + shard.old.size();
  }
  return count;
}

}  // namespace sallyport::gateway
