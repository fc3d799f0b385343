// Values that are neither text nor messages, as their descriptors say and the wire has them.
#ifndef SALLYPORT_POLICY_MESSAGES_WIRE_SCALAR_H_
#define SALLYPORT_POLICY_MESSAGES_WIRE_SCALAR_H_

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string_view>

#include "policy/messages/wire.h"

namespace sallyport::policy {

// Of one value.
WireType WireTypeOf(google::protobuf::FieldDescriptor::Type type);
// Its values may come packed into one length-delimited field, or each on its own.
bool IsPackable(const google::protobuf::FieldDescriptor& field);

// What a parser keeps of a varint: 32 bits of those types, sign-extended where they have a sign, and one of a bool.
uint64_t Truncated(google::protobuf::FieldDescriptor::Type type, uint64_t value);
// A value that is neither text nor a message; varints truncated, fixed ones in their low bits.
bool ReadScalar(const google::protobuf::FieldDescriptor& field, WireReader& reader, uint64_t* raw);

// Whether the content of a packed field is whole values of that type.
bool IsPackedSound(const google::protobuf::FieldDescriptor& field, std::string_view content);

inline uint64_t ZigZag(int64_t value) { return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63); }
inline int64_t UnZigZag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_WIRE_SCALAR_H_
