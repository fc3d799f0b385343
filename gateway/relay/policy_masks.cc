#include "gateway/relay/policy_masks.h"

namespace sallyport::gateway {

std::shared_ptr<const policy::Masker> PolicyMasks::For(
    const std::shared_ptr<const policy::Descriptors>& descriptors) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (descriptors_ == descriptors) return masker_;
  }
  absl::MutexLock lock(&mutex_);
  if (descriptors_ == descriptors) return masker_;
  const std::shared_ptr<const policy::Masker> former = masker_;
  masker_ = policy::Masker::Create(policy_, descriptors, key_, counts_);
  if (former != nullptr) masker_->Warm(*former);
  descriptors_ = descriptors;
  return masker_;
}

void PolicyMasks::Warm(const std::shared_ptr<const policy::Descriptors>& descriptors, const PolicyMasks* former) const {
  const std::shared_ptr<const policy::Masker> masker = For(descriptors);
  if (former == nullptr) return;
  std::shared_ptr<const policy::Masker> before;
  {
    absl::ReaderMutexLock lock(&former->mutex_);
    before = former->masker_;
  }
  if (before != nullptr) masker->Warm(*before);
}

}  // namespace sallyport::gateway
