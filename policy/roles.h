// Who may see what of the record: the policy's `roles`.
#ifndef SALLYPORT_POLICY_ROLES_H_
#define SALLYPORT_POLICY_ROLES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "policy/matching/match.h"
#include "protos/faults.h"
#include "sallyport/v1/policy.pb.h"

namespace sallyport::policy {

// Mirrors sallyport.v1.Role.Kind.
enum class RoleKind { kAuditor, kInvestigator, kCaller, kOperator, kApprover };

// "auditor", "investigator", "caller", "operator", "approver".
const char* RoleName(RoleKind kind);
RoleKind RoleOf(v1::Role::Kind kind);
// Somebody with a role of this kind is shown recorded calls: auditors, investigators and callers are.
bool ShowsCalls(RoleKind kind);

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

// Whether a method, "package.Service/Method" with a leading slash or without, is one of a service of the API: roles
// decide about it, and no access rule.
bool IsOfApi(std::string_view method);

// One recorded call, as roles look at it: its texts are those of its CallSummary.
struct RecordedCall {
  std::string_view identity;
  std::string_view method;
  std::string_view upstream;
};

// Whether somebody who has the role is shown the call. `own` is what the reader itself stands as in CallSummary's
// identity; a caller without one has no calls of its own.
bool Shows(const RoleRule& role, std::string_view own, const RecordedCall& call);

// What is wrong goes to `faults`, and the result is then not to be used.
std::vector<RoleRule> ReadRoles(const v1::Policy& policy, Faults* faults);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_ROLES_H_
