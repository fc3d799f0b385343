// Sizes and durations as people write them in configuration and on the command line.
#ifndef SALLYPORT_PROTOS_QUANTITIES_H_
#define SALLYPORT_PROTOS_QUANTITIES_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport {

// "4096", "64KiB", "64MiB", "1GiB", "10MB" (powers of ten). INVALID_ARGUMENT names the text.
absl::StatusOr<uint64_t> ParseSize(std::string_view text);

// "250ms", "10m", "1h30m", "90d" (a day being 24 hours). Not negative. INVALID_ARGUMENT names the text.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);

// A point in time: "2026-01-02T03:04", with seconds, fraction and zone if given (else UTC), a bare date, or a duration
// that counts back from `now`. INVALID_ARGUMENT names the text and shows the forms.
absl::StatusOr<absl::Time> ParseTime(std::string_view text, absl::Time now);

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_QUANTITIES_H_
