#include "gateway/upstream/method_catalog.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sallyport::gateway {

absl::Status MethodCatalog::Update(const std::string& source, std::shared_ptr<const policy::Descriptors> descriptors,
                                   Conflicts conflicts) {
  absl::MutexLock updating(&update_mutex_);
  auto sources = sources_;
  sources[source] = std::move(descriptors);
  std::vector<std::shared_ptr<const policy::Descriptors>> sets;
  for (const auto& [name, set] : sources) sets.push_back(set);
  std::vector<std::string> told;
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> merged = policy::Descriptors::Merge(sets, &told);
  if (!merged.ok()) return merged.status();
  if (conflicts == Conflicts::kError && !told.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("descriptors: ", absl::StrJoin(told, "\ndescriptors: ")));
  }
  if ((*merged)->version() == Current()->version()) {
    sources_ = std::move(sources);
    return absl::OkStatus();
  }
  for (const std::string& conflict : told) spdlog::error("descriptors: {}", conflict);
  if (absl::Status status = keep_(**merged); !status.ok()) return status;
  sources_ = std::move(sources);
  spdlog::info("descriptors {} in force: {} services", (*merged)->version().substr(0, 12),
               (*merged)->services().size());
  absl::WriterMutexLock lock(&mutex_);
  current_ = *std::move(merged);
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
