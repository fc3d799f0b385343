// What is odd about rules that name subjects and groups once it is known who vouches for callers.
#ifndef SALLYPORT_POLICY_ISSUER_CHECK_H_
#define SALLYPORT_POLICY_ISSUER_CHECK_H_

#include <string>
#include <vector>

#include "policy/policy.h"
#include "policy/policy_check.h"
#include "sallyport/v1/config.pb.h"

namespace sallyport::policy {

// Whoever vouches for callers by a configuration: issuers of tokens, trust domains, the authorities of certificates,
// API keys. For people.
std::vector<std::string> IssuersOf(const v1::Config& config);

// With more than one issuer, each rule of the policy (which may be null) and each group's credentials that name
// subjects or groups and do not say of which issuer: every issuer chooses its names itself, and so may choose those.
// Rules of the policy have their lines; what stands in the configuration has none.
std::vector<PolicyWarning> CheckIssuers(const v1::Config& config, const Policy* policy);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_ISSUER_CHECK_H_
