// Times of day that come back every week.
#ifndef SALLYPORT_POLICY_MATCHING_TIME_WINDOW_H_
#define SALLYPORT_POLICY_MATCHING_TIME_WINDOW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace sallyport::policy {

constexpr int kDayMinutes = 24 * 60;
constexpr int kWeekMinutes = 7 * kDayMinutes;

// Whole minutes by the wall clock of `zone` since Monday 00:00, below kWeekMinutes.
int MinuteOfWeek(absl::Time time, const absl::TimeZone& zone);

// From `from` up to and without `to` on the days given; where `from` is after `to`, up to `to` on the next day.
struct TimeWindow {
  uint8_t days = 0x7f;   // bit 0: Monday
  int from = 0;          // minutes since midnight, below kDayMinutes
  int to = kDayMinutes;  // up to kDayMinutes, and not equal to `from`
  absl::TimeZone zone;

  bool Contains(int minute_of_week) const;
};

// "08:30" as minutes since midnight; "24:00" is the end of the day. Empty if it is not a time of day.
std::optional<int> ParseTimeOfDay(std::string_view text);

// A zone by its name in the time zone database. Empty if it is not known here.
std::optional<absl::TimeZone> FindTimeZone(std::string_view name);

// "mon 08:30", for people.
std::string FormatMinuteOfWeek(int minute);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_TIME_WINDOW_H_
