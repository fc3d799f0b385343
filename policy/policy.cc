#include "policy/policy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/content_hash.h"
#include "policy/policy_reader.h"
#include "protos/faults.h"
#include "protos/yaml_message.h"

namespace sallyport::policy {
namespace {

template <typename Rules>
MatchIndex IndexOf(const Rules& rules) {
  std::vector<const Match*> matches;
  matches.reserve(rules.size());
  for (const auto& rule : rules) matches.push_back(&rule.match);
  return MatchIndex(matches);
}

// Why a role is not had by whoever its match holds for; null if it is.
const char* WhyNotMeant(const RoleRule& role, const RequestFacts& facts) {
  const ProofSet none = ProofBit(v1::PROOF_NONE);
  if (facts.proofs() == none && (role.match.proofs & none) == 0) {
    return "whoever proves nothing has it only where proofs name none";
  }
  if (role.kind == RoleKind::kCaller && facts.subject().empty()) return "nobody without a subject has calls of its own";
  return nullptr;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Policy>> Policy::Load(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadYamlText(path);
  if (!text.ok()) return text.status();
  return Parse(*text, path);
}

absl::StatusOr<std::shared_ptr<const Policy>> Policy::Parse(std::string_view text, const std::string& name) {
  v1::Policy source;
  KeyLines lines;
  FormFaults form;
  if (absl::Status status = ReadYaml(text, name, &source, &lines, &form); !status.ok()) return status;
  if (lines.empty()) {
    // More likely cut short than meant.
    return absl::InvalidArgumentError(absl::StrCat(
        name,
        ": is empty. To refuse all calls say so: \"access: {default: deny}\"; to have no policy, leave the file out"));
  }
  Faults faults(name, lines, std::move(form));
  // Not make_shared: the constructor is private.
  std::shared_ptr<Policy> policy(new Policy());
  policy->rules_ = ReadRules(source.access(), &faults);
  policy->limits_ = ReadLimits(source, &faults);
  policy->detectors_ = ReadDetectors(source, &faults);
  for (const v1::Detector& detector : source.detectors()) {
    policy->custom_detectors_.push_back({detector.name(), detector.pattern()});
  }
  policy->masks_ = ReadMasks(source, policy->detectors_.get(), &faults);
  policy->content_rules_ = ReadContentRules(source, policy->detectors_.get(), &faults);
  policy->record_rules_ = ReadRecordRules(source.record(), &faults);
  policy->roles_ = ReadRoles(source, &faults);
  policy->keep_unknown_fields_ = {source.keep_unknown_fields().begin(), source.keep_unknown_fields().end()};
  for (size_t i = 0; i < policy->keep_unknown_fields_.size(); ++i) {
    policy->keep_unknown_lines_.push_back(faults.LineOf(absl::StrCat("keep_unknown_fields[", i, "]")));
  }
  if (absl::Status status = faults.status(); !status.ok()) return status;
  policy->shadow_ = source.shadow();
  policy->allows_by_default_ = source.access().default_() == v1::AccessRule::allow;
  constexpr size_t kVersionDigits = 16;
  policy->version_ = ContentHash(text).substr(0, kVersionDigits);
  policy->rule_index_ = IndexOf(policy->rules_);
  policy->limit_index_ = IndexOf(policy->limits_);
  std::vector<const Match*> relay_matches;
  for (size_t i = 0; i < policy->masks_.size(); ++i) {
    if (!policy->masks_[i].is_of_relay()) continue;
    policy->relay_masks_.push_back(static_cast<uint32_t>(i));
    relay_matches.push_back(&policy->masks_[i].match);
  }
  policy->mask_index_ = MatchIndex(relay_matches);
  policy->content_index_ = IndexOf(policy->content_rules_);
  policy->record_index_ = IndexOf(policy->record_rules_);
  policy->role_index_ = IndexOf(policy->roles_);
  return policy;
}

bool Policy::seals() const {
  return std::any_of(masks_.begin(), masks_.end(), [](const MaskRule& mask) { return mask.seal; });
}

AccessDecision Policy::Decide(const AccessRequest& request) const {
  constexpr size_t kMostShadowDenied = 16;
  AccessDecision decision;
  decision.allowed = allows_by_default_;
  decision.rule = kDefaultRule;
  rule_index_.ForEachMatch(RequestFacts(request), [&](size_t number) {
    const Rule& rule = rules_[number];
    if (rule.shadow) {
      if (decision.shadow_denied.size() < kMostShadowDenied) decision.shadow_denied.push_back(rule.name);
      return true;
    }
    decision.allowed = rule.allow;
    decision.rule = rule.name;
    return false;
  });
  if (shadow_ && !decision.allowed) {
    decision.allowed = true;
    if (decision.shadow_denied.size() == kMostShadowDenied) decision.shadow_denied.pop_back();
    decision.shadow_denied.push_back(decision.rule);
  }
  return decision;
}

std::vector<RuleTrial> Policy::Explain(const AccessRequest& request) const {
  const RequestFacts facts(request);
  std::vector<RuleTrial> trials;
  for (size_t i = 0; i < rules_.size(); ++i) {
    trials.push_back({i, Mismatches(rules_[i].match, facts)});
    if (trials.back().mismatches.empty() && !rules_[i].shadow) break;
  }
  return trials;
}

std::vector<size_t> Policy::LimitsOf(const AccessRequest& request) const {
  std::vector<size_t> limits;
  limit_index_.ForEachMatch(RequestFacts(request), [&](size_t number) {
    limits.push_back(number);
    return true;
  });
  return limits;
}

const RecordRule* Policy::RecordRuleOf(const AccessRequest& request) const {
  if (record_rules_.empty()) return nullptr;
  const RecordRule* first = nullptr;
  record_index_.ForEachMatch(RequestFacts(request), [&](size_t number) {
    first = &record_rules_[number];
    return false;
  });
  return first;
}

std::vector<const RoleRule*> Policy::RolesOf(const AccessRequest& request) const {
  std::vector<const RoleRule*> roles;
  if (roles_.empty()) return roles;
  const RequestFacts facts(request);
  role_index_.ForEachMatch(facts, [&](size_t number) {
    if (WhyNotMeant(roles_[number], facts) == nullptr) roles.push_back(&roles_[number]);
    return true;
  });
  return roles;
}

std::vector<RoleTrial> Policy::ExplainRoles(const AccessRequest& request) const {
  const RequestFacts facts(request);
  std::vector<RoleTrial> trials;
  for (size_t i = 0; i < roles_.size(); ++i) {
    trials.push_back({i, Mismatches(roles_[i].match, facts)});
    const char* const why = WhyNotMeant(roles_[i], facts);
    if (why != nullptr && trials.back().mismatches.empty()) trials.back().mismatches.push_back({"role", why});
  }
  return trials;
}

}  // namespace sallyport::policy
