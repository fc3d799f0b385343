// The masks of a policy over the descriptors that are in force.
#ifndef SALLYPORT_GATEWAY_RELAY_POLICY_MASKS_H_
#define SALLYPORT_GATEWAY_RELAY_POLICY_MASKS_H_

#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "policy/masking/masker.h"

namespace sallyport::gateway {

// Thread-safe.
class PolicyMasks {
 public:
  PolicyMasks(std::shared_ptr<const policy::Policy> policy, const policy::MaskKey& key,
              std::shared_ptr<policy::DetectionCounts> counts)
      : policy_(std::move(policy)), key_(key), counts_(std::move(counts)) {}

  // The masker for these descriptors. If it is not one of the last two it is made, with all that was compiled for the
  // one before: whoever has new descriptors asks for it before calls do.
  std::shared_ptr<const policy::Masker> For(const std::shared_ptr<const policy::Descriptors>& descriptors) const;

  // Compiles ahead what `former` compiled, so that changing the policy costs no call the time.
  void Warm(const std::shared_ptr<const policy::Descriptors>& descriptors, const PolicyMasks* former) const;

 private:
  const std::shared_ptr<const policy::Policy> policy_;
  const policy::MaskKey key_;
  const std::shared_ptr<policy::DetectionCounts> counts_;
  // Calls that have just begun may still have the descriptors before.
  struct Made {
    std::shared_ptr<const policy::Descriptors> descriptors;
    std::shared_ptr<const policy::Masker> masker;
  };
  std::shared_ptr<const policy::Masker> Find(const std::shared_ptr<const policy::Descriptors>& descriptors) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex making_ ABSL_ACQUIRED_BEFORE(mutex_);  // held while one is made, so that it is made once
  mutable absl::Mutex mutex_;
  mutable Made last_ ABSL_GUARDED_BY(mutex_);
  mutable Made before_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_POLICY_MASKS_H_
