// How call and session ids look to people.
#ifndef SALLYPORT_RECORDER_FORMAT_CALL_ID_H_
#define SALLYPORT_RECORDER_FORMAT_CALL_ID_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::recorder {

// The id in Crockford's base 32, lower case, without leading zeros; sorts like the ids themselves while their length is
// equal.
std::string FormatId(uint64_t id);

// Reads what FormatId writes, in either case, with i, l as 1 and o as 0. Nothing for anything else, or beyond 64 bits.
std::optional<uint64_t> ParseId(std::string_view text);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_CALL_ID_H_
