#include "gateway/api/reader.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/access_request.h"

namespace sallyport::gateway {
namespace {

// Whether globs over methods mean looks by name: "sallyport.v1.Audit/*", and not "*".
bool NamesLooks(const std::vector<std::string>& methods) {
  return absl::c_any_of(methods, [](const std::string& glob) { return absl::StartsWith(glob, "sallyport."); });
}

recorder::CallScope::Part PartOf(const GrantedRole& role, const std::string& identity) {
  recorder::CallScope::Part part;
  if (role.kind == policy::RoleKind::kAuditor) return part;
  part.identities = role.calls.identities;
  part.methods = role.calls.methods;
  part.upstreams = role.calls.upstreams;
  if (role.kind == policy::RoleKind::kCaller) {
    part.own = identity;
  } else if (!NamesLooks(role.calls.methods)) {
    part.but_methods.emplace_back(kLookMethods);
  }
  return part;
}

// Nobody's calls are "one's own" to who proves nothing.
bool Shows(const GrantedRole& role, const Caller& reader) {
  if (role.kind == policy::RoleKind::kCaller) return !reader.anonymous();
  return policy::ShowsCalls(role.kind);
}

std::string IdentityOf(const Caller& caller) {
  if (caller.anonymous()) return "anonymous";
  const ProvedIdentity& named = caller.named();
  return named.issuer.empty() ? named.subject : absl::StrCat(named.issuer, "#", named.subject);
}

}  // namespace

bool Reader::Has(policy::RoleKind kind) const {
  return absl::c_any_of(roles, [kind](const GrantedRole& role) { return role.kind == kind; });
}

bool Reader::SeesCalls() const { return !ScopeKinds().empty(); }

recorder::CallScope Reader::Scope() const {
  recorder::CallScope scope;
  for (const GrantedRole& role : roles) {
    if (Shows(role, caller)) scope.parts.push_back(PartOf(role, identity));
  }
  return scope;
}

std::vector<policy::RoleKind> Reader::ScopeKinds() const {
  std::vector<policy::RoleKind> kinds;
  for (const GrantedRole& role : roles) {
    if (Shows(role, caller)) kinds.push_back(role.kind);
  }
  return kinds;
}

std::vector<std::string> Reader::RoleNames() const {
  std::vector<std::string> names;
  for (const GrantedRole& role : roles) {
    if (absl::c_find(names, role.name) == names.end()) names.push_back(role.name);
  }
  return names;
}

Reader ReaderOf(Caller caller, const policy::Policy* policy, std::string_view path, std::string_view peer,
                absl::Time now) {
  Reader reader;
  reader.caller = std::move(caller);
  reader.identity = IdentityOf(reader.caller);
  std::vector<v1::Proof> proofs;
  for (const auto& proof : reader.caller.proofs) {
    proofs.push_back(static_cast<v1::Proof>(proof->kind));
    if (proof->kind != ProofKind::kLocal || !reader.roles.empty()) continue;
    for (const policy::RoleKind kind :
         {policy::RoleKind::kAuditor, policy::RoleKind::kApprover, policy::RoleKind::kOperator}) {
      reader.roles.push_back({kLocalRole, kind, {}});
    }
  }
  if (policy == nullptr) return reader;
  policy::AccessRequest request([](policy::MetadataVisitor /*visitor*/) {});
  request.proofs = proofs;
  if (!reader.caller.anonymous()) {
    request.subject = reader.caller.named().subject;
    request.issuer = reader.caller.named().issuer;
    request.groups = reader.caller.named().groups;
  }
  request.method = path;
  request.peer = peer;
  request.now = now;
  for (const policy::RoleRule* rule : policy->RolesOf(request)) {
    // "Everybody" does not mean whoever comes along: that has to be said.
    if (proofs.empty() && (rule->match.proofs & policy::ProofBit(v1::PROOF_NONE)) == 0) continue;
    reader.roles.push_back({rule->name, rule->kind, rule->calls});
  }
  return reader;
}

}  // namespace sallyport::gateway
