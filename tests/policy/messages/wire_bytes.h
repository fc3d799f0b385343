// Bytes of messages, made field by field: also such as no serialiser would write.
#ifndef SALLYPORT_TESTS_POLICY_MESSAGES_WIRE_BYTES_H_
#define SALLYPORT_TESTS_POLICY_MESSAGES_WIRE_BYTES_H_

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "policy/messages/wire.h"

namespace sallyport::policy {

inline std::string Varint(uint64_t value) {
  std::string bytes;
  AppendVarint(value, &bytes);
  return bytes;
}
inline std::string Tag(uint32_t number, WireType type) { return Varint(TagOf(number, type)); }

// Fields.
inline std::string Int(uint32_t number, uint64_t value) { return Tag(number, WireType::kVarint) + Varint(value); }
inline std::string Negative(uint32_t number, int64_t value) { return Int(number, static_cast<uint64_t>(value)); }
inline std::string Bytes(uint32_t number, std::string_view content) {
  return Tag(number, WireType::kLength) + Varint(content.size()) + std::string(content);
}
inline std::string Fixed32(uint32_t number, uint32_t value) {
  std::string bytes = Tag(number, WireType::kFixed32);
  AppendFixed(value, 4, &bytes);
  return bytes;
}
inline std::string Fixed64(uint32_t number, uint64_t value) {
  std::string bytes = Tag(number, WireType::kFixed64);
  AppendFixed(value, 8, &bytes);
  return bytes;
}
inline std::string Double(uint32_t number, double value) { return Fixed64(number, std::bit_cast<uint64_t>(value)); }
inline std::string Float(uint32_t number, float value) { return Fixed32(number, std::bit_cast<uint32_t>(value)); }
inline std::string Group(uint32_t number, std::string_view content) {
  return Tag(number, WireType::kStartGroup) + std::string(content) + Tag(number, WireType::kEndGroup);
}
// A google.protobuf.Any.
inline std::string AnyOf(std::string_view type, std::string_view value) {
  return Bytes(1, "type.googleapis.com/" + std::string(type)) + Bytes(2, value);
}

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MESSAGES_WIRE_BYTES_H_
