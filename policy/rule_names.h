// Names of rules, limits and roles in the policy file.
#ifndef SALLYPORT_POLICY_RULE_NAMES_H_
#define SALLYPORT_POLICY_RULE_NAMES_H_

#include <string>
#include <utility>

#include "policy/text.h"
#include "protos/faults.h"

namespace sallyport::policy {

// Checks the names in one list. They go into status messages, metrics and records: one says what it is in plain
// characters, and no two are the same. Lives while the list is read.
class RuleNames {
 public:
  // `what_for` says why there has to be a name: "the record names it".
  RuleNames(std::string what_for, Faults* faults) : what_for_(std::move(what_for)), faults_(*faults) {}

  // `key` is where what has the name stands, such as "access.rules[3]". What is wrong goes to the faults.
  void Check(const std::string& name, const std::string& key);

 private:
  const std::string what_for_;
  Faults& faults_;
  TextMap<std::string> keys_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_RULE_NAMES_H_
