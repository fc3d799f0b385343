// Policies and calls made at random, and a second opinion on what a policy says about a call.
#ifndef SALLYPORT_TESTS_POLICY_MADE_POLICY_H_
#define SALLYPORT_TESTS_POLICY_MADE_POLICY_H_

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "policy/access_request.h"
#include "sallyport/v1/policy.pb.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::policy {

// A call, with all that an AccessRequest only refers to.
struct MadeCall {
  std::vector<v1::Proof> proofs;
  std::string subject;
  std::string issuer;
  std::vector<std::string> groups;
  std::string method;
  std::string upstream;
  std::string peer;
  absl::Time now;
  std::vector<std::pair<std::string, std::string>> metadata;

  void operator()(MetadataVisitor visit) const {
    for (const auto& [name, value] : metadata) visit(name, value);
  }
  // A view of this.
  AccessRequest request() const;
};

// How large the world is from which names are drawn: in a small one rules and calls meet often.
struct World {
  int services = 4;
  int methods = 4;  // of each service
  int groups = 6;
  int subjects = 6;
  int tenants = 4;
  int hosts = 8;
  int odd_globs = 100;  // in percent: cut anywhere, not as somebody would write them
};

// Draws policies and calls. Equal seeds give equal ones.
class Maker {
 public:
  Maker(World world, uint32_t seed) : world_(world), random_(seed) {}

  v1::Policy MakePolicy(int rules);
  v1::Match MakeMatch();
  MadeCall MakeCall();
  int Below(int end) { return static_cast<int>(random_() % static_cast<uint32_t>(end)); }

 private:
  bool Chance(int percent) { return Below(100) < percent; }
  std::string Service();
  std::string Method();
  std::string Subject();
  std::string Group();
  std::string Issuer();
  std::string Tenant();
  std::string Host();
  std::string MethodGlob();
  // `sensible`, or a glob cut at random out of `text`.
  std::string GlobOver(std::string text, const std::string& sensible);
  std::string NetworkText();
  void AddCondition(v1::Match* match);
  void AddTime(v1::Match* match);

  World world_;
  std::mt19937 random_;
};

// A policy as a file: JSON, which is YAML.
std::string FileOf(const v1::Policy& policy);

// What the policy says about the call, worked out rule by rule and condition by condition from the file's own form,
// with none of the code that decides in earnest.
struct SecondOpinion {
  bool allowed = false;
  std::string rule;
  std::vector<std::string> shadow_denied;
};
SecondOpinion DecideSlowly(const v1::Policy& policy, const MadeCall& call);

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MADE_POLICY_H_
