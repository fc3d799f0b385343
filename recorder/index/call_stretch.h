// The ids of calls that follow one another, and when they began.
#ifndef SALLYPORT_RECORDER_INDEX_CALL_STRETCH_H_
#define SALLYPORT_RECORDER_INDEX_CALL_STRETCH_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::recorder {

// A chunk is made of stretches; the ordinal of a call is kCallsPerStretch times the stretch's number, and the call's
// place in it. Only the last stretch of what was written together has fewer calls.
constexpr int64_t kCallsPerStretch = 256;

// From the earliest to the latest start of some calls. Starts need not be in the order of ids: clocks are set.
struct StartRange {
  int64_t first_ns = std::numeric_limits<int64_t>::max();
  int64_t last_ns = std::numeric_limits<int64_t>::min();

  void Add(int64_t start_ns) { Add({start_ns, start_ns}); }
  void Add(const StartRange& other) {
    if (other.first_ns < first_ns) first_ns = other.first_ns;
    if (other.last_ns > last_ns) last_ns = other.last_ns;
  }
};

// As bytes: both starts as 8 little-endian bytes, the first id as 8 more, then for each further call a varint, its id
// less the one before.
struct CallStretch {
  StartRange starts;
  std::vector<int64_t> ids;  // growing, at least 1, at most kCallsPerStretch

  std::string Encode() const;
  // False if the bytes are none; then it holds nothing of use.
  bool Decode(std::string_view bytes);
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_CALL_STRETCH_H_
