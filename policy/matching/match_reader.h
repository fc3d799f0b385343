// Makes a Match of what the policy file says.
#ifndef SALLYPORT_POLICY_MATCHING_MATCH_READER_H_
#define SALLYPORT_POLICY_MATCHING_MATCH_READER_H_

#include <string>

#include "policy/matching/match.h"
#include "protos/faults.h"
#include "sallyport/v1/policy.pb.h"

namespace sallyport::policy {

// `key` is where `match` stands in the file, such as "access.rules[3].match". What is wrong goes to `faults`, and the
// result is then not to be used. Lists that are there and empty are faults: they read as "nobody" and would mean
// "everybody".
Match ReadMatch(const v1::Match& match, const std::string& key, Faults* faults);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_MATCH_READER_H_
