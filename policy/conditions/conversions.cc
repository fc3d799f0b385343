#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "policy/conditions/functions.h"
#include "policy/messages/well_known_types.h"
#include "policy/text.h"

namespace sallyport::policy {
namespace {

constexpr char kNoConversion[] = "the value cannot be made into that type";
constexpr char kRange[] = "the number does not fit that type";
constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 18446744073709551616.0;
// What is longer is no number and no time.
constexpr size_t kMostText = 512;

Value ToInt(const Value& value) {
  switch (value.kind) {
    case Kind::kInt:
      return value;
    case Kind::kUint:
      if (value.natural > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return Value::Error(kRange);
      return Value::Int(static_cast<int64_t>(value.natural));
    case Kind::kDouble:
      if (!(value.real > -kTwoTo63 && value.real < kTwoTo63)) return Value::Error(kRange);
      return Value::Int(static_cast<int64_t>(value.real));
    case Kind::kTimestamp:
      return Value::Int(value.integer);
    case Kind::kString: {
      int64_t number = 0;
      const std::string_view text = value.text();
      const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
      const bool whole = fault == std::errc() && end == text.data() + text.size();
      return whole ? Value::Int(number) : Value::Error(kNoConversion);
    }
    default:
      return Value::Error(kNoConversion);
  }
}

Value ToUint(const Value& value) {
  switch (value.kind) {
    case Kind::kUint:
      return value;
    case Kind::kInt:
      return value.integer < 0 ? Value::Error(kRange) : Value::Uint(static_cast<uint64_t>(value.integer));
    case Kind::kDouble:
      if (!(value.real > -1 && value.real < kTwoTo64) || value.real < 0) return Value::Error(kRange);
      return Value::Uint(static_cast<uint64_t>(value.real));
    case Kind::kString: {
      uint64_t number = 0;
      const std::string_view text = value.text();
      const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
      const bool whole = fault == std::errc() && end == text.data() + text.size();
      return whole ? Value::Uint(number) : Value::Error(kNoConversion);
    }
    default:
      return Value::Error(kNoConversion);
  }
}

Value ToDouble(const Value& value) {
  switch (value.kind) {
    case Kind::kDouble:
      return value;
    case Kind::kInt:
      return Value::Double(static_cast<double>(value.integer));
    case Kind::kUint:
      return Value::Double(static_cast<double>(value.natural));
    case Kind::kString: {
      double number = 0;
      const std::string_view text = value.text();
      const bool read = text.size() <= kMostText && !text.empty() && !absl::ascii_isspace(text.front()) &&
                        !absl::ascii_isspace(text.back()) && absl::SimpleAtod(View(text), &number);
      return read ? Value::Double(number) : Value::Error(kNoConversion);
    }
    default:
      return Value::Error(kNoConversion);
  }
}

std::string DoubleText(double real) {
  char text[32];
  const auto [end, fault] = std::to_chars(text, text + sizeof(text), real);
  return fault == std::errc() ? std::string(text, end) : std::string();
}

Value ToText(const Value& value, Heap* heap) {
  std::string text;
  switch (value.kind) {
    case Kind::kString:
      return value;
    case Kind::kBytes:
      if (!heap->SpendBytes(value.size)) return Heap::TooMuch();
      return IsUtf8(value.text()) ? Value::Text(value.text()) : Value::Error("the bytes are not UTF-8");
    case Kind::kBool:
      return Value::Text(value.truth ? "true" : "false");
    case Kind::kInt:
      text = absl::StrCat(value.integer);
      break;
    case Kind::kUint:
      text = absl::StrCat(value.natural);
      break;
    case Kind::kDouble:
      text = DoubleText(value.real);
      break;
    case Kind::kTimestamp:
      if (AppendTimestamp(value.integer, value.nanos, &text) != nullptr) return Value::Error(kRange);
      break;
    case Kind::kDuration:
      if (AppendDuration(value.integer, value.nanos, &text) != nullptr) return Value::Error(kRange);
      break;
    default:
      return Value::Error(kNoConversion);
  }
  if (!heap->SpendBytes(text.size())) return Heap::TooMuch();
  return Value::Text(heap->Keep(text));
}

Value ToBool(const Value& value) {
  if (value.is(Kind::kBool)) return value;
  if (!value.is(Kind::kString)) return Value::Error(kNoConversion);
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (value.text() == yes) return Value::Bool(true);
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (value.text() == no) return Value::Bool(false);
  }
  return Value::Error(kNoConversion);
}

Value InRange(Kind kind, int64_t seconds, int64_t nanos) {
  std::string shown;
  const char* const fault =
      kind == Kind::kTimestamp ? AppendTimestamp(seconds, nanos, &shown) : AppendDuration(seconds, nanos, &shown);
  return fault == nullptr ? Value::Time(kind, seconds, static_cast<int32_t>(nanos))
                          : Value::Error("the time is out of its range");
}

// "2026-01-02T03:04:05.678Z", or with an offset.
Value ToTimestamp(const Value& value) {
  if (value.is(Kind::kTimestamp)) return value;
  if (value.is(Kind::kInt)) return InRange(Kind::kTimestamp, value.integer, 0);
  if (!value.is(Kind::kString)) return Value::Error(kNoConversion);
  const std::string_view text = value.text();
  const bool formed = text.size() >= 20 && text.size() <= kMostText && absl::ascii_isdigit(text[0]) &&
                      absl::ascii_isdigit(text[3]) && text[4] == '-' && (text[10] == 'T' || text[10] == 't') &&
                      text.find(' ') == std::string_view::npos;
  std::string fault;
  absl::Time time;
  if (!formed || !absl::ParseTime(absl::RFC3339_full, absl::AsciiStrToUpper(View(text)), &time, &fault)) {
    return Value::Error("the text is no time such as 2026-01-02T03:04:05Z");
  }
  const int64_t seconds = absl::ToUnixSeconds(time);
  return InRange(Kind::kTimestamp, seconds, absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds)));
}

// "1h30m", "-1.5s", "250ms".
Value ToDuration(const Value& value) {
  if (value.is(Kind::kDuration)) return value;
  if (!value.is(Kind::kString)) return Value::Error(kNoConversion);
  const std::string_view text = value.text();
  absl::Duration duration;
  if (text.size() > kMostText || text.find("inf") != std::string_view::npos ||
      !absl::ParseDuration(View(text), &duration)) {
    return Value::Error("the text is no duration such as 1h30m");
  }
  absl::Duration rest;
  const int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &rest);
  return InRange(Kind::kDuration, seconds, absl::ToInt64Nanoseconds(rest));
}

}  // namespace

Value Converted(Function function, const Value& value, Heap* heap) {
  if (value.error()) return value;
  switch (function) {
    case Function::kInt:
      return ToInt(value);
    case Function::kUint:
      return ToUint(value);
    case Function::kDouble:
      return ToDouble(value);
    case Function::kString:
      return ToText(value, heap);
    case Function::kBytes:
      if (!value.is(Kind::kString) && !value.is(Kind::kBytes)) return Value::Error(kNoConversion);
      return Value::Text(value.text(), Kind::kBytes);
    case Function::kBool:
      return ToBool(value);
    case Function::kTimestamp:
      return ToTimestamp(value);
    case Function::kDuration:
      return ToDuration(value);
    default:
      return value;
  }
}

}  // namespace sallyport::policy
