#include "policy/conditions/signatures.h"

#include <algorithm>
#include <initializer_list>

namespace sallyport::policy {
namespace {

bool OneOf(const Type& type, std::initializer_list<Kind> kinds) {
  return type.any() || std::find(kinds.begin(), kinds.end(), *type.kind) != kinds.end();
}

std::optional<Type> Sum(const Type& left, const Type& right) {
  if (left.any() || right.any()) return Type::Any();
  if (left.is(Kind::kTimestamp) && right.is(Kind::kDuration)) return left;
  if (left.is(Kind::kDuration) && right.is(Kind::kTimestamp)) return right;
  const bool fits = left.kind == right.kind && OneOf(left, {Kind::kInt, Kind::kUint, Kind::kDouble, Kind::kString,
                                                            Kind::kBytes, Kind::kDuration, Kind::kList});
  if (!fits) return std::nullopt;
  const bool same = left.element == nullptr || left.element->kind == right.element->kind;
  return same ? left : Type::List(Type::Any());
}

std::optional<Type> Difference(const Type& left, const Type& right) {
  if (left.any() || right.any()) return Type::Any();
  if (left.is(Kind::kTimestamp) && right.is(Kind::kDuration)) return left;
  if (left.is(Kind::kTimestamp) && right.is(Kind::kTimestamp)) return Type::Of(Kind::kDuration);
  const bool fits = left.kind == right.kind && OneOf(left, {Kind::kInt, Kind::kUint, Kind::kDouble, Kind::kDuration});
  return fits ? std::optional<Type>(left) : std::nullopt;
}

std::optional<Type> OfOneKind(const Type& left, const Type& right, std::initializer_list<Kind> kinds) {
  if (!OneOf(left, kinds) || !OneOf(right, kinds)) return std::nullopt;
  if (left.any() || right.any()) return Type::Any();
  return left.kind == right.kind ? std::optional<Type>(left) : std::nullopt;
}

bool HaveOrder(const Type& left, const Type& right) {
  const std::initializer_list<Kind> kinds = {Kind::kBool,   Kind::kInt,   Kind::kUint,      Kind::kDouble,
                                             Kind::kString, Kind::kBytes, Kind::kTimestamp, Kind::kDuration};
  if (!OneOf(left, kinds) || !OneOf(right, kinds)) return false;
  return left.any() || right.any() || left.kind == right.kind || (left.number() && right.number());
}

struct Row {
  std::string_view name;
  Function function;
  bool method;
  size_t least;
  size_t most;
};
constexpr Row kRows[] = {
    {"size", Function::kSize, false, 1, 1},
    {"size", Function::kSize, true, 1, 1},
    {"contains", Function::kContains, true, 2, 2},
    {"startsWith", Function::kStartsWith, true, 2, 2},
    {"endsWith", Function::kEndsWith, true, 2, 2},
    {"matches", Function::kMatches, true, 2, 2},
    {"matches", Function::kMatches, false, 2, 2},
    {"timestamp", Function::kTimestamp, false, 1, 1},
    {"duration", Function::kDuration, false, 1, 1},
    {"int", Function::kInt, false, 1, 1},
    {"uint", Function::kUint, false, 1, 1},
    {"double", Function::kDouble, false, 1, 1},
    {"string", Function::kString, false, 1, 1},
    {"bytes", Function::kBytes, false, 1, 1},
    {"bool", Function::kBool, false, 1, 1},
    {"dyn", Function::kDyn, false, 1, 1},
    {"getFullYear", Function::kGetFullYear, true, 1, 1},
    {"getMonth", Function::kGetMonth, true, 1, 1},
    {"getDayOfYear", Function::kGetDayOfYear, true, 1, 1},
    {"getDayOfMonth", Function::kGetDayOfMonth, true, 1, 1},
    {"getDate", Function::kGetDate, true, 1, 1},
    {"getDayOfWeek", Function::kGetDayOfWeek, true, 1, 1},
    {"getHours", Function::kGetHours, true, 1, 1},
    {"getMinutes", Function::kGetMinutes, true, 1, 1},
    {"getSeconds", Function::kGetSeconds, true, 1, 1},
    {"getMilliseconds", Function::kGetMilliseconds, true, 1, 1},
};

// What each conversion and accessor takes and makes.
std::optional<Type> OfOne(const Type& type, std::initializer_list<Kind> kinds, Kind result) {
  return OneOf(type, kinds) ? std::optional<Type>(Type::Of(result)) : std::nullopt;
}

}  // namespace

bool CanEqual(const Type& left, const Type& right) {
  if (left.any() || right.any() || left.kind == right.kind || (left.number() && right.number())) {
    return left.message == right.message || left.message == nullptr || right.message == nullptr;
  }
  const bool null = left.is(Kind::kNull) || right.is(Kind::kNull);
  const Type& other = left.is(Kind::kNull) ? right : left;
  return null && OneOf(other, {Kind::kMessage, Kind::kTimestamp, Kind::kDuration});
}

std::optional<Type> TypeOfOperator(Op op, const std::vector<Type>& types) {
  const Type& left = types[0];
  if (op == Op::kNegate) {
    return OneOf(left, {Kind::kInt, Kind::kDouble}) ? std::optional<Type>(left) : std::nullopt;
  }
  const Type& right = types[1];
  switch (op) {
    case Op::kAdd:
      return Sum(left, right);
    case Op::kSubtract:
      return Difference(left, right);
    case Op::kMultiply:
    case Op::kDivide:
      return OfOneKind(left, right, {Kind::kInt, Kind::kUint, Kind::kDouble});
    case Op::kModulo:
      return OfOneKind(left, right, {Kind::kInt, Kind::kUint});
    case Op::kEqual:
    case Op::kUnequal:
      return CanEqual(left, right) ? std::optional<Type>(Type::Of(Kind::kBool)) : std::nullopt;
    case Op::kIn: {
      if (right.any()) return Type::Of(Kind::kBool);
      const Type* const element = right.is(Kind::kMap) ? right.key.get() : right.element.get();
      if (element == nullptr || !CanEqual(left, *element)) return std::nullopt;
      return Type::Of(Kind::kBool);
    }
    default:
      return HaveOrder(left, right) ? std::optional<Type>(Type::Of(Kind::kBool)) : std::nullopt;
  }
}

Function FindFunction(std::string_view name, bool method, size_t arguments) {
  for (const Row& row : kRows) {
    if (row.name == name && row.method == method && arguments >= row.least && arguments <= row.most) {
      return row.function;
    }
  }
  return Function::kNone;
}

std::optional<Type> TypeOfCall(Function function, const std::vector<Type>& types) {
  const Type& first = types[0];
  switch (function) {
    case Function::kSize:
      return OfOne(first, {Kind::kString, Kind::kBytes, Kind::kList, Kind::kMap}, Kind::kInt);
    case Function::kContains:
    case Function::kStartsWith:
    case Function::kEndsWith:
    case Function::kMatches:
      if (!OneOf(types[1], {Kind::kString})) return std::nullopt;
      return OfOne(first, {Kind::kString}, Kind::kBool);
    case Function::kTimestamp:
      return OfOne(first, {Kind::kString, Kind::kInt, Kind::kTimestamp}, Kind::kTimestamp);
    case Function::kDuration:
      return OfOne(first, {Kind::kString, Kind::kDuration}, Kind::kDuration);
    case Function::kInt:
      return OfOne(first, {Kind::kInt, Kind::kUint, Kind::kDouble, Kind::kString, Kind::kTimestamp}, Kind::kInt);
    case Function::kUint:
      return OfOne(first, {Kind::kInt, Kind::kUint, Kind::kDouble, Kind::kString}, Kind::kUint);
    case Function::kDouble:
      return OfOne(first, {Kind::kInt, Kind::kUint, Kind::kDouble, Kind::kString}, Kind::kDouble);
    case Function::kString:
      return OfOne(first,
                   {Kind::kBool, Kind::kInt, Kind::kUint, Kind::kDouble, Kind::kString, Kind::kBytes, Kind::kTimestamp,
                    Kind::kDuration},
                   Kind::kString);
    case Function::kBytes:
      return OfOne(first, {Kind::kString, Kind::kBytes}, Kind::kBytes);
    case Function::kBool:
      return OfOne(first, {Kind::kBool, Kind::kString}, Kind::kBool);
    case Function::kDyn:
      return Type::Any();
    case Function::kGetHours:
    case Function::kGetMinutes:
    case Function::kGetSeconds:
    case Function::kGetMilliseconds:
      return OfOne(first, {Kind::kTimestamp, Kind::kDuration}, Kind::kInt);
    default:
      return OfOne(first, {Kind::kTimestamp}, Kind::kInt);
  }
}

}  // namespace sallyport::policy
