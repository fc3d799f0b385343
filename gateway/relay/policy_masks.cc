#include "gateway/relay/policy_masks.h"

namespace sallyport::gateway {

absl::StatusOr<std::shared_ptr<const policy::Masker>> PolicyMasks::For(
    const std::shared_ptr<const policy::Descriptors>& descriptors) const {
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (descriptors_ == descriptors) return masker_;
  }
  absl::MutexLock lock(&mutex_);
  if (descriptors_ == descriptors) return masker_;
  absl::StatusOr<std::shared_ptr<const policy::Masker>> made = policy::Masker::Create(policy_, descriptors, key_);
  if (!made.ok()) return made.status();
  if (masker_ != nullptr) (*made)->Warm(*masker_);
  descriptors_ = descriptors;
  masker_ = *std::move(made);
  return masker_;
}

absl::Status PolicyMasks::Warm(const std::shared_ptr<const policy::Descriptors>& descriptors,
                               const PolicyMasks* former) const {
  const absl::StatusOr<std::shared_ptr<const policy::Masker>> masker = For(descriptors);
  if (!masker.ok() || former == nullptr) return masker.status();
  std::shared_ptr<const policy::Masker> before;
  {
    absl::ReaderMutexLock lock(&former->mutex_);
    before = former->masker_;
  }
  if (before != nullptr) (*masker)->Warm(*before);
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
