// Which descriptors count for which calls.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_DESCRIPTOR_SETS_H_
#define SALLYPORT_GATEWAY_UPSTREAM_DESCRIPTOR_SETS_H_

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "policy/descriptors/descriptors.h"

namespace sallyport::gateway {

// What calls are read with: each with the operator's files first, then with what its own upstream says of itself. No
// upstream's word counts for another.
struct DescriptorSets {
  using Set = std::shared_ptr<const policy::Descriptors>;
  Set files = policy::Descriptors::Empty();  // the operator's
  // Of upstreams that have said something, by name; each stands on `files`.
  absl::flat_hash_map<std::string, Set> upstreams;

  const Set& For(const std::string& upstream) const {
    const auto found = upstreams.find(upstream);
    return found == upstreams.end() ? files : found->second;
  }
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_DESCRIPTOR_SETS_H_
