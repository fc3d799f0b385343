// What calls have used of the limits they count under.
#ifndef SALLYPORT_POLICY_LIMIT_TABLE_H_
#define SALLYPORT_POLICY_LIMIT_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "policy/token_bucket.h"
#include "protos/seeded_hash.h"

namespace sallyport::policy {

// What is counted under one key.
struct Usage {
  uint64_t open_calls = 0;
  TokenBucket calls;
  TokenBucket bytes;
};

// A usage for each key that counts on its own, such as a caller under a limit. Keys that are as good as new, with no
// open call and full buckets, are forgotten as others come. If all keys are in use nevertheless, a further one shares
// another usage, its limit's spare one: so a flood of names neither takes memory without end nor lets anybody forget
// what was used. Thread-safe: keys are spread over shards, each with a lock of its own.
class LimitTable {
  struct Shard;
  struct Entry {
    std::string key;
    Usage usage;
  };
  using Entries = std::list<Entry>;

 public:
  // Where an open call is counted. A value; whoever holds it gives it to Leave once.
  class Place {
    friend class LimitTable;
    Shard* shard_ = nullptr;
    Entries::iterator entry_;
  };

  // At most so many keys, and those that spare ones have.
  explicit LimitTable(size_t most_keys);
  ~LimitTable();
  LimitTable(const LimitTable&) = delete;
  LimitTable& operator=(const LimitTable&) = delete;

  // Finds or makes the usage of `key`, or that of `spare_key` if there is no room. If `admit` then returns true, an
  // open call is counted there, in `place`. Returns what `admit` returned. No lock may be taken in `admit`.
  bool Enter(std::string_view key, std::string_view spare_key, absl::Time now, absl::FunctionRef<bool(Usage&)> admit,
             Place* place);
  // Hands on the usage of an open call.
  void Use(const Place& place, absl::FunctionRef<void(Usage&)> use);
  void Leave(const Place& place);

  uint64_t NewLimitId() { return ++last_limit_id_; }
  // How many keys are known.
  size_t keys() const;

 private:
  static constexpr size_t kShards = 64;

  struct Shard {
    mutable std::mutex mutex;
    // The key that was used the longest ago comes first.
    Entries entries ABSL_GUARDED_BY(mutex);
    // The keys are those of `entries`.
    absl::flat_hash_map<std::string_view, Entries::iterator, SeededHash, std::equal_to<>> by_key ABSL_GUARDED_BY(mutex);
  };

  Shard& ShardOf(std::string_view key) { return shards_[SeededHash()(key) % kShards]; }
  static void ForgetSome(Shard& shard, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const size_t most_in_shard_;
  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> last_limit_id_{0};
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_LIMIT_TABLE_H_
