#include "policy/conditions/value.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace sallyport::policy {
namespace {

Order Sign(int sign) { return {true, true, sign}; }
template <typename Number>
Order OfSame(Number left, Number right) {
  return Sign(left < right ? -1 : left > right ? 1 : 0);
}

Order OfDoubles(double left, double right) {
  if (std::isnan(left) || std::isnan(right)) return {true, false, 0};
  return OfSame(left, right);
}

// Exact, where the integer has more digits than a double.
Order OfIntAndDouble(int64_t left, double right) {
  if (std::isnan(right)) return {true, false, 0};
  if (right >= 9223372036854775808.0) return Sign(-1);
  if (right < -9223372036854775808.0) return Sign(1);
  const double whole = std::trunc(right);
  const Order order = OfSame(left, static_cast<int64_t>(whole));
  if (order.sign != 0 || whole == right) return order;
  return Sign(right > whole ? -1 : 1);
}
Order OfUintAndDouble(uint64_t left, double right) {
  if (std::isnan(right)) return {true, false, 0};
  if (right >= 18446744073709551616.0) return Sign(-1);
  if (right < 0) return Sign(1);
  const double whole = std::trunc(right);
  const Order order = OfSame(left, static_cast<uint64_t>(whole));
  if (order.sign != 0 || whole == right) return order;
  return Sign(-1);
}
Order OfIntAndUint(int64_t left, uint64_t right) {
  return left < 0 ? Sign(-1) : OfSame(static_cast<uint64_t>(left), right);
}
Order Reversed(Order order) {
  order.sign = -order.sign;
  return order;
}

Order OfNumbers(const Value& left, const Value& right) {
  if (left.is(Kind::kInt)) {
    if (right.is(Kind::kInt)) return OfSame(left.integer, right.integer);
    if (right.is(Kind::kUint)) return OfIntAndUint(left.integer, right.natural);
    return OfIntAndDouble(left.integer, right.real);
  }
  if (left.is(Kind::kUint)) {
    if (right.is(Kind::kUint)) return OfSame(left.natural, right.natural);
    if (right.is(Kind::kInt)) return Reversed(OfIntAndUint(right.integer, left.natural));
    return OfUintAndDouble(left.natural, right.real);
  }
  if (right.is(Kind::kDouble)) return OfDoubles(left.real, right.real);
  return Reversed(OfNumbers(right, left));
}

Value EqualLists(const Value& left, const Value& right, Heap* heap) {
  if (left.size != right.size) return Value::Bool(false);
  for (size_t i = 0; i < left.size; ++i) {
    const Value equal = Equal(left.items[i], right.items[i], heap);
    if (!equal.is_true()) return equal;
  }
  return Value::Bool(true);
}

Value EqualMaps(const Value& left, const Value& right, Heap* heap) {
  if (left.size != right.size) return Value::Bool(false);
  for (size_t i = 0; i < left.size; ++i) {
    if (!heap->Spend(right.size)) return Heap::TooMuch();
    const Value* const other = FindKey(right, left.pairs[i].key, heap);
    if (other == nullptr) return Value::Bool(false);
    const Value equal = Equal(left.pairs[i].value, *other, heap);
    if (!equal.is_true()) return equal;
  }
  return Value::Bool(true);
}

}  // namespace

const char* KindName(Kind kind) {
  static constexpr const char* kNames[] = {"error",
                                           "null_type",
                                           "bool",
                                           "int",
                                           "uint",
                                           "double",
                                           "string",
                                           "bytes",
                                           "google.protobuf.Timestamp",
                                           "google.protobuf.Duration",
                                           "list",
                                           "map",
                                           "message"};
  return kNames[static_cast<size_t>(kind)];
}

Order Compare(const Value& left, const Value& right) {
  if (left.number() && right.number()) return OfNumbers(left, right);
  if (left.kind != right.kind) return {};
  switch (left.kind) {
    case Kind::kBool:
      return OfSame(static_cast<int>(left.truth), static_cast<int>(right.truth));
    case Kind::kString:
    case Kind::kBytes:
      return Sign(left.text().compare(right.text()));
    case Kind::kTimestamp:
    case Kind::kDuration:
      return left.integer != right.integer ? OfSame(left.integer, right.integer) : OfSame(left.nanos, right.nanos);
    default:
      return {};
  }
}

Value Equal(const Value& left, const Value& right, Heap* heap) {
  if (left.error()) return left;
  if (right.error()) return right;
  if (left.number() && right.number()) {
    const Order order = OfNumbers(left, right);
    return Value::Bool(order.ordered && order.sign == 0);
  }
  if (left.kind != right.kind) return Value::Bool(false);
  if (!heap->Spend(1)) return Heap::TooMuch();
  switch (left.kind) {
    case Kind::kNull:
      return Value::Bool(true);
    case Kind::kList:
      return EqualLists(left, right, heap);
    case Kind::kMap:
      return EqualMaps(left, right, heap);
    case Kind::kMessage:
      return Value::Error("messages cannot be compared: compare their fields");
    case Kind::kString:
    case Kind::kBytes:
      if (left.size != right.size) return Value::Bool(false);
      if (!heap->SpendBytes(left.size)) return Heap::TooMuch();
      break;
    default:
      break;
  }
  return Value::Bool(Compare(left, right).sign == 0);
}

const Value* FindKey(const Value& map, const Value& key, Heap* heap) {
  for (size_t i = 0; i < map.size; ++i) {
    const Pair& pair = map.pairs[i];
    if (pair.key.is(Kind::kString) && key.is(Kind::kString)) {
      if (pair.key.text() == key.text()) return &pair.value;
    } else if (Equal(pair.key, key, heap).is_true()) {
      return &pair.value;
    }
  }
  return nullptr;
}

}  // namespace sallyport::policy
