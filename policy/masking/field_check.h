// What is odd about a policy's masks and content rules once it is known which messages there are.
#ifndef SALLYPORT_POLICY_MASKING_FIELD_CHECK_H_
#define SALLYPORT_POLICY_MASKING_FIELD_CHECK_H_

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "policy/descriptors/descriptors.h"
#include "policy/policy.h"
#include "policy/policy_check.h"

namespace sallyport::policy {

// Globs, classes and options that mean no field of any message of any of the sets, in the order of the file. Takes time
// with the number of fields and of globs: some tenths of a second for twenty globs and all of googleapis.
std::vector<PolicyWarning> CheckFields(const Policy& policy,
                                       absl::Span<const std::shared_ptr<const Descriptors>> descriptors);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_FIELD_CHECK_H_
