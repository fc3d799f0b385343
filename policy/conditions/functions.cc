#include "policy/conditions/functions.h"

#include <algorithm>
#include <string>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace sallyport::policy {
namespace {

constexpr char kNoOverload[] = "the function does not take these values";

size_t CharactersIn(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Value SizeOf(const Value& value, Heap* heap) {
  switch (value.kind) {
    case Kind::kString:
      if (!heap->SpendBytes(value.size)) return Heap::TooMuch();
      return Value::Int(static_cast<int64_t>(CharactersIn(value.text())));
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kMap:
      return Value::Int(static_cast<int64_t>(value.size));
    default:
      return Value::Error(kNoOverload);
  }
}

// RE2 takes time with the text, and not with what is in it.
Value OfTexts(Function function, const Value& first, const Value& second, const RE2* pattern, Heap* heap) {
  if (!first.is(Kind::kString) || !second.is(Kind::kString)) return Value::Error(kNoOverload);
  if (!heap->SpendBytes(first.size)) return Heap::TooMuch();
  const std::string_view text = first.text();
  switch (function) {
    case Function::kContains:
      // The worst case of a search is every place with every character.
      if (!heap->Spend(first.size / 256 * (second.size / 16 + 1))) return Heap::TooMuch();
      return Value::Bool(text.find(second.text()) != std::string_view::npos);
    case Function::kStartsWith:
      return Value::Bool(text.starts_with(second.text()));
    case Function::kEndsWith:
      return Value::Bool(text.ends_with(second.text()));
    case Function::kMatches:
      if (pattern == nullptr || !heap->Spend(first.size / 4)) return Heap::TooMuch();
      return Value::Bool(RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *pattern));
    default:
      return Value::Error(kNoOverload);
  }
}

Value PartOfDuration(Function function, const Value& duration) {
  switch (function) {
    case Function::kGetHours:
      return Value::Int(duration.integer / 3600);
    case Function::kGetMinutes:
      return Value::Int(duration.integer / 60);
    case Function::kGetSeconds:
      return Value::Int(duration.integer);
    case Function::kGetMilliseconds:
      return Value::Int(duration.nanos / 1'000'000);
    default:
      return Value::Error(kNoOverload);
  }
}

// In UTC.
Value PartOfTime(Function function, const Value& time) {
  if (time.is(Kind::kDuration)) return PartOfDuration(function, time);
  if (!time.is(Kind::kTimestamp)) return Value::Error(kNoOverload);
  const absl::CivilSecond civil = absl::ToCivilSecond(absl::FromUnixSeconds(time.integer), absl::UTCTimeZone());
  const absl::CivilDay day(civil);
  switch (function) {
    case Function::kGetFullYear:
      return Value::Int(civil.year());
    case Function::kGetMonth:
      return Value::Int(civil.month() - 1);
    case Function::kGetDayOfYear:
      return Value::Int(absl::GetYearDay(day) - 1);
    case Function::kGetDayOfMonth:
      return Value::Int(civil.day() - 1);
    case Function::kGetDate:
      return Value::Int(civil.day());
    case Function::kGetDayOfWeek:
      return Value::Int((static_cast<int>(absl::GetWeekday(day)) + 1) % 7);
    case Function::kGetHours:
      return Value::Int(civil.hour());
    case Function::kGetMinutes:
      return Value::Int(civil.minute());
    case Function::kGetSeconds:
      return Value::Int(civil.second());
    case Function::kGetMilliseconds:
      return Value::Int(time.nanos / 1'000'000);
    default:
      return Value::Error(kNoOverload);
  }
}

}  // namespace

Value Apply(Function function, const Value& first, const Value& second, const RE2* pattern, Heap* heap) {
  if (first.error()) return first;
  if (second.error()) return second;
  switch (function) {
    case Function::kNone:
      return Value::Error(kNoOverload);
    case Function::kSize:
      return SizeOf(first, heap);
    case Function::kContains:
    case Function::kStartsWith:
    case Function::kEndsWith:
    case Function::kMatches:
      return OfTexts(function, first, second, pattern, heap);
    case Function::kTimestamp:
    case Function::kDuration:
    case Function::kInt:
    case Function::kUint:
    case Function::kDouble:
    case Function::kString:
    case Function::kBytes:
    case Function::kBool:
    case Function::kDyn:
      return Converted(function, first, heap);
    case Function::kGetFullYear:
    case Function::kGetMonth:
    case Function::kGetDayOfYear:
    case Function::kGetDayOfMonth:
    case Function::kGetDate:
    case Function::kGetDayOfWeek:
    case Function::kGetHours:
    case Function::kGetMinutes:
    case Function::kGetSeconds:
    case Function::kGetMilliseconds:
      return PartOfTime(function, first);
  }
  return Value::Error(kNoOverload);
}

}  // namespace sallyport::policy
