#include "policy/matching/time_window.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "policy/text.h"

namespace sallyport::policy {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

int MinuteOfWeek(absl::Time time, const absl::TimeZone& zone) {
  const absl::CivilSecond local = absl::ToCivilSecond(time, zone);
  const int day = static_cast<int>(absl::GetWeekday(local));  // Monday is 0
  return day * kDayMinutes + local.hour() * 60 + local.minute();
}

bool TimeWindow::Contains(int minute_of_week) const {
  const int today = minute_of_week / kDayMinutes;
  const int minute = minute_of_week % kDayMinutes;
  const bool begins_today = (days >> today & 1) != 0;
  if (from < to) return begins_today && from <= minute && minute < to;
  const int yesterday = (today + 6) % 7;
  return (begins_today && from <= minute) || ((days >> yesterday & 1) != 0 && minute < to);
}

std::optional<int> ParseTimeOfDay(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const size_t at : {0, 1, 3, 4}) {
    if (!IsDigit(text[at])) return std::nullopt;
  }
  const int hours = (text[0] - '0') * 10 + (text[1] - '0');
  const int minutes = (text[3] - '0') * 10 + (text[4] - '0');
  if (minutes >= 60 || hours * 60 + minutes > kDayMinutes) return std::nullopt;
  return hours * 60 + minutes;
}

std::optional<absl::TimeZone> FindTimeZone(std::string_view name) {
  // Abseil reads the file of that name: none but those of the database are to be read.
  constexpr size_t kLongestName = 64;
  const bool plain =
      !name.empty() && name.size() <= kLongestName && absl::ascii_isalpha(static_cast<unsigned char>(name[0])) &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '+' || c == '/';
      });
  absl::TimeZone zone;
  if (!plain || !absl::LoadTimeZone(View(name), &zone)) return std::nullopt;
  return zone;
}

std::string FormatMinuteOfWeek(int minute) {
  constexpr const char* kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  return absl::StrFormat("%s %02d:%02d", kDays[minute / kDayMinutes], minute % kDayMinutes / 60, minute % 60);
}

}  // namespace sallyport::policy
