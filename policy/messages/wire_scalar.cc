#include "policy/messages/wire_scalar.h"

#include <algorithm>

namespace sallyport::policy {

using pb_field = google::protobuf::FieldDescriptor;
using Type = pb_field::Type;

WireType WireTypeOf(Type type) {
  switch (type) {
    case pb_field::TYPE_DOUBLE:
    case pb_field::TYPE_FIXED64:
    case pb_field::TYPE_SFIXED64:
      return WireType::kFixed64;
    case pb_field::TYPE_FLOAT:
    case pb_field::TYPE_FIXED32:
    case pb_field::TYPE_SFIXED32:
      return WireType::kFixed32;
    case pb_field::TYPE_STRING:
    case pb_field::TYPE_BYTES:
    case pb_field::TYPE_MESSAGE:
      return WireType::kLength;
    case pb_field::TYPE_GROUP:
      return WireType::kStartGroup;
    default:
      return WireType::kVarint;
  }
}

bool IsPackable(const pb_field& field) {
  return field.is_repeated() && WireTypeOf(field.type()) != WireType::kLength &&
         WireTypeOf(field.type()) != WireType::kStartGroup;
}

uint64_t Truncated(Type type, uint64_t value) {
  switch (type) {
    case pb_field::TYPE_BOOL:
      return value != 0 ? 1 : 0;
    case pb_field::TYPE_INT32:
    case pb_field::TYPE_ENUM:
      return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
    case pb_field::TYPE_UINT32:
    case pb_field::TYPE_SINT32:
      return static_cast<uint32_t>(value);
    default:
      return value;
  }
}

bool ReadScalar(const pb_field& descriptor, WireReader& reader, uint64_t* raw) {
  const WireType type = WireTypeOf(descriptor.type());
  if (type == WireType::kVarint) {
    bool minimal = false;
    if (!reader.ReadVarint(raw, &minimal)) return false;
    *raw = Truncated(descriptor.type(), *raw);
    return true;
  }
  const size_t size = type == WireType::kFixed64 ? 8 : 4;
  const char* const begin = reader.at();
  if (!reader.Skip(size)) return false;
  *raw = 0;
  for (size_t i = 0; i < size; ++i) *raw |= uint64_t{static_cast<uint8_t>(begin[i])} << (8 * i);
  return true;
}

bool IsPackedSound(const pb_field& field, std::string_view content) {
  const WireType type = WireTypeOf(field.type());
  if (type == WireType::kFixed32) return content.size() % 4 == 0;
  if (type == WireType::kFixed64) return content.size() % 8 == 0;
  constexpr int kMostContinued = 9;
  int continued = 0;
  int most = 0;
  for (const char byte : content) {
    continued = static_cast<uint8_t>(byte) >= 0x80 ? continued + 1 : 0;
    most = std::max(most, continued);
  }
  return continued == 0 && most <= kMostContinued;
}

}  // namespace sallyport::policy
