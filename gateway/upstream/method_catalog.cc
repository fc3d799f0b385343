#include "gateway/upstream/method_catalog.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace sallyport::gateway {

absl::Status MethodCatalog::Update(const std::string& source, std::shared_ptr<const policy::Descriptors> descriptors) {
  absl::MutexLock updating(&update_mutex_);
  Sources sources = sources_;
  sources[source] = std::move(descriptors);
  return Take(std::move(sources), own_);
}

absl::StatusOr<MethodCatalog::Change> MethodCatalog::Apply(Change change) {
  absl::MutexLock updating(&update_mutex_);
  Sources next = std::move(change.add);
  Change back;
  back.own = own_;
  for (const auto& [name, set] : sources_) {
    // What stays may have changed by the time this is taken back.
    const bool stays = change.keep.contains(name) && next.try_emplace(name, set).second;
    if (stays) {
      back.keep.insert(name);
    } else {
      back.add[name] = set;
    }
  }
  if (absl::Status status = Take(std::move(next), std::move(change.own)); !status.ok()) return status;
  return back;
}

absl::Status MethodCatalog::Take(Sources sources, Sets own) {
  Sets sets;
  std::set<std::string> services;
  for (const auto& [name, set] : sources) {
    sets.push_back(set);
    for (std::string& service : set->services()) services.insert(std::move(service));
  }
  for (const std::shared_ptr<const policy::Descriptors>& set : own) {
    const std::vector<std::string> offered = set->services();
    const bool known = std::any_of(offered.begin(), offered.end(),
                                   [&services](const std::string& service) { return services.contains(service); });
    if (!known) sets.push_back(set);
  }
  std::vector<std::string> told;
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> merged = policy::Descriptors::Merge(sets, &told);
  if (!merged.ok()) return merged.status();
  const bool same = (*merged)->version() == Current()->version();
  if (!same) {
    for (const std::string& conflict : told) spdlog::error("descriptors: {}", conflict);
    if (absl::Status status = keep_(**merged); !status.ok()) return status;
    if (prepare_) prepare_(*merged);
  }
  sources_ = std::move(sources);
  own_ = std::move(own);
  if (same) return absl::OkStatus();
  spdlog::info("descriptors {} in force: {} services", (*merged)->version().substr(0, 12),
               (*merged)->services().size());
  absl::WriterMutexLock lock(&mutex_);
  current_ = *std::move(merged);
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
