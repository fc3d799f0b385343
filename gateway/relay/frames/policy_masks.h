// The masks of a policy over the descriptors that are in force.
#ifndef SALLYPORT_GATEWAY_RELAY_FRAMES_POLICY_MASKS_H_
#define SALLYPORT_GATEWAY_RELAY_FRAMES_POLICY_MASKS_H_

#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "gateway/upstream/descriptor_sets.h"
#include "policy/masking/masker.h"

namespace sallyport::gateway {

// One masker for each set of descriptors in force. Thread-safe.
class PolicyMasks {
 public:
  PolicyMasks(std::shared_ptr<const policy::Policy> policy, const policy::MaskKey& key,
              std::shared_ptr<policy::DetectionCounts> counts)
      : policy_(std::move(policy)), key_(key), counts_(std::move(counts)) {}

  using Descriptors = DescriptorSets::Set;
  using Masker = std::shared_ptr<const policy::Masker>;

  // The masker for these descriptors; made if there is none yet.
  Masker For(const Descriptors& descriptors) const;

  // Makes the maskers of the sets that come into force next, before calls need them: with all that was compiled for the
  // sets before, by this policy or by the `former` one, if given. Those before are kept for calls that have just begun.
  void Prepare(const DescriptorSets& next, const PolicyMasks* former = nullptr) const;

 private:
  const std::shared_ptr<const policy::Policy> policy_;
  const policy::MaskKey key_;
  const std::shared_ptr<policy::DetectionCounts> counts_;
  Masker Find(const Descriptors& descriptors) const;
  Masker Make(const Descriptors& descriptors, const Masker& former) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(making_);

  mutable absl::Mutex making_ ABSL_ACQUIRED_BEFORE(mutex_);  // held while one is made, so that it is made once
  mutable DescriptorSets in_force_ ABSL_GUARDED_BY(making_);
  mutable absl::Mutex mutex_;
  // By what they are for, which they keep alive.
  mutable absl::flat_hash_map<const policy::Descriptors*, Masker> maskers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_FRAMES_POLICY_MASKS_H_
