#include "policy/limit_table.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

bool IsAsGoodAsNew(Usage& usage, absl::Time now) {
  return usage.open_calls == 0 && usage.calls.IsFull(now) && usage.bytes.IsFull(now);
}

}  // namespace

LimitTable::LimitTable(size_t most_keys) : most_in_shard_(std::max<size_t>(1, most_keys / kShards)) {}

LimitTable::~LimitTable() = default;

void LimitTable::ForgetSome(Shard& shard, absl::Time now) {
  // More than come at a time, so that the keys left over are those in use.
  constexpr int kTried = 2;
  for (int i = 0; i < kTried && !shard.entries.empty(); ++i) {
    const auto oldest = shard.entries.begin();
    if (IsAsGoodAsNew(oldest->usage, now)) {
      shard.by_key.erase(oldest->key);
      shard.entries.erase(oldest);
    } else {
      shard.entries.splice(shard.entries.end(), shard.entries, oldest);
    }
  }
}

bool LimitTable::Enter(std::string_view key, std::string_view spare_key, absl::Time now,
                       absl::FunctionRef<bool(Usage&)> admit, Place* place) {
  for (const std::string_view candidate : {key, spare_key}) {
    Shard& shard = ShardOf(candidate);
    const std::lock_guard lock(shard.mutex);
    auto found = shard.by_key.find(candidate);
    if (found == shard.by_key.end()) {
      ForgetSome(shard, now);
      if (shard.entries.size() >= most_in_shard_ && candidate.data() != spare_key.data()) continue;
      shard.entries.push_back({std::string(candidate), {}});
      const auto added = std::prev(shard.entries.end());
      found = shard.by_key.emplace(added->key, added).first;
    } else {
      shard.entries.splice(shard.entries.end(), shard.entries, found->second);
    }
    const Entries::iterator entry = found->second;
    if (!admit(entry->usage)) return false;
    ++entry->usage.open_calls;
    place->shard_ = &shard;
    place->entry_ = entry;
    return true;
  }
  return false;  // not reached: there is always room for a spare key
}

void LimitTable::Use(const Place& place, absl::FunctionRef<void(Usage&)> use) {
  const std::lock_guard lock(place.shard_->mutex);
  use(place.entry_->usage);
}

void LimitTable::Leave(const Place& place) {
  const std::lock_guard lock(place.shard_->mutex);
  --place.entry_->usage.open_calls;
}

size_t LimitTable::keys() const {
  size_t keys = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    keys += shard.entries.size();
  }
  return keys;
}

}  // namespace sallyport::policy
