// Which types operators and functions take.
#ifndef SALLYPORT_POLICY_CONDITIONS_SIGNATURES_H_
#define SALLYPORT_POLICY_CONDITIONS_SIGNATURES_H_

#include <optional>
#include <string_view>
#include <vector>

#include "policy/conditions/node.h"
#include "policy/conditions/type.h"

namespace sallyport::policy {

// Whether values of both types may be equal: of one kind, numbers, or one is null where the other may be.
bool CanEqual(const Type& left, const Type& right);
// What comes out, nothing if the operator does not take these.
std::optional<Type> TypeOfOperator(Op op, const std::vector<Type>& types);
// kNone if there is none of that name for that many arguments, of a method its object included.
Function FindFunction(std::string_view name, bool method, size_t arguments);
std::optional<Type> TypeOfCall(Function function, const std::vector<Type>& types);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_SIGNATURES_H_
