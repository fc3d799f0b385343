#include "protos/quantities.h"

#include <limits>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "protos/fault_list.h"

namespace sallyport {
namespace {

// Abseil may be built with a string_view of its own.
absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// Takes the leading digits off `text`. False if there are none or they do not fit.
bool TakeInteger(std::string_view* text, uint64_t* value) {
  size_t digits = 0;
  while (digits < text->size() && absl::ascii_isdigit(static_cast<unsigned char>((*text)[digits]))) ++digits;
  if (digits == 0 || !absl::SimpleAtoi(View(text->substr(0, digits)), value)) return false;
  text->remove_prefix(digits);
  return true;
}

struct SizeUnit {
  std::string_view name;
  uint64_t bytes;
};
constexpr SizeUnit kSizeUnits[] = {{"", 1},
                                   {"B", 1},
                                   {"KiB", 1ULL << 10},
                                   {"MiB", 1ULL << 20},
                                   {"GiB", 1ULL << 30},
                                   {"TiB", 1ULL << 40},
                                   {"KB", 1'000ULL},
                                   {"kB", 1'000ULL},
                                   {"MB", 1'000'000ULL},
                                   {"GB", 1'000'000'000ULL},
                                   {"TB", 1'000'000'000'000ULL}};

struct DurationUnit {
  std::string_view name;
  int64_t nanoseconds;
};
constexpr int64_t kSecond = 1'000'000'000;
constexpr DurationUnit kDurationUnits[] = {
    {"ns", 1},           {"us", 1'000},         {"ms", 1'000'000},     {"s", kSecond},
    {"m", 60 * kSecond}, {"h", 3600 * kSecond}, {"d", 86400 * kSecond}};

// Takes "12" or "1.5" followed by a unit off `text`.
bool TakeDurationPart(std::string_view* text, absl::Duration* part) {
  size_t number = 0;
  while (number < text->size() &&
         (absl::ascii_isdigit(static_cast<unsigned char>((*text)[number])) || (*text)[number] == '.')) {
    ++number;
  }
  size_t end = number;
  while (end < text->size() && absl::ascii_isalpha(static_cast<unsigned char>((*text)[end]))) ++end;
  const std::string_view digits = text->substr(0, number);
  const std::string_view name = text->substr(number, end - number);
  text->remove_prefix(end);
  if (digits.empty() || digits.front() == '.' || digits.back() == '.') return false;
  for (const DurationUnit& unit : kDurationUnits) {
    if (unit.name != name) continue;
    if (uint64_t whole; absl::SimpleAtoi(View(digits), &whole)) {
      if (whole > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return false;
      *part = absl::Nanoseconds(unit.nanoseconds) * static_cast<int64_t>(whole);
      return true;
    }
    double fractional = 0;
    if (!absl::SimpleAtod(View(digits), &fractional)) return false;
    *part = absl::Nanoseconds(unit.nanoseconds) * fractional;
    return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<uint64_t> ParseSize(std::string_view text) {
  std::string_view rest = text;
  uint64_t number = 0;
  if (TakeInteger(&rest, &number)) {
    for (const SizeUnit& unit : kSizeUnits) {
      if (unit.name != rest) continue;
      if (number > std::numeric_limits<uint64_t>::max() / unit.bytes) break;
      return number * unit.bytes;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      Quoted(text), " is not a size: write bytes as a whole number, or with KiB, MiB, GiB (or KB, MB, GB)"));
}

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  // Far beyond any real use, and small enough that adding it to a time stays exact.
  constexpr absl::Duration kLongest = absl::Hours(24 * 366 * 200);
  std::string_view rest = text;
  absl::Duration sum;
  bool good = !text.empty();
  while (good && !rest.empty()) {
    absl::Duration part;
    good = TakeDurationPart(&rest, &part);
    sum += part;
  }
  if (text == "0") return absl::ZeroDuration();
  if (!good || sum > kLongest) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(text), " is not a duration: write such as 250ms, 30s, 10m, 1h30m or 90d"));
  }
  return sum;
}

absl::StatusOr<absl::Time> ParseTime(std::string_view text, absl::Time now) {
  if (absl::StatusOr<absl::Duration> ago = ParseDuration(text); ago.ok()) return now - *ago;
  constexpr absl::string_view kForms[] = {
      "%Y-%m-%dT%H:%M:%E*S%Ez", "%Y-%m-%dT%H:%M%Ez", "%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%E*S",
      "%Y-%m-%d %H:%M",         "%Y-%m-%d",
  };
  // ParseTime of Abseil skips white space around the text and takes years of any length: neither is a time here.
  const bool plain = text.size() >= 10 && text.size() <= 40 && text[4] == '-' &&
                     absl::ascii_isdigit(static_cast<unsigned char>(text.front())) &&
                     !absl::ascii_isspace(static_cast<unsigned char>(text.back()));
  for (const absl::string_view form : kForms) {
    absl::Time time;
    if (plain && absl::ParseTime(form, View(text), absl::UTCTimeZone(), &time, nullptr)) return time;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      Quoted(text),
      " is not a point in time: write 2026-01-02, 2026-01-02T03:04 or 2026-01-02T03:04:05.6+01:00 (UTC unless a"
      " zone is given), or how long ago, such as 10m or 2d"));
}

}  // namespace sallyport
