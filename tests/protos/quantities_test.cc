#include "protos/quantities.h"

#include <catch2/catch.hpp>
#include <string>

namespace sallyport {
namespace {

TEST_CASE("sizes are read in bytes, powers of two and powers of ten") {
  CHECK(ParseSize("0").value() == 0);
  CHECK(ParseSize("4096").value() == 4096);
  CHECK(ParseSize("12B").value() == 12);
  CHECK(ParseSize("64KiB").value() == 64 << 10);
  CHECK(ParseSize("64MiB").value() == 64 << 20);
  CHECK(ParseSize("1GiB").value() == 1 << 30);
  CHECK(ParseSize("10MB").value() == 10'000'000);
}

TEST_CASE("what is not a size is refused and named") {
  const std::string text = GENERATE(as<std::string>{}, "", "MiB", "-1", "+1", "1.5MiB", "1 MiB", "1mib", "1Mi",
                                    "64MiB ", "18446744073709551616", "99999999999TiB", "0x10", "1\x1b[2J");
  const auto size = ParseSize(text);
  REQUIRE_FALSE(size.ok());
  CHECK(size.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(size.status().message()).find("is not a size") != std::string::npos);
  CHECK(std::string(size.status().message()).find('\x1b') == std::string::npos);
}

TEST_CASE("durations are read in one or several units") {
  CHECK(ParseDuration("0").value() == absl::ZeroDuration());
  CHECK(ParseDuration("250ms").value() == absl::Milliseconds(250));
  CHECK(ParseDuration("10m").value() == absl::Minutes(10));
  CHECK(ParseDuration("1h30m").value() == absl::Minutes(90));
  CHECK(ParseDuration("1.5s").value() == absl::Milliseconds(1500));
  CHECK(ParseDuration("90d").value() == absl::Hours(24 * 90));
}

TEST_CASE("what is not a duration is refused and named") {
  const std::string text = GENERATE(as<std::string>{}, "", "10", "m", "-10m", "10 m", "10m ", "1.s", ".5s", "1..5s",
                                    "1w", "10mm", "inf", "9223372036854775807d", "99999999999999999999s", "1e9s");
  const auto duration = ParseDuration(text);
  REQUIRE_FALSE(duration.ok());
  CHECK(std::string(duration.status().message()).find("is not a duration") != std::string::npos);
}

TEST_CASE("points in time are read with and without zone, and as how long ago") {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const absl::Time expected = absl::FromCivil(absl::CivilMinute(2026, 1, 2, 3, 4), absl::UTCTimeZone());
  CHECK(ParseTime("2026-01-02T03:04", now).value() == expected);
  CHECK(ParseTime("2026-01-02 03:04", now).value() == expected);
  CHECK(ParseTime("2026-01-02T03:04:05", now).value() == expected + absl::Seconds(5));
  CHECK(ParseTime("2026-01-02T03:04:05.25Z", now).value() == expected + absl::Milliseconds(5250));
  CHECK(ParseTime("2026-01-02T05:04:00+02:00", now).value() == expected);
  CHECK(ParseTime("2026-01-02T05:04+02:00", now).value() == expected);
  CHECK(ParseTime("2026-01-02", now).value() == expected - absl::Hours(3) - absl::Minutes(4));
  CHECK(ParseTime("10m", now).value() == now - absl::Minutes(10));
}

TEST_CASE("what is not a point in time is refused and the forms are shown") {
  const std::string text =
      GENERATE(as<std::string>{}, "", "yesterday", "2026-13-01", "2026-01-02T25:00", "2026-01-02T03", "12026-01-02",
               " 2026-01-02", "2026-01-02 ", "infinite-future", "-10m");
  const auto time = ParseTime(text, absl::FromUnixSeconds(0));
  REQUIRE_FALSE(time.ok());
  CHECK(std::string(time.status().message()).find("2026-01-02T03:04") != std::string::npos);
}

}  // namespace
}  // namespace sallyport
