// Fields of messages, read where they stand on the wire.
#ifndef SALLYPORT_POLICY_CONDITIONS_WIRE_VALUE_H_
#define SALLYPORT_POLICY_CONDITIONS_WIRE_VALUE_H_

#include <google/protobuf/descriptor.h>

#include <string_view>

#include "policy/conditions/value.h"
#include "policy/messages/message_types.h"

namespace sallyport::policy {

// The value of a message as CEL has it: of google.protobuf's own types what they stand for. `parts`, which must live as
// long as the value, are merged. An Any is what it holds.
Value MessageToValue(const google::protobuf::Descriptor& type, const std::string_view* parts, size_t size,
                     const MessageTypes& types, Heap* heap);

// A field of `message`, which is a kMessage of the field's type; where it is not set, its default, and null for
// wrappers. Unreadable where the message's bytes are no message.
Value FieldOf(const Value& message, const google::protobuf::FieldDescriptor& field, const MessageTypes& types,
              Heap* heap);
// Whether the field is set, as has() means it: not its default, where the type does not tell that from absence.
Value HasField(const Value& message, const google::protobuf::FieldDescriptor& field, const MessageTypes& types,
               Heap* heap);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_WIRE_VALUE_H_
