// Who may see what of the record: the policy's `roles`.
#ifndef SALLYPORT_POLICY_ROLES_H_
#define SALLYPORT_POLICY_ROLES_H_

#include <string>
#include <vector>

#include "policy/matching/match.h"
#include "sallyport/v1/policy.pb.h"

namespace sallyport::policy {

// Mirrors sallyport.v1.Role.Kind.
enum class RoleKind { kAuditor, kInvestigator, kCaller, kOperator, kApprover };

// "auditor", "investigator", "caller", "operator", "approver".
const char* RoleName(RoleKind kind);

// Globs; a list that is empty is no condition.
struct RecordedCalls {
  std::vector<std::string> identities;
  std::vector<std::string> methods;
  std::vector<std::string> upstreams;
};

struct RoleRule {
  std::string name;
  RoleKind kind = RoleKind::kCaller;
  Match match;          // who
  RecordedCalls calls;  // of investigators and callers
  int line = 0;         // of the policy file
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_ROLES_H_
