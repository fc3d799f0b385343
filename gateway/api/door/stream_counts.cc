#include "gateway/api/door/stream_counts.h"

namespace sallyport::gateway {

std::unique_ptr<StreamCounts::Place> StreamCounts::Enter(const std::string& client) {
  const absl::MutexLock lock(&mutex_);
  if (open_ >= most_) return nullptr;
  size_t& of_one = by_client_[client];
  if (of_one >= most_of_one_) return nullptr;
  ++of_one;
  ++open_;
  return std::make_unique<Place>(shared_from_this(), client);
}

void StreamCounts::Leave(const std::string& client) {
  const absl::MutexLock lock(&mutex_);
  --open_;
  const auto found = by_client_.find(client);
  if (--found->second == 0) by_client_.erase(found);
}

}  // namespace sallyport::gateway
