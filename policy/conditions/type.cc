#include "policy/conditions/type.h"

#include "policy/messages/well_known_types.h"

namespace sallyport::policy {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

std::string Type::name() const {
  if (any()) return "dyn";
  return message != nullptr ? message->full_name() : KindName(*kind);
}

Type TypeOfMessage(const pb::Descriptor& message) {
  switch (WellKnownTypeOf(message)) {
    case WellKnownType::kTimestamp:
      return Type::Of(Kind::kTimestamp);
    case WellKnownType::kDuration:
      return Type::Of(Kind::kDuration);
    case WellKnownType::kStruct:
      return Type::Map(Type::Of(Kind::kString), Type::Any());
    case WellKnownType::kListValue:
      return Type::List(Type::Any());
    // What they hold, or null.
    case WellKnownType::kAny:
    case WellKnownType::kValue:
    case WellKnownType::kWrapper:
      return Type::Any();
    case WellKnownType::kNone:
    case WellKnownType::kFieldMask:
      break;
  }
  return {Kind::kMessage, &message, nullptr, nullptr};
}

Type TypeOfElement(const pb_field& field) {
  switch (field.cpp_type()) {
    case pb_field::CPPTYPE_INT32:
    case pb_field::CPPTYPE_INT64:
      return Type::Of(Kind::kInt);
    case pb_field::CPPTYPE_ENUM:
      return Type::Of(IsNullValue(*field.enum_type()) ? Kind::kNull : Kind::kInt);
    case pb_field::CPPTYPE_UINT32:
    case pb_field::CPPTYPE_UINT64:
      return Type::Of(Kind::kUint);
    case pb_field::CPPTYPE_FLOAT:
    case pb_field::CPPTYPE_DOUBLE:
      return Type::Of(Kind::kDouble);
    case pb_field::CPPTYPE_BOOL:
      return Type::Of(Kind::kBool);
    case pb_field::CPPTYPE_STRING:
      return Type::Of(field.type() == pb_field::TYPE_BYTES ? Kind::kBytes : Kind::kString);
    case pb_field::CPPTYPE_MESSAGE:
      return TypeOfMessage(*field.message_type());
  }
  return Type::Any();
}

Type TypeOfField(const pb_field& field) {
  if (field.is_map()) {
    return Type::Map(TypeOfElement(*field.message_type()->map_key()),
                     TypeOfElement(*field.message_type()->map_value()));
  }
  return field.is_repeated() ? Type::List(TypeOfElement(field)) : TypeOfElement(field);
}

}  // namespace sallyport::policy
