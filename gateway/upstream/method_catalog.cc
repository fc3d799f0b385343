#include "gateway/upstream/method_catalog.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

namespace sallyport::gateway {

absl::Status MethodCatalog::Update(const std::string& source, std::shared_ptr<const policy::Descriptors> descriptors) {
  absl::MutexLock updating(&update_mutex_);
  auto sources = sources_;
  sources[source] = std::move(descriptors);
  std::vector<std::shared_ptr<const policy::Descriptors>> sets;
  for (const auto& [name, set] : sources) sets.push_back(set);
  std::vector<std::string> conflicts;
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> merged = policy::Descriptors::Merge(sets, &conflicts);
  if (!merged.ok()) return merged.status();
  if ((*merged)->version() == Current()->version()) {
    sources_ = std::move(sources);
    return absl::OkStatus();
  }
  for (const std::string& conflict : conflicts) spdlog::warn("descriptors: {}", conflict);
  if (absl::Status status = keep_(**merged); !status.ok()) return status;
  sources_ = std::move(sources);
  spdlog::info("descriptors {} in force: {} services", (*merged)->version().substr(0, 12),
               (*merged)->services().size());
  absl::WriterMutexLock lock(&mutex_);
  current_ = *std::move(merged);
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
