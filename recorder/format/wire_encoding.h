// Writing protobuf's wire format and the log's little-endian integers.
#ifndef SALLYPORT_RECORDER_FORMAT_WIRE_ENCODING_H_
#define SALLYPORT_RECORDER_FORMAT_WIRE_ENCODING_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sallyport::recorder {

static_assert(std::endian::native == std::endian::little, "the log is written as the machine keeps integers");

constexpr size_t kMaxVarintSize = 10;

inline size_t VarintSize(uint64_t value) { return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7; }

// Writes at `at`, which must have room, and returns the place behind.
inline char* PutVarint(char* at, uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

template <typename Integer>
char* PutFixed(char* at, Integer value) {
  std::memcpy(at, &value, sizeof(value));
  return at + sizeof(value);
}

template <typename Integer>
Integer GetFixed(const char* at) {
  Integer value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

// Takes a varint off the front of `bytes`. False, with `bytes` in an unspecified state, if there is none within 64
// bits.
inline bool TakeVarint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < bytes.size() && i < kMaxVarintSize; ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    if (i == kMaxVarintSize - 1 && byte > 1) return false;
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      bytes.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

// Takes a varint length and that many bytes off the front of `bytes`.
inline bool TakeLengthPrefixed(std::string_view& bytes, std::string_view& content) {
  uint64_t length = 0;
  if (!TakeVarint(bytes, length) || length > bytes.size()) return false;
  content = bytes.substr(0, length);
  bytes.remove_prefix(length);
  return true;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_WIRE_ENCODING_H_
