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

// How a field of a message stands on the wire.
enum class WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

constexpr uint32_t FieldTag(int field, WireType type) {
  return static_cast<uint32_t>(field) << 3 | static_cast<uint32_t>(type);
}

// One field as it stands in a message. Views point into the message.
struct WireField {
  uint64_t tag = 0;
  uint64_t value = 0;        // of a number
  std::string_view content;  // of what has a length
  std::string_view whole;    // tag included

  int number() const { return static_cast<int>(tag >> 3); }
};

// Takes the next field off the front of `bytes`. False if they are malformed, or hold a group.
inline bool TakeField(std::string_view& bytes, WireField& field) {
  const std::string_view before = bytes;
  field = {};
  if (!TakeVarint(bytes, field.tag) || field.tag >> 3 == 0 || field.tag > UINT32_MAX) return false;
  switch (static_cast<WireType>(field.tag & 7)) {
    case WireType::kVarint:
      if (!TakeVarint(bytes, field.value)) return false;
      break;
    case WireType::kFixed64:
      if (bytes.size() < sizeof(uint64_t)) return false;
      field.value = GetFixed<uint64_t>(bytes.data());
      bytes.remove_prefix(sizeof(uint64_t));
      break;
    case WireType::kLengthDelimited:
      if (!TakeLengthPrefixed(bytes, field.content)) return false;
      break;
    case WireType::kFixed32:
      if (bytes.size() < sizeof(uint32_t)) return false;
      field.value = GetFixed<uint32_t>(bytes.data());
      bytes.remove_prefix(sizeof(uint32_t));
      break;
    default:
      return false;
  }
  field.whole = before.substr(0, before.size() - bytes.size());
  return true;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_WIRE_ENCODING_H_
