#include "gateway/relay/open_calls.h"

#include <cstdint>
#include <vector>

#include "gateway/relay/relayed_call.h"

namespace sallyport::gateway {

OpenCalls::Shard& OpenCalls::ShardOf(const Link* link) {
  // Sessions are some hundreds of bytes large: the low bits of their addresses say nothing.
  return shards_[(reinterpret_cast<uintptr_t>(link) >> 10) % kShards];
}

bool OpenCalls::Add(Link* link, RelayedCall* session) {
  link->session = session;
  Shard& shard = ShardOf(link);
  absl::MutexLock lock(&shard.mutex);
  link->next = shard.first;
  if (shard.first != nullptr) shard.first->previous = link;
  shard.first = link;
  return !shard.stopping;
}

void OpenCalls::Remove(Link* link) {
  Shard& shard = ShardOf(link);
  absl::MutexLock lock(&shard.mutex);
  (link->previous != nullptr ? link->previous->next : shard.first) = link->next;
  if (link->next != nullptr) link->next->previous = link->previous;
}

size_t OpenCalls::EndAll() {
  size_t told = 0;
  for (Shard& shard : shards_) {
    std::vector<RelayedCall*> sessions;
    {
      absl::MutexLock lock(&shard.mutex);
      shard.stopping = true;
      for (const Link* link = shard.first; link != nullptr; link = link->next) {
        // One that is being destroyed waits in Remove and has ended.
        if (link->session->TryAddReference()) sessions.push_back(link->session);
      }
    }
    for (RelayedCall* session : sessions) {
      session->OnGatewayStopping();
      session->DropReference();
    }
    told += sessions.size();
  }
  return told;
}

bool OpenCalls::AwaitNone(absl::Time limit) {
  bool all = true;
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    const auto none = [&shard]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex) { return shard.first == nullptr; };
    all = shard.mutex.AwaitWithDeadline(absl::Condition(&none), limit) && all;
  }
  return all;
}

}  // namespace sallyport::gateway
