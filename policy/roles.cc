#include "policy/roles.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "policy/matching/match_reader.h"
#include "policy/method_globs.h"
#include "policy/rule_names.h"
#include "sallyport/v1/audit.pb.h"
#include "sallyport/v1/operations.pb.h"
#include "sallyport/v1/policies.pb.h"

namespace sallyport::policy {
namespace {

constexpr size_t kLongestGlob = 1024;

std::vector<const google::protobuf::ServiceDescriptor*> ApiServices() {
  std::vector<const google::protobuf::ServiceDescriptor*> services;
  for (const google::protobuf::Descriptor* message :
       {v1::SearchCallsRequest::descriptor(), v1::GetPolicyRequest::descriptor(), v1::GetHealthRequest::descriptor()}) {
    const google::protobuf::FileDescriptor* const file = message->file();
    for (int i = 0; i < file->service_count(); ++i) services.push_back(file->service(i));
  }
  return services;
}

// "package.Service/Method" of all that the API has.
std::vector<std::string> ApiMethods() {
  std::vector<std::string> methods;
  for (const google::protobuf::ServiceDescriptor* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      methods.push_back(absl::StrCat(service->full_name(), "/", service->method(i)->name()));
    }
  }
  return methods;
}

bool MatchesOne(const std::vector<std::string>& globs, std::string_view text) {
  return globs.empty() ||
         std::any_of(globs.begin(), globs.end(), [text](const std::string& glob) { return GlobMatches(glob, text); });
}

// Reads the roles of one policy, one after the other.
class RoleReader {
 public:
  explicit RoleReader(Faults* faults) : faults_(*faults), api_methods_(ApiMethods()) {}

  RoleRule Read(const v1::Role& source, const std::string& key) {
    RoleRule role;
    role.name = source.name();
    if (source.has_role()) {
      role.kind = RoleOf(source.role());
    } else {
      faults_.Add(key + ".role", "is missing: auditor, investigator, caller, operator or approver");
    }
    role.match = ReadMatch(source.match(), key + ".match", &faults_);
    CheckMatch(source.match(), role.match, key + ".match");
    for (size_t i = 0; i < role.match.except.size(); ++i) {
      CheckMatch(source.match().except(static_cast<int>(i)), role.match.except[i],
                 absl::StrCat(key, ".match.except[", i, "]"));
    }
    role.calls = ReadCalls(source, key + ".calls");
    role.line = faults_.LineOf(key);
    return role;
  }

 private:
  // Only what can be said of somebody who reads the record.
  void CheckMatch(const v1::Match& source, const Match& match, const std::string& key) {
    for (size_t i = 0; i < match.methods.size(); ++i) {
      const auto meant = [&](const std::string& method) { return GlobMatches(match.methods[i], method); };
      if (!SlashFault(match.methods[i]).empty() || std::any_of(api_methods_.begin(), api_methods_.end(), meant))
        continue;
      faults_.Add(
          absl::StrCat(key, ".methods[", i, "]"),
          absl::StrCat(Quoted(match.methods[i]),
                       " is no method of the API, such as \"sallyport.v1.Audit/*\": which recorded calls a role "
                       "shows stands in `calls`"));
    }
    if (!source.upstreams().empty()) {
      faults_.Add(key + ".upstreams",
                  "means nothing here, for who reads the record calls no upstream: which recorded calls a role shows "
                  "stands in `calls`");
    }
    for (const auto& [name, given] : {std::pair("metadata", !source.metadata().empty()),
                                      std::pair("all_metadata", !source.all_metadata().empty())}) {
      if (!given) continue;
      faults_.Add(absl::StrCat(key, ".", name),
                  "gives no roles, for readers choose their metadata themselves: match who they are proved to be");
    }
  }

  RecordedCalls ReadCalls(const v1::Role& source, const std::string& key) {
    RecordedCalls calls;
    if (!faults_.Given(key)) return calls;
    if (source.has_role() && source.role() != v1::Role::investigator && source.role() != v1::Role::caller) {
      faults_.Add(key, absl::StrCat("goes with investigator and caller only: ", RoleName(RoleOf(source.role())),
                                    source.role() == v1::Role::auditor ? " shows every call" : " shows no calls"));
      return calls;
    }
    calls.identities = Globs(source.calls().identities(), key + ".identities");
    calls.methods = Globs(source.calls().methods(), key + ".methods");
    calls.upstreams = Globs(source.calls().upstreams(), key + ".upstreams");
    for (size_t i = 0; i < calls.methods.size(); ++i) {
      if (calls.methods[i].starts_with('/')) calls.methods[i].erase(0, 1);
      if (const std::string fault = SlashFault(calls.methods[i]); !fault.empty()) {
        faults_.Add(absl::StrCat(key, ".methods[", i, "]"), fault);
      }
    }
    if (source.calls().ByteSizeLong() == 0 && !faults_.Given(key + ".identities") && !faults_.Given(key + ".methods") &&
        !faults_.Given(key + ".upstreams")) {
      faults_.Add(key, "names no calls: give identities, methods or upstreams, or remove the key for all of them");
    }
    return calls;
  }

  std::vector<std::string> Globs(const google::protobuf::RepeatedPtrField<std::string>& source,
                                 const std::string& key) {
    if (source.empty() && faults_.Given(key)) {
      faults_.Add(key, "is an empty list, which reads as no calls: name something, or remove the key");
    }
    for (int i = 0; i < source.size(); ++i) {
      const std::string element = absl::StrCat(key, "[", i, "]");
      if (source[i].empty()) faults_.Add(element, "is empty: give a text or a glob");
      if (source[i].size() > kLongestGlob) {
        faults_.Add(element, absl::StrCat("is longer than ", kLongestGlob, " bytes"));
      }
    }
    return {source.begin(), source.end()};
  }

  Faults& faults_;
  const std::vector<std::string> api_methods_;
};

}  // namespace

const char* RoleName(RoleKind kind) {
  switch (kind) {
    case RoleKind::kAuditor:
      return "auditor";
    case RoleKind::kInvestigator:
      return "investigator";
    case RoleKind::kCaller:
      return "caller";
    case RoleKind::kOperator:
      return "operator";
    case RoleKind::kApprover:
      return "approver";
  }
  return "?";
}

RoleKind RoleOf(v1::Role::Kind kind) {
  switch (kind) {
    case v1::Role::auditor:
      return RoleKind::kAuditor;
    case v1::Role::investigator:
      return RoleKind::kInvestigator;
    case v1::Role::operator_:
      return RoleKind::kOperator;
    case v1::Role::approver:
      return RoleKind::kApprover;
    default:
      return RoleKind::kCaller;
  }
}

bool ShowsCalls(RoleKind kind) {
  return kind == RoleKind::kAuditor || kind == RoleKind::kInvestigator || kind == RoleKind::kCaller;
}

bool IsOfApi(std::string_view method) {
  if (method.starts_with('/')) method.remove_prefix(1);
  const size_t slash = method.find('/');
  if (slash == std::string_view::npos) return false;
  const std::vector<const google::protobuf::ServiceDescriptor*> services = ApiServices();
  return std::any_of(services.begin(), services.end(), [&](const google::protobuf::ServiceDescriptor* service) {
    return service->full_name() == method.substr(0, slash);
  });
}

bool Shows(const RoleRule& role, std::string_view own, const RecordedCall& call) {
  if (!ShowsCalls(role.kind)) return false;
  if (role.kind == RoleKind::kAuditor) return true;
  if (role.kind == RoleKind::kCaller && (own.empty() || own != call.identity)) return false;
  return MatchesOne(role.calls.identities, call.identity) && MatchesOne(role.calls.methods, call.method) &&
         MatchesOne(role.calls.upstreams, call.upstream);
}

std::vector<RoleRule> ReadRoles(const v1::Policy& policy, Faults* faults) {
  std::vector<RoleRule> roles;
  roles.reserve(static_cast<size_t>(policy.roles_size()));
  RuleNames names("each look is recorded with it", faults);
  RoleReader reader(faults);
  for (int i = 0; i < policy.roles_size(); ++i) {
    const std::string key = absl::StrCat("roles[", i, "]");
    names.Check(policy.roles(i).name(), key);
    roles.push_back(reader.Read(policy.roles(i), key));
  }
  return roles;
}

}  // namespace sallyport::policy
