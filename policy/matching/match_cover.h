// Compares matches with each other.
#ifndef SALLYPORT_POLICY_MATCHING_MATCH_COVER_H_
#define SALLYPORT_POLICY_MATCHING_MATCH_COVER_H_

#include "policy/matching/match.h"

namespace sallyport::policy {

// True only if every call that `narrow` matches is matched by `wide`. Looks at one condition after the other, so there
// are cases that it does not see.
bool Covers(const Match& wide, const Match& narrow);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_MATCH_COVER_H_
