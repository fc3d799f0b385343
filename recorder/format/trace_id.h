// The ids of traces as the index keeps them: in two numbers.
#ifndef SALLYPORT_RECORDER_FORMAT_TRACE_ID_H_
#define SALLYPORT_RECORDER_FORMAT_TRACE_ID_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::recorder {

constexpr size_t kTraceIdBytes = 16;

// The first 8 bytes of an id and the last, each with its most significant byte first. Both 0: no trace.
struct TraceNumbers {
  int64_t high = 0;
  int64_t low = 0;

  friend bool operator==(const TraceNumbers&, const TraceNumbers&) = default;
};

// Of what is not 16 bytes: no trace.
inline TraceNumbers TraceNumbersOf(std::string_view id) {
  if (id.size() != kTraceIdBytes) return {};
  uint64_t numbers[2] = {};
  for (size_t i = 0; i < kTraceIdBytes; ++i) {
    uint64_t& number = numbers[i / sizeof(uint64_t)];
    number = number << 8 | static_cast<uint8_t>(id[i]);
  }
  return {static_cast<int64_t>(numbers[0]), static_cast<int64_t>(numbers[1])};
}

// 16 bytes; none of no trace.
inline std::string TraceIdBytes(const TraceNumbers& numbers) {
  if (numbers == TraceNumbers()) return "";
  std::string id;
  for (const int64_t number : {numbers.high, numbers.low}) {
    for (int shift = 56; shift >= 0; shift -= 8) id += static_cast<char>(static_cast<uint64_t>(number) >> shift & 0xFF);
  }
  return id;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_TRACE_ID_H_
