#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "policy/conditions/functions.h"

namespace sallyport::policy {
namespace {

constexpr char kOverflow[] = "the result does not fit its type";
constexpr char kByZero[] = "division by zero";
constexpr char kNoOverload[] = "these values do not go with this operator";

constexpr int64_t kBillion = 1'000'000'000;
constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31
constexpr int64_t kMostDuration = 9'223'372'036;   // what 64 bits of nanoseconds hold: CEL's results have no more

Value OfInts(Op op, int64_t left, int64_t right) {
  int64_t result = 0;
  switch (op) {
    case Op::kAdd:
      return __builtin_add_overflow(left, right, &result) ? Value::Error(kOverflow) : Value::Int(result);
    case Op::kSubtract:
      return __builtin_sub_overflow(left, right, &result) ? Value::Error(kOverflow) : Value::Int(result);
    case Op::kMultiply:
      return __builtin_mul_overflow(left, right, &result) ? Value::Error(kOverflow) : Value::Int(result);
    default:
      break;
  }
  if (right == 0) return Value::Error(kByZero);
  if (right == -1) {
    if (op == Op::kModulo) return Value::Int(0);
    return left == std::numeric_limits<int64_t>::min() ? Value::Error(kOverflow) : Value::Int(-left);
  }
  return Value::Int(op == Op::kDivide ? left / right : left % right);
}

Value OfUints(Op op, uint64_t left, uint64_t right) {
  uint64_t result = 0;
  switch (op) {
    case Op::kAdd:
      return __builtin_add_overflow(left, right, &result) ? Value::Error(kOverflow) : Value::Uint(result);
    case Op::kSubtract:
      return __builtin_sub_overflow(left, right, &result) ? Value::Error(kOverflow) : Value::Uint(result);
    case Op::kMultiply:
      return __builtin_mul_overflow(left, right, &result) ? Value::Error(kOverflow) : Value::Uint(result);
    default:
      break;
  }
  if (right == 0) return Value::Error(kByZero);
  return Value::Uint(op == Op::kDivide ? left / right : left % right);
}

Value OfDoubles(Op op, double left, double right) {
  switch (op) {
    case Op::kAdd:
      return Value::Double(left + right);
    case Op::kSubtract:
      return Value::Double(left - right);
    case Op::kMultiply:
      return Value::Double(left * right);
    case Op::kDivide:
      return Value::Double(left / right);
    default:
      return Value::Error(kNoOverload);
  }
}

// Seconds and nanoseconds in their regular form: of times the latter are not negative, of durations both have one sign.
Value OfTimes(Kind kind, int64_t seconds, int64_t nanos) {
  seconds += nanos / kBillion;
  nanos %= kBillion;
  const bool timestamp = kind == Kind::kTimestamp;
  if (nanos < 0 && (timestamp || seconds > 0)) {
    nanos += kBillion;
    --seconds;
  } else if (nanos > 0 && !timestamp && seconds < 0) {
    nanos -= kBillion;
    ++seconds;
  }
  const bool fits = timestamp ? seconds >= kFirstSecond && seconds <= kLastSecond
                              : seconds >= -kMostDuration && seconds <= kMostDuration;
  return fits ? Value::Time(kind, seconds, static_cast<int32_t>(nanos)) : Value::Error("the time is out of its range");
}

Value TimeArithmetic(Op op, const Value& left, const Value& right) {
  const bool times = left.is(Kind::kTimestamp) && right.is(Kind::kTimestamp);
  if (op == Op::kAdd && !times) {
    const bool timestamp = left.is(Kind::kTimestamp) || right.is(Kind::kTimestamp);
    return OfTimes(timestamp ? Kind::kTimestamp : Kind::kDuration, left.integer + right.integer,
                   int64_t{left.nanos} + right.nanos);
  }
  const bool can_subtract = left.is(Kind::kTimestamp) || right.is(Kind::kDuration);
  if (op == Op::kSubtract && can_subtract) {
    return OfTimes(left.is(Kind::kTimestamp) && !times ? Kind::kTimestamp : Kind::kDuration,
                   left.integer - right.integer, int64_t{left.nanos} - right.nanos);
  }
  return Value::Error(kNoOverload);
}

Value Concatenated(const Value& left, const Value& right, Heap* heap) {
  const size_t size = left.size + right.size;
  if (left.is(Kind::kList)) {
    if (!heap->Spend(size + 1)) return Heap::TooMuch();
    auto* const items = heap->Array<Value>(size);
    std::copy(left.items, left.items + left.size, items);
    std::copy(right.items, right.items + right.size, items + left.size);
    return Value::List(items, size);
  }
  if (!heap->SpendBytes(size)) return Heap::TooMuch();
  char* const chars = heap->Array<char>(size);
  if (left.size > 0) memcpy(chars, left.chars, left.size);
  if (right.size > 0) memcpy(chars + left.size, right.chars, right.size);
  return Value::Text({chars, size}, left.kind);
}

Value IsIn(const Value& element, const Value& range, Heap* heap) {
  if (range.is(Kind::kMap)) {
    const bool key = element.number() || element.is(Kind::kBool) || element.is(Kind::kString);
    if (!key) return Value::Error(kNoOverload);
    if (!heap->Spend(range.size + 1)) return Heap::TooMuch();
    return Value::Bool(FindKey(range, element, heap) != nullptr);
  }
  if (!range.is(Kind::kList)) return Value::Error(kNoOverload);
  Value fault;
  for (size_t i = 0; i < range.size; ++i) {
    if (!heap->Spend(1)) return Heap::TooMuch();
    const Value equal = Equal(element, range.items[i], heap);
    if (equal.is_true()) return equal;
    if (equal.error()) fault = equal;
  }
  return fault.error() ? fault : Value::Bool(false);
}

}  // namespace

Value Arithmetic(Op op, const Value& left, const Value& right, Heap* heap) {
  if (left.error()) return left;
  if (right.error()) return right;
  const auto is_time = [](const Value& value) { return value.is(Kind::kTimestamp) || value.is(Kind::kDuration); };
  if (is_time(left) && is_time(right)) return TimeArithmetic(op, left, right);
  if (left.kind != right.kind) return Value::Error(kNoOverload);
  switch (left.kind) {
    case Kind::kInt:
      return OfInts(op, left.integer, right.integer);
    case Kind::kUint:
      return OfUints(op, left.natural, right.natural);
    case Kind::kDouble:
      return OfDoubles(op, left.real, right.real);
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kList:
      if (op == Op::kAdd) return Concatenated(left, right, heap);
      break;
    default:
      break;
  }
  return Value::Error(kNoOverload);
}

Value Negated(const Value& value) {
  if (value.error()) return value;
  if (value.is(Kind::kDouble)) return Value::Double(-value.real);
  if (!value.is(Kind::kInt)) return Value::Error(kNoOverload);
  return OfInts(Op::kSubtract, 0, value.integer);
}

Value Relate(Op op, const Value& left, const Value& right, Heap* heap) {
  if (left.error()) return left;
  if (right.error()) return right;
  if (op == Op::kIn) return IsIn(left, right, heap);
  if (op == Op::kEqual || op == Op::kUnequal) {
    const Value equal = Equal(left, right, heap);
    return equal.error() || op == Op::kEqual ? equal : Value::Bool(!equal.truth);
  }
  if (left.is(Kind::kString) && !heap->SpendBytes(left.size)) return Heap::TooMuch();
  const Order order = Compare(left, right);
  if (!order.comparable) return Value::Error(kNoOverload);
  if (!order.ordered) return Value::Bool(false);
  switch (op) {
    case Op::kLess:
      return Value::Bool(order.sign < 0);
    case Op::kLessOrEqual:
      return Value::Bool(order.sign <= 0);
    case Op::kGreater:
      return Value::Bool(order.sign > 0);
    default:
      return Value::Bool(order.sign >= 0);
  }
}

Value ElementOf(const Value& object, const Value& index, Heap* heap) {
  if (object.error()) return object;
  if (index.error()) return index;
  if (object.is(Kind::kMap)) {
    if (!heap->Spend(object.size + 1)) return Heap::TooMuch();
    const Value* const found = FindKey(object, index, heap);
    return found != nullptr ? *found : Value::Error("there is no such key");
  }
  if (!object.is(Kind::kList)) return Value::Error("it has no elements");
  // An integer, of whatever kind of number.
  const Value zero = Value::Int(0);
  const Value size = Value::Int(static_cast<int64_t>(object.size));
  if (!index.number() || (index.is(Kind::kDouble) && std::trunc(index.real) != index.real)) {
    return Value::Error("a list is asked by an int");
  }
  const Order from = Compare(index, zero);
  if (!from.ordered || from.sign < 0 || Compare(index, size).sign >= 0) {
    return Value::Error("there is no element of that index");
  }
  const size_t at = index.is(Kind::kDouble) ? static_cast<size_t>(index.real) : static_cast<size_t>(index.natural);
  return object.items[at];
}

}  // namespace sallyport::policy
