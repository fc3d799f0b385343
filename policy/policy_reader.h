// Makes rules and limits of what the policy file says.
#ifndef SALLYPORT_POLICY_POLICY_READER_H_
#define SALLYPORT_POLICY_POLICY_READER_H_

#include <vector>

#include "policy/policy.h"
#include "protos/faults.h"
#include "sallyport/v1/policy.pb.h"

namespace sallyport::policy {

// What is wrong goes to `faults`, and the results are then not to be used.
std::vector<Rule> ReadRules(const v1::Access& access, Faults* faults);
std::vector<LimitRule> ReadLimits(const v1::Policy& policy, Faults* faults);
std::vector<RecordRule> ReadRecordRules(const v1::RecordRules& record, Faults* faults);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_POLICY_READER_H_
