#include "gateway/operations/metrics/named_counts.h"

namespace sallyport::gateway {

void NamedCounts::Add(std::string_view first, std::string_view second) {
  absl::MutexLock lock(&mutex_);
  const std::pair<std::string_view, std::string_view> names = {first, second};
  if (const auto found = counts_.find(names); found != counts_.end()) {
    ++found->second;
    return;
  }
  if (counts_.size() < kMost && first.size() <= kLongest && second.size() <= kLongest) {
    counts_.emplace(Names(first, second), 1);
    return;
  }
  ++counts_[Names(kElsewhere, kElsewhere)];
}

std::vector<NamedCounts::Count> NamedCounts::Read() const {
  absl::MutexLock lock(&mutex_);
  std::vector<Count> read;
  read.reserve(counts_.size());
  for (const auto& [names, count] : counts_) read.push_back({names.first, names.second, count});
  return read;
}

}  // namespace sallyport::gateway
