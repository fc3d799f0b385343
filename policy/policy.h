// The policy: who may call what. The public face of access decisions.
#ifndef SALLYPORT_POLICY_POLICY_H_
#define SALLYPORT_POLICY_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/access_request.h"
#include "policy/masking/mask_rules.h"
#include "policy/matching/match.h"
#include "policy/matching/match_index.h"
#include "policy/record_rules.h"
#include "policy/roles.h"
#include "sallyport/v1/policy.pb.h"

namespace sallyport::policy {

// What stands in place of a rule's name where no rule decided. No rule may have it.
inline constexpr std::string_view kDefaultRule = "default";

// What is decided about one call. Its texts are views of the policy's.
struct AccessDecision {
  bool allowed = false;
  std::string_view rule;  // the one that decided, or kDefaultRule
  // Who would have refused the call, were they not in shadow: rules before the one that decided, the first sixteen of
  // them. Where the whole policy is in shadow and refuses, `allowed` is true and `rule` is the last of these.
  absl::InlinedVector<std::string_view, 2> shadow_denied;
};

struct Rule {
  std::string name;
  bool allow = false;
  bool shadow = false;
  Match match;
  int line = 0;  // of the policy file
};

struct LimitRule {
  std::string name;
  v1::Limit definition;  // as in the file
  bool shadow = false;   // its own, or the whole policy's
  Match match;
  double bytes_per_second = 0;  // 0: no limit
  int line = 0;
};

// One rule as it was tried on a call.
struct RuleTrial {
  size_t rule;                       // its place in rules()
  std::vector<Mismatch> mismatches;  // none if it matches
};

// One role as it was tried on somebody who calls the API.
struct RoleTrial {
  size_t role;                       // its place in roles()
  std::vector<Mismatch> mismatches;  // none if whoever calls has it
};

// A policy file, read, checked and made ready. Immutable, so shared between threads; a reload makes another one.
//
// Rules are tried in the order of the file and the first that matches decides; a rule in shadow that matches is only
// noted. Where none decides, `access.default` does, which is to deny unless the file says otherwise.
class Policy {
 public:
  // Reads and checks a file. Errors are INVALID_ARGUMENT, a line "<path>:<line>: <key>: what is wrong" for each fault;
  // NOT_FOUND or PERMISSION_DENIED if it can't be read.
  static absl::StatusOr<std::shared_ptr<const Policy>> Load(const std::string& path);
  // The same from a file's text; `name` stands for the path in errors.
  static absl::StatusOr<std::shared_ptr<const Policy>> Parse(std::string_view text, const std::string& name);

  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  // Thread-safe; a few microseconds with ten thousand rules (tests/policy/access_benchmark.cc).
  AccessDecision Decide(const AccessRequest& request) const;

  // The rules as they are tried on a call one after the other, up to the one that decides; slow, for people.
  std::vector<RuleTrial> Explain(const AccessRequest& request) const;

  // The places in limits() of those that the call counts under.
  std::vector<size_t> LimitsOf(const AccessRequest& request) const;

  // The record rule that decides what is recorded of the call; null if none does. As cheap as Decide.
  const RecordRule* RecordRuleOf(const AccessRequest& request) const;

  // The roles that somebody has who calls the API: all whose match holds, in the order of the file, whatever `shadow`
  // says. `request.method` is the API's, such as "sallyport.v1.Audit/SearchCalls", and `request.upstream` "sallyport";
  // metadata is not looked at. Whoever proves nothing has those alone whose `proofs` name `none`, and is never a
  // caller, for there is nothing that would be its own.
  std::vector<const RoleRule*> RolesOf(const AccessRequest& request) const;

  // All roles as they are tried for RolesOf; slow, for people.
  std::vector<RoleTrial> ExplainRoles(const AccessRequest& request) const;

  // The first 16 hex digits of the SHA-256 of the file's bytes.
  const std::string& version() const { return version_; }
  absl::Span<const Rule> rules() const { return rules_; }
  bool allows_by_default() const { return allows_by_default_; }
  bool shadow() const { return shadow_; }
  absl::Span<const MaskRule> masks() const { return masks_; }
  absl::Span<const ContentRule> content_rules() const { return content_rules_; }
  const std::vector<CustomDetector>& custom_detectors() const { return custom_detectors_; }
  const Detectors* detectors() const { return detectors_.get(); }  // null if none is asked for
  const std::vector<std::string>& keep_unknown_fields() const { return keep_unknown_fields_; }
  // The line of each of them.
  const std::vector<int>& keep_unknown_lines() const { return keep_unknown_lines_; }
  // The places in masks() of those that are about what passes, and not about readers alone.
  absl::Span<const uint32_t> relay_masks() const { return relay_masks_; }
  // There are such masks, or content rules.
  bool looks_into_calls() const { return !relay_masks_.empty() || !content_rules_.empty(); }
  // A mask wants originals sealed.
  bool seals() const;
  absl::Span<const LimitRule> limits() const { return limits_; }
  absl::Span<const RecordRule> record_rules() const { return record_rules_; }
  // Who may see what of the record; without any, nobody sees anything.
  absl::Span<const RoleRule> roles() const { return roles_; }

  const MatchIndex& rule_index() const { return rule_index_; }
  const MatchIndex& limit_index() const { return limit_index_; }
  // Its numbers are places in relay_masks().
  const MatchIndex& mask_index() const { return mask_index_; }
  const MatchIndex& content_index() const { return content_index_; }
  const MatchIndex& record_index() const { return record_index_; }
  const MatchIndex& role_index() const { return role_index_; }

 private:
  Policy() = default;

  std::string version_;
  bool shadow_ = false;
  bool allows_by_default_ = false;
  std::vector<Rule> rules_;
  std::vector<LimitRule> limits_;
  MatchIndex rule_index_;
  MatchIndex limit_index_;
  std::vector<CustomDetector> custom_detectors_;
  std::shared_ptr<const Detectors> detectors_;
  std::vector<MaskRule> masks_;
  std::vector<uint32_t> relay_masks_;
  std::vector<ContentRule> content_rules_;
  std::vector<std::string> keep_unknown_fields_;
  std::vector<int> keep_unknown_lines_;
  MatchIndex mask_index_;
  MatchIndex content_index_;
  std::vector<RecordRule> record_rules_;
  MatchIndex record_index_;
  std::vector<RoleRule> roles_;
  MatchIndex role_index_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_POLICY_H_
