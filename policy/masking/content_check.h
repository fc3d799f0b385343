// Looks for something in a message, as content rules do.
#ifndef SALLYPORT_POLICY_MASKING_CONTENT_CHECK_H_
#define SALLYPORT_POLICY_MASKING_CONTENT_CHECK_H_

#include <string_view>

#include "absl/functional/function_ref.h"
#include "policy/masking/mask_plan.h"

namespace sallyport::policy {

// Hands `visit` every value of fields that the plan selects, and every text that it looks into, until that returns
// false. Numbers are given as text: decimal, enums by name if they have one, booleans as true and false, messages as
// their bytes. False if the message cannot be read, as MaskWalker would find. Contents of an Any whose type is not
// known are not looked into.
bool VisitValues(const MaskPlan& plan, std::string_view message,
                 absl::FunctionRef<bool(const MaskPlan::Field&, std::string_view)> visit);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_CONTENT_CHECK_H_
