// How long something takes, counted by buckets.
#ifndef SALLYPORT_RECORDER_SYSTEM_DURATION_HISTOGRAM_H_
#define SALLYPORT_RECORDER_SYSTEM_DURATION_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace sallyport::recorder {

// From a tenth of a millisecond to ten seconds, as disks are. A value; not thread-safe.
struct DurationHistogram {
  // Upper bounds, in nanoseconds. What is longer is in one more.
  static constexpr std::array<int64_t, 14> kBounds = {
      100'000,    250'000,     500'000,     1'000'000,   2'500'000,     5'000'000,     10'000'000,
      25'000'000, 100'000'000, 250'000'000, 500'000'000, 1'000'000'000, 2'500'000'000, 10'000'000'000};

  void Add(absl::Duration took) {
    const int64_t nanoseconds = absl::ToInt64Nanoseconds(took);
    size_t bucket = 0;
    while (bucket < kBounds.size() && kBounds[bucket] < nanoseconds) ++bucket;
    ++counts[bucket];
    if (took > absl::ZeroDuration()) sum += took;
  }

  std::array<uint64_t, kBounds.size() + 1> counts = {};
  absl::Duration sum;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_SYSTEM_DURATION_HISTOGRAM_H_
