// What is odd about a policy's masks and content rules once it is known which messages there are.
#ifndef SALLYPORT_POLICY_MASKING_FIELD_CHECK_H_
#define SALLYPORT_POLICY_MASKING_FIELD_CHECK_H_

#include <vector>

#include "policy/descriptors/descriptors.h"
#include "policy/policy.h"
#include "policy/policy_check.h"

namespace sallyport::policy {

// Globs, classes and options that mean no field of any message, in the order of the file. Slow, for people.
std::vector<PolicyWarning> CheckFields(const Policy& policy, const Descriptors& descriptors);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_FIELD_CHECK_H_
