// Calls that follow one another: their ids, and when they began.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CALL_STRETCH_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CALL_STRETCH_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace sallyport::recorder {

// A chunk is made of stretches; the ordinal of a call is kCallsPerStretch times the stretch's number, and the call's
// place in it. Only the last stretch of what was written together has fewer calls.
constexpr size_t kCallsPerStretch = 256;

// From the earliest to the latest start of some calls. Starts need not be in the order of ids: clocks are set.
struct StartRange {
  int64_t first_ns = std::numeric_limits<int64_t>::max();
  int64_t last_ns = std::numeric_limits<int64_t>::min();

  void Add(const StartRange& other) {
    if (other.first_ns < first_ns) first_ns = other.first_ns;
    if (other.last_ns > last_ns) last_ns = other.last_ns;
  }
};

// What is known of a stretch without reading its ids. As bytes: three little-endian integers in this order.
struct StretchHead {
  int64_t first_id = 0;
  StartRange starts;

  static constexpr size_t kSize = 24;
  void AppendTo(std::string& heads) const;
  // The head of stretch `number`, which must be there.
  static StretchHead Of(std::string_view heads, size_t number);
};

// Ids, growing, at least one, as bytes: for each but the first a varint, the id less the one before.
std::string EncodeIds(absl::Span<const int64_t> ids);
// False if the bytes are none; `ids` then holds nothing of use.
bool DecodeIds(int64_t first_id, std::string_view bytes, std::vector<int64_t>& ids);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CALL_STRETCH_H_
