#include "replay/view/stored_descriptors.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::replay {

using policy::Descriptors;

absl::StatusOr<std::shared_ptr<const Descriptors>> StoredDescriptors::Find(const std::string& version) {
  if (version.empty()) return Descriptors::Empty();
  const std::lock_guard lock(mutex_);
  const auto known = sets_.find(version);
  if (known != sets_.end()) return known->second;
  absl::StatusOr<std::string> bytes = fetch_(version);
  if (!bytes.ok()) return bytes.status();
  if (sets_.size() == kMostSets) sets_.clear();
  auto set = Descriptors::OfKept(*std::move(bytes), absl::StrCat("descriptor set ", version), version);
  return sets_.emplace(version, std::move(set)).first->second;
}

}  // namespace sallyport::replay
