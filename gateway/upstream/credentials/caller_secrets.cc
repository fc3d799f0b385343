#include "gateway/upstream/credentials/caller_secrets.h"

namespace sallyport::gateway {

CallerSecrets::Secret CallerSecrets::Find(std::string_view key, absl::FunctionRef<Secret()> make) {
  Secret dropped;  // after the lock
  absl::MutexLock lock(&mutex_);
  if (auto found = by_key_.find(key); found != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }
  if (entries_.size() >= most_) {
    by_key_.erase(entries_.back().first);
    dropped = std::move(entries_.back().second);
    entries_.pop_back();
  }
  entries_.emplace_front(std::string(key), make());
  by_key_.emplace(entries_.front().first, entries_.begin());
  return entries_.front().second;
}

}  // namespace sallyport::gateway
