#include "gateway/relay/frames/policy_masks.h"

#include "absl/container/flat_hash_set.h"

namespace sallyport::gateway {

PolicyMasks::Masker PolicyMasks::Find(const Descriptors& descriptors) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = maskers_.find(descriptors.get());
  return found == maskers_.end() ? nullptr : found->second;
}

PolicyMasks::Masker PolicyMasks::Make(const Descriptors& descriptors, const Masker& former) const {
  if (Masker found = Find(descriptors); found != nullptr) return found;
  Masker masker = policy::Masker::Create(policy_, descriptors, key_, counts_);
  if (former != nullptr) masker->Warm(*former);
  absl::MutexLock lock(&mutex_);
  maskers_[descriptors.get()] = masker;
  return masker;
}

PolicyMasks::Masker PolicyMasks::For(const Descriptors& descriptors) const {
  if (Masker found = Find(descriptors); found != nullptr) return found;
  absl::MutexLock making(&making_);
  return Make(descriptors, nullptr);
}

void PolicyMasks::Prepare(const DescriptorSets& next, const PolicyMasks* former) const {
  absl::MutexLock making(&making_);
  absl::flat_hash_set<const policy::Descriptors*> kept;
  const auto prepare = [&](const Descriptors& set, const Descriptors& before) ABSL_EXCLUSIVE_LOCKS_REQUIRED(making_) {
    Make(set, former == nullptr ? Find(before) : former->Find(set));
    kept.insert(set.get());
    kept.insert(before.get());
  };
  prepare(next.files, in_force_.files);
  for (const auto& [upstream, set] : next.upstreams) prepare(set, in_force_.For(upstream));
  in_force_ = next;
  absl::MutexLock lock(&mutex_);
  absl::erase_if(maskers_, [&kept](const auto& masker) { return !kept.contains(masker.first); });
}

}  // namespace sallyport::gateway
