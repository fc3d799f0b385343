#include "gateway/relay/legs/misdescribed_methods.h"

namespace sallyport::gateway {

void MisdescribedMethods::Add(const Upstream* upstream, std::string_view method, std::string descriptors) {
  absl::MutexLock lock(&mutex_);
  // Whoever is forgotten is learnt again, by one call that fails.
  if (versions_.size() >= kMost) versions_.erase(versions_.begin());
  versions_[Key(upstream, method)] = std::move(descriptors);
  empty_.store(false, std::memory_order_relaxed);
}

bool MisdescribedMethods::Has(const Upstream* upstream, std::string_view method, std::string_view descriptors) const {
  if (empty_.load(std::memory_order_relaxed)) return false;
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = versions_.find(Key(upstream, method));
  return found != versions_.end() && found->second == descriptors;
}

}  // namespace sallyport::gateway
