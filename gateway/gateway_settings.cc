// The part of Gateway that tells what its settings say in vain.
#include <spdlog/spdlog.h>

#include <set>
#include <utility>

#include "gateway/gateway.h"
#include "policy/settings_check.h"

namespace sallyport::gateway {

namespace {

// What those who read the configuration and its files have found odd.
std::vector<policy::Remark> RemarksOf(const v1::Config& config, const std::vector<ConfigurationProblem>& warnings,
                                      const std::vector<std::pair<std::string, std::string>>& left_out) {
  std::vector<policy::Remark> remarks;
  remarks.reserve(warnings.size() + left_out.size());
  for (const ConfigurationProblem& warning : warnings) remarks.push_back({warning.key, warning.problem});
  for (const auto& [path, what] : left_out) remarks.push_back(policy::LeftOut(config, path, what));
  return remarks;
}

}  // namespace

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
  absl::StatusOr<DescriptorFiles> files = ReadDescriptorFiles(options.descriptor_files, options.descriptor_places);
  if (!files.ok()) return files.status();
  settings.remarks = RemarksOf(options.source, options.identity.warnings, files->left_out);
  if (options.reflection.empty()) settings.descriptors = {std::move(files->set)};
  return policy::CheckSettings(settings);
}

void Gateway::LogSettings() {
  policy::Settings settings;
  v1::Config config;
  KeyLines lines;
  std::set<std::string> reflection;
  const std::shared_ptr<const CallRules> rules = rules_->Get();
  {
    absl::MutexLock lock(&reload_mutex_);
    config = config_;
    lines = config_lines_;
    settings.config_file = config_file_;
    settings.policy_file = policy_file_;
    reflection = descriptor_plan_.reflection;
    settings.remarks = RemarksOf(config, config_warnings_, left_out_);
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
  {
    absl::MutexLock lock(&shown_mutex_);
    odd_texts_.assign(texts.begin(), texts.end());
  }
  told_settings_ = std::move(texts);
}

}  // namespace sallyport::gateway
