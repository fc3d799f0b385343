// Who asks for what is recorded, and what that may see.
#ifndef SALLYPORT_GATEWAY_API_READER_H_
#define SALLYPORT_GATEWAY_API_READER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "gateway/identity/authenticator.h"
#include "policy/policy.h"
#include "policy/roles.h"
#include "recorder/index/call_scope.h"

namespace sallyport::gateway {

// A role that somebody has. A value.
struct GrantedRole {
  std::string name;  // in the policy; kLocalRole for who comes over the UNIX socket
  policy::RoleKind kind = policy::RoleKind::kCaller;
  policy::RecordedCalls calls;

  friend bool operator==(const GrantedRole& a, const GrantedRole& b) {
    return a.name == b.name && a.kind == b.kind && a.calls.identities == b.calls.identities &&
           a.calls.methods == b.calls.methods && a.calls.upstreams == b.calls.upstreams;
  }
};

// The name of the roles that the owner of the data directory has without any policy, over its UNIX socket.
inline constexpr char kLocalRole[] = "(local)";
// The methods of looks; only auditors, and investigators whose role names them, see those of others.
inline constexpr char kLookMethods[] = "sallyport.v1.*";

// A value.
struct Reader {
  Caller caller;
  std::string identity;  // as CallSummary::identity has it
  std::vector<GrantedRole> roles;

  bool Has(policy::RoleKind kind) const;
  // Some role shows calls.
  bool SeesCalls() const;
  bool auditor() const { return Has(policy::RoleKind::kAuditor); }
  bool operates() const { return Has(policy::RoleKind::kOperator); }
  // Which calls its roles show: none, if they show none.
  recorder::CallScope Scope() const;
  // Of which kind the role is that gives each of its parts.
  std::vector<policy::RoleKind> ScopeKinds() const;
  // The roles' names, once each, in the order of the policy.
  std::vector<std::string> RoleNames() const;
};

// Whoever this is, with the roles that the policy (null for none) gives it where it calls `path` from `peer`; with
// those of the machine's own where a local proof is among its proofs. An anonymous caller has such roles alone that
// name the proof `none`.
Reader ReaderOf(Caller caller, const policy::Policy* policy, std::string_view path, std::string_view peer,
                absl::Time now);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_READER_H_
