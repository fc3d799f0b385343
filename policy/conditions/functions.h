// What operators and functions do with values. Errors among the operands are handed on, the first one first.
#ifndef SALLYPORT_POLICY_CONDITIONS_FUNCTIONS_H_
#define SALLYPORT_POLICY_CONDITIONS_FUNCTIONS_H_

#include "policy/conditions/node.h"
#include "policy/conditions/value.h"

namespace sallyport::policy {

// kAdd to kModulo.
Value Arithmetic(Op op, const Value& left, const Value& right, Heap* heap);
Value Negated(const Value& value);
// kEqual to kIn.
Value Relate(Op op, const Value& left, const Value& right, Heap* heap);
// `object[index]`, where `object` is a list or a map.
Value ElementOf(const Value& object, const Value& index, Heap* heap);
// `second` is of functions that take two; `pattern` is that of kMatches.
Value Apply(Function function, const Value& first, const Value& second, const RE2* pattern, Heap* heap);
// kTimestamp to kBool: a value of another kind.
Value Converted(Function function, const Value& value, Heap* heap);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_FUNCTIONS_H_
