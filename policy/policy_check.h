// What is odd about a policy that is without faults.
#ifndef SALLYPORT_POLICY_POLICY_CHECK_H_
#define SALLYPORT_POLICY_POLICY_CHECK_H_

#include <string>
#include <vector>

#include "policy/policy.h"

namespace sallyport::policy {

struct PolicyWarning {
  int line = 0;
  std::string rule;  // the name of the rule it is about; empty if it is about none
  std::string text;
  std::string file = "";  // where the line is, if that is known
};

// In the order of their lines: rules that no call reaches because an earlier one decides it first, rules whose
// conditions contradict each other, roles that everybody has or nobody, names that are not what they seem, and a policy
// that refuses everything. Rules that
// only several earlier ones together leave nothing to decide are not seen.
std::vector<PolicyWarning> CheckPolicy(const Policy& policy);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_POLICY_CHECK_H_
