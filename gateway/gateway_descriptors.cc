// Where the gateway has descriptors from, and how they come into force.
#include <map>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gateway/gateway.h"

namespace sallyport::gateway {

DescriptorPlan DescriptorPlan::Of(const GatewayOptions& options) {
  DescriptorPlan plan;
  plan.files = options.descriptor_files;
  plan.places = options.descriptor_places;
  for (const ReflectionOptions& reflection : options.reflection) {
    plan.reflection.insert(reflection.upstream);
  }
  plan.answers =
      absl::c_any_of(options.routes, [](const RouteOptions& route) { return route.upstream == kOwnUpstream; });
  return plan;
}

absl::StatusOr<DescriptorFiles> ReadDescriptorFiles(const std::vector<std::string>& paths,
                                                    const std::map<std::string, std::string>& places) {
  const std::set<std::string> sorted(paths.begin(), paths.end());
  DescriptorFiles files;
  std::vector<DescriptorSets::Set> sets;
  std::vector<std::string> faults;
  for (const std::string& path : sorted) {
    std::vector<std::string> left_out;
    absl::StatusOr<DescriptorSets::Set> set = policy::Descriptors::Load(path, &left_out);
    if (!set.ok()) {
      const auto place = places.find(path);
      faults.push_back(
          absl::StrCat(place == places.end() ? "" : absl::StrCat(place->second, ": "), set.status().message()));
      continue;
    }
    for (std::string& line : left_out) files.left_out.emplace_back(path, absl::StrCat("left out: ", line));
    if ((*set)->files().empty())
      files.left_out.emplace_back(path, absl::StrCat(path, ": there is no file in this set"));
    sets.push_back(*std::move(set));
  }
  if (!faults.empty()) return absl::InvalidArgumentError(absl::StrJoin(faults, "\n"));
  std::vector<std::string> conflicts;
  absl::StatusOr<DescriptorSets::Set> merged = policy::Descriptors::Merge(sets, &conflicts);
  if (!merged.ok()) return merged.status();
  if (!conflicts.empty())
    return absl::InvalidArgumentError(absl::StrCat("descriptors: ", absl::StrJoin(conflicts, "; ")));
  files.set = *std::move(merged);
  return files;
}

void Gateway::MakeCatalog() {
  const auto keep = [this](const policy::Descriptors& descriptors) {
    if (recorder_ == nullptr || descriptors.version().empty()) return absl::OkStatus();
    return recorder_->KeepDescriptors(descriptors.version(), descriptors.serialized());
  };
  const auto prepare = [this](const DescriptorSets& next) {
    if (rules_ == nullptr) return;  // nobody calls yet
    const std::shared_ptr<const CallRules> rules = rules_->Get();
    if (rules->masks != nullptr) rules->masks->Prepare(next);
  };
  catalog_ = std::make_unique<MethodCatalog>(keep, prepare, [this] {
    if (rules_ != nullptr) settings_watch_->Changed();
  });
}

absl::StatusOr<MethodCatalog::Change> Gateway::LoadDescriptors(DescriptorPlan plan) {
  absl::StatusOr<DescriptorFiles> files = ReadDescriptorFiles(plan.files, plan.places);
  if (!files.ok()) return files.status();
  MethodCatalog::Change change{std::move(files->set), plan.reflection, {}};
  if (plan.answers) {
    google::protobuf::FileDescriptorSet own;
    ReflectionService::AddOwnFiles(own);
    HealthService::AddOwnFile(own);
    change.add[kOwnUpstream] = std::make_shared<const std::string>(own.SerializeAsString());
  }
  absl::StatusOr<MethodCatalog::Change> back = catalog_->Apply(std::move(change));
  if (back.ok()) {
    descriptor_plan_ = std::move(plan);
    left_out_ = std::move(files->left_out);
  }
  return back;
}

absl::Status Gateway::ReloadDescriptors() {
  absl::MutexLock lock(&reload_mutex_);
  return LoadDescriptors(DescriptorPlan(descriptor_plan_)).status();
}

std::vector<ReflectionRefresher::Source> Gateway::ReflectionSources(const GatewayOptions& options) const {
  std::vector<ReflectionRefresher::Source> sources;
  for (const ReflectionOptions& reflection : options.reflection) {
    for (const UpstreamOptions& upstream : options.upstreams) {
      if (upstream.name != reflection.upstream) continue;
      sources.push_back({FindUpstream(upstream), reflection.refresh, reflection.optional});
    }
  }
  return sources;
}

void Gateway::AskForReflection(const GatewayOptions& options) { refresher_->SetSources(ReflectionSources(options)); }

}  // namespace sallyport::gateway
