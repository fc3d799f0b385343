// Random types, and random masks over them.
#ifndef SALLYPORT_TESTS_POLICY_MASKING_RANDOM_MASKS_H_
#define SALLYPORT_TESTS_POLICY_MASKING_RANDOM_MASKS_H_

#include <string>
#include <vector>

#include "tests/policy/masking/random_messages.h"
#include "tests/policy/masking/reference_content.h"
#include "tests/policy/masking/reference_mask.h"

namespace sallyport::policy {

// A proto file with five message types, t.T0 to t.T4, that refer to each other in fields and in bytes that hold one,
// and the method t.S/M, which takes and returns t.T0.
std::string RandomProto(Chance& chance);

struct RandomMaskSet {
  std::string policy = "masks:\n";
  std::vector<ReferenceRule> rules;  // the same
  bool keys = false;                 // globs choose messages by keys
};
// `idempotent`: only those that change nothing when they are applied again.
RandomMaskSet RandomMasks(Chance& chance, bool idempotent);

struct RandomContentRule {
  std::string policy;
  std::vector<ReferenceCondition> conditions;  // the same
  bool detects = false;                        // payment cards
};
RandomContentRule RandomContent(Chance& chance);

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MASKING_RANDOM_MASKS_H_
