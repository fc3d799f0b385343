// What the calls of a stretch say in numbers, column by column, so that millions are added up without reading their
// rows.
//
// As bytes: a varint, how many calls; 8 bytes, the earliest start; then six columns in the order of CallMeasures'
// members, each one byte, the width of a number (0, 1, 2, 4 or 8), and as many little-endian numbers of that width as
// there are calls. Starts are less the earliest.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_CALL_MEASURES_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_CALL_MEASURES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "recorder/index/sqlite/call_stretch.h"

namespace sallyport::recorder {

// Of one call, as in its row; `end_reason` without kConnectionLost.
struct CallMeasures {
  int64_t start_ns = 0;
  int64_t end_reason = 0;
  int64_t status = 0;
  int64_t duration_ns = 0;
  int64_t request_bytes = 0;
  int64_t response_bytes = 0;
};

// A value; `calls` say how much of each column is used.
struct StretchMeasures {
  using Column = std::array<int64_t, kCallsPerStretch>;
  size_t calls = 0;
  Column start_ns;
  Column end_reason;
  Column status;
  Column duration_ns;
  Column request_bytes;
  Column response_bytes;

  // `number` is below `calls`.
  void Set(size_t number, const CallMeasures& call);
  CallMeasures Get(size_t number) const {
    return {start_ns[number],    end_reason[number],    status[number],
            duration_ns[number], request_bytes[number], response_bytes[number]};
  }
};

std::string EncodeMeasures(const StretchMeasures& stretch);
// False if the bytes are none; `stretch` then holds nothing of use.
bool DecodeMeasures(std::string_view bytes, StretchMeasures& stretch);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_CALL_MEASURES_H_
