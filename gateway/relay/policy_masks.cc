#include "gateway/relay/policy_masks.h"

namespace sallyport::gateway {

std::shared_ptr<const policy::Masker> PolicyMasks::Find(
    const std::shared_ptr<const policy::Descriptors>& descriptors) const {
  if (last_.descriptors == descriptors) return last_.masker;
  return before_.descriptors == descriptors ? before_.masker : nullptr;
}

std::shared_ptr<const policy::Masker> PolicyMasks::For(
    const std::shared_ptr<const policy::Descriptors>& descriptors) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (auto found = Find(descriptors); found != nullptr) return found;
  }
  absl::MutexLock making(&making_);
  std::shared_ptr<const policy::Masker> former;
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (auto found = Find(descriptors); found != nullptr) return found;
    former = last_.masker;
  }
  std::shared_ptr<const policy::Masker> masker = policy::Masker::Create(policy_, descriptors, key_, counts_);
  if (former != nullptr) masker->Warm(*former);
  absl::MutexLock lock(&mutex_);
  before_ = std::exchange(last_, {descriptors, masker});
  return masker;
}

void PolicyMasks::Warm(const std::shared_ptr<const policy::Descriptors>& descriptors, const PolicyMasks* former) const {
  const std::shared_ptr<const policy::Masker> masker = For(descriptors);
  if (former == nullptr) return;
  std::shared_ptr<const policy::Masker> compiled;
  {
    absl::ReaderMutexLock lock(&former->mutex_);
    compiled = former->last_.masker;
  }
  if (compiled != nullptr) masker->Warm(*compiled);
}

}  // namespace sallyport::gateway
