// The part of Gateway that tells what its settings say in vain.
#include <spdlog/spdlog.h>

#include <set>
#include <utility>

#include "gateway/gateway.h"
#include "policy/settings_check.h"

namespace sallyport::gateway {

absl::StatusOr<std::vector<policy::PolicyWarning>> OddSettings(const GatewayOptions& options) {
  policy::Settings settings;
  settings.config = &options.source;
  settings.config_file = options.file;
  settings.config_lines = &options.lines;
  std::shared_ptr<const policy::Policy> policy;
  if (!options.policy_file.empty()) {
    absl::StatusOr<std::shared_ptr<const policy::Policy>> loaded = policy::Policy::Load(options.policy_file);
    if (!loaded.ok()) return loaded.status();
    policy = *std::move(loaded);
    settings.policy = policy.get();
    settings.policy_file = options.policy_file;
  }
  // What reflection would add is not asked for.
  absl::StatusOr<DescriptorSets::Set> files = ReadDescriptorFiles(options.descriptor_files);
  if (!files.ok()) return files.status();
  if (options.reflection.empty()) settings.descriptors = {*std::move(files)};
  return policy::CheckSettings(settings);
}

void Gateway::TellSettings() {
  policy::Settings settings;
  v1::Config config;
  KeyLines lines;
  std::set<std::string> reflection;
  const std::shared_ptr<const Rules> rules = rules_->Get();
  {
    absl::MutexLock lock(&reload_mutex_);
    config = config_;
    lines = config_lines_;
    settings.config_file = config_file_;
    settings.policy_file = policy_file_;
    reflection = descriptor_plan_.reflection;
  }
  settings.config = &config;
  settings.config_lines = &lines;
  settings.policy = rules->policy.get();
  // Until all that may have a word has had it, a name that is not known may be known soon.
  const DescriptorSets sets = catalog_->Current();
  bool complete = true;
  for (const std::string& upstream : reflection) complete = complete && sets.upstreams.contains(upstream);
  if (complete) {
    settings.descriptors.push_back(sets.files);
    for (const auto& [name, set] : sets.upstreams) settings.descriptors.push_back(set);
  }
  const std::vector<policy::PolicyWarning> odd = policy::CheckSettings(settings);
  odd_settings_.store(odd.size(), std::memory_order_relaxed);
  std::set<std::string> texts;
  for (const policy::PolicyWarning& warning : odd) texts.insert(policy::WarningText(warning));
  // Descriptors come again and again; what is still so need not be said again.
  for (const std::string& text : texts) {
    if (!told_settings_.contains(text)) spdlog::warn("settings: {}", text);
  }
  told_settings_ = std::move(texts);
}

}  // namespace sallyport::gateway
