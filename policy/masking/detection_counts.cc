#include "policy/masking/detection_counts.h"

namespace sallyport::policy {

void DetectionCounts::Add(std::string_view place, std::string_view detector, uint64_t finds) {
  absl::MutexLock lock(&mutex_);
  if (place.size() > kLongestPlace) place = kElsewhere;
  std::pair<std::string, std::string> key(place, detector);
  const auto found = counts_.find(key);
  if (found != counts_.end()) {
    found->second += finds;
    return;
  }
  if (counts_.size() >= kMostPlaces) key.first = kElsewhere;
  counts_[std::move(key)] += finds;
}

std::vector<DetectionCounts::Count> DetectionCounts::Read() const {
  absl::MutexLock lock(&mutex_);
  std::vector<Count> counts;
  counts.reserve(counts_.size());
  for (const auto& [key, finds] : counts_) counts.push_back({key.first, key.second, finds});
  return counts;
}

}  // namespace sallyport::policy
