#include "gateway/upstream/method_catalog.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace sallyport::gateway {

absl::Status MethodCatalog::Update(const std::string& source, std::shared_ptr<const policy::Descriptors> descriptors) {
  absl::MutexLock updating(&update_mutex_);
  Contents contents = contents_;
  contents.sources[source] = std::move(descriptors);
  return Take(std::move(contents));
}

absl::Status MethodCatalog::Replace(Contents contents) {
  absl::MutexLock updating(&update_mutex_);
  return Take(std::move(contents));
}

absl::Status MethodCatalog::Take(Contents contents) {
  Sets sets;
  std::set<std::string> services;
  for (const auto& [name, set] : contents.sources) {
    sets.push_back(set);
    for (std::string& service : set->services()) services.insert(std::move(service));
  }
  for (const std::shared_ptr<const policy::Descriptors>& set : contents.own) {
    const std::vector<std::string> offered = set->services();
    const bool known = std::any_of(offered.begin(), offered.end(),
                                   [&services](const std::string& service) { return services.contains(service); });
    if (!known) sets.push_back(set);
  }
  std::vector<std::string> told;
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> merged = policy::Descriptors::Merge(sets, &told);
  if (!merged.ok()) return merged.status();
  if ((*merged)->version() == Current()->version()) {
    contents_ = std::move(contents);
    return absl::OkStatus();
  }
  for (const std::string& conflict : told) spdlog::error("descriptors: {}", conflict);
  if (absl::Status status = keep_(**merged); !status.ok()) return status;
  contents_ = std::move(contents);
  spdlog::info("descriptors {} in force: {} services", (*merged)->version().substr(0, 12),
               (*merged)->services().size());
  absl::WriterMutexLock lock(&mutex_);
  current_ = *std::move(merged);
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
