// Looks for something in a message, as content rules do.
#ifndef SALLYPORT_POLICY_MASKING_CONTENT_CHECK_H_
#define SALLYPORT_POLICY_MASKING_CONTENT_CHECK_H_

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "policy/masking/mask_plan.h"

namespace sallyport::policy {

struct VisitedValue {
  const google::protobuf::Descriptor* type;        // of the message it is in
  uint32_t number;                                 // of the field
  const google::protobuf::FieldDescriptor* field;  // null if the type has none by that number
  // Numbers are given in decimal, enums by name if they have one, booleans as true and false, messages as their bytes.
  std::string_view text;
};

// Hands `visit` every value of fields that the plan selects, and every text that it looks into, until that returns
// false. A plan that looks into texts looks into the bytes of what it does not know as well: unknown fields, fields
// that hold messages of unknown types, contents of an Any of an unknown type. False if the message cannot be read, as
// MaskWalker would find, or has unknown messages nested so deeply that looking into them is too much work.
bool VisitValues(const MaskPlan& plan, std::string_view message, absl::FunctionRef<bool(const VisitedValue&)> visit);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_CONTENT_CHECK_H_
