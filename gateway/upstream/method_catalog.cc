#include "gateway/upstream/method_catalog.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {

absl::StatusOr<DescriptorSets::Set> MethodCatalog::Make(const std::string& upstream, const std::string& files,
                                                        const DescriptorSets::Set& base) {
  google::protobuf::FileDescriptorSet parsed;
  if (!parsed.ParseFromString(files)) return absl::InternalError("what was a descriptor set does not parse");
  std::vector<std::string> told;
  absl::StatusOr<DescriptorSets::Set> set =
      policy::Descriptors::Over(base, parsed, absl::StrCat("reflection of upstream ", upstream), &told);
  for (const std::string& line : told) spdlog::error("descriptors: {}", line);
  // One that adds nothing has the operator's own, with all that is derived from it.
  if (set.ok() && (*set)->version() == base->version()) return base;
  return set;
}

absl::Status MethodCatalog::PutInForce(DescriptorSets next) {
  const DescriptorSets present = Current();
  const auto keep = [this](const DescriptorSets::Set& former, const DescriptorSets::Set& set) {
    return former == set ? absl::OkStatus() : keep_(*set);
  };
  if (absl::Status status = keep(present.files, next.files); !status.ok()) return status;
  for (const auto& [upstream, set] : next.upstreams) {
    if (absl::Status status = keep(present.For(upstream), set); !status.ok()) return status;
  }
  if (prepare_) prepare_(next);
  {
    absl::WriterMutexLock lock(&mutex_);
    current_ = std::move(next);
  }
  if (changed_) changed_();
  return absl::OkStatus();
}

absl::Status MethodCatalog::Update(const std::string& upstream, const google::protobuf::FileDescriptorSet& files) {
  auto told = std::make_shared<const std::string>(files.SerializeAsString());
  absl::MutexLock updating(&update_mutex_);
  if (!named_.contains(upstream)) return absl::OkStatus();
  const auto known = reflected_.find(upstream);
  if (known != reflected_.end() && *known->second == *told) return absl::OkStatus();
  DescriptorSets next = Current();
  absl::StatusOr<DescriptorSets::Set> set = Make(upstream, *told, next.files);
  if (!set.ok()) return set.status();
  next.upstreams[upstream] = *set;
  if (absl::Status status = PutInForce(std::move(next)); !status.ok()) return status;
  reflected_[upstream] = std::move(told);
  spdlog::info("descriptors {} in force for upstream {}: {} services", (*set)->version().substr(0, 12), upstream,
               (*set)->services().size());
  return absl::OkStatus();
}

absl::StatusOr<MethodCatalog::Change> MethodCatalog::Apply(Change change) {
  absl::MutexLock updating(&update_mutex_);
  const DescriptorSets present = Current();
  Reflected reflected = std::move(change.add);
  Change back;
  back.files = present.files;
  for (const auto& [upstream, files] : reflected_) {
    // What stays may have changed by the time this is taken back.
    if (!change.keep.contains(upstream) || !reflected.try_emplace(upstream, files).second) back.add[upstream] = files;
  }
  back.keep = named_;
  // What has not changed stays the set it was: what is derived from it is there.
  DescriptorSets next;
  const bool same_files = change.files->version() == present.files->version();
  next.files = same_files ? present.files : change.files;
  for (const auto& [upstream, files] : reflected) {
    const auto told = reflected_.find(upstream);
    if (same_files && told != reflected_.end() && *told->second == *files) {
      next.upstreams[upstream] = present.For(upstream);
      continue;
    }
    absl::StatusOr<DescriptorSets::Set> made = Make(upstream, *files, next.files);
    if (!made.ok()) return made.status();
    next.upstreams[upstream] = *std::move(made);
  }
  const DescriptorSets::Set files = next.files;
  if (absl::Status status = PutInForce(std::move(next)); !status.ok()) return status;
  reflected_ = std::move(reflected);
  named_ = std::move(change.keep);
  if (!same_files) {
    spdlog::info("descriptors {} in force: {} services", files->version().substr(0, 12), files->services().size());
  }
  return back;
}

}  // namespace sallyport::gateway
