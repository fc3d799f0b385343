#include "policy/conditions/wire_value.h"

#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "policy/messages/edition_marks.h"
#include "policy/messages/well_known_types.h"
#include "policy/messages/wire.h"
#include "policy/messages/wire_scalar.h"

namespace sallyport::policy {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

namespace {

constexpr char kNoMessage[] = "a message cannot be read: its bytes are damaged, or not of its type";

// A value on the wire: the content of what has a length or is a group, or the raw number.
struct Found {
  bool packed = false;
  uint64_t raw = 0;
  std::string_view bytes;
};
using FoundList = absl::InlinedVector<Found, 4>;

bool IsSubmessage(const pb_field& field) { return field.cpp_type() == pb_field::CPPTYPE_MESSAGE; }

// Reads the value behind a tag if it may be one of the field's; another wire type makes it an unknown field.
// False if the bytes are damaged.
bool TakeValue(const pb_field& field, WireType type, uint32_t number, WireReader& reader, FoundList* found) {
  Found value;
  bool minimal = false;
  if (type != WireTypeOf(field.type())) {
    if (type != WireType::kLength || !IsPackable(field)) return reader.SkipValue(number, type, kMostDepth);
    value.packed = true;
    if (!reader.ReadLength(&value.bytes, &minimal)) return false;
    found->push_back(value);
    return true;
  }
  if (type == WireType::kLength) {
    if (!reader.ReadLength(&value.bytes, &minimal)) return false;
  } else if (type == WireType::kStartGroup) {
    const char* const begin = reader.at();
    if (!reader.SkipValue(number, type, kMostDepth)) return false;
    const size_t tag = VarintLength(TagOf(number, WireType::kEndGroup));
    const auto size = static_cast<size_t>(reader.at() - begin);
    value.bytes = std::string_view(begin, size < tag ? 0 : size - tag);
  } else {
    if (!ReadScalar(field, reader, &value.raw)) return false;
    const bool named = !IsClosedEnum(field) || field.enum_type()->FindValueByNumber(
                                                   static_cast<int>(static_cast<int64_t>(value.raw))) != nullptr;
    if (!named) return true;
  }
  found->push_back(value);
  return true;
}

// Everything that the parts have of one field, and nothing that another member of its oneof came after.
bool Collect(const Value& message, const pb_field& field, FoundList* found) {
  const pb::OneofDescriptor* const oneof = field.real_containing_oneof();
  for (size_t i = 0; i < message.size; ++i) {
    WireReader reader(message.parts[i]);
    while (!reader.done()) {
      uint32_t number = 0;
      WireType type = WireType::kVarint;
      bool minimal = false;
      if (!reader.ReadTag(&number, &type, &minimal)) return false;
      if (number == static_cast<uint32_t>(field.number())) {
        if (!TakeValue(field, type, number, reader, found)) return false;
        continue;
      }
      if (oneof != nullptr && !found->empty()) {
        const pb_field* const other = field.containing_type()->FindFieldByNumber(static_cast<int>(number));
        if (other != nullptr && other->real_containing_oneof() == oneof && type == WireTypeOf(other->type())) {
          found->clear();
        }
      }
      if (!reader.SkipValue(number, type, kMostDepth)) return false;
    }
  }
  return true;
}

uint64_t BytesOf(const Value& message) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < message.size; ++i) bytes += message.parts[i].size();
  return bytes;
}

Value ScalarValue(const pb_field& field, uint64_t raw) {
  switch (field.type()) {
    case pb_field::TYPE_BOOL:
      return Value::Bool(raw != 0);
    case pb_field::TYPE_INT32:
    case pb_field::TYPE_INT64:
    case pb_field::TYPE_SFIXED64:
      return Value::Int(static_cast<int64_t>(raw));
    case pb_field::TYPE_SFIXED32:
      return Value::Int(static_cast<int32_t>(raw));
    case pb_field::TYPE_SINT32:
    case pb_field::TYPE_SINT64:
      return Value::Int(UnZigZag(raw));
    case pb_field::TYPE_UINT32:
    case pb_field::TYPE_UINT64:
    case pb_field::TYPE_FIXED32:
    case pb_field::TYPE_FIXED64:
      return Value::Uint(raw);
    case pb_field::TYPE_FLOAT:
      return Value::Double(static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(raw))));
    case pb_field::TYPE_DOUBLE:
      return Value::Double(std::bit_cast<double>(raw));
    case pb_field::TYPE_ENUM:
      return IsNullValue(*field.enum_type()) ? Value::Null() : Value::Int(static_cast<int64_t>(raw));
    default:
      return Value::Error("no scalar");
  }
}

Value TextValue(const pb_field& field, std::string_view bytes) {
  if (field.type() == pb_field::TYPE_BYTES) return Value::Text(bytes, Kind::kBytes);
  return IsUtf8(bytes) ? Value::Text(bytes) : Value::Unreadable("a text of a message is not UTF-8");
}

Value DefaultOf(const pb_field& field) {
  switch (field.cpp_type()) {
    case pb_field::CPPTYPE_INT32:
      return Value::Int(field.default_value_int32());
    case pb_field::CPPTYPE_INT64:
      return Value::Int(field.default_value_int64());
    case pb_field::CPPTYPE_UINT32:
      return Value::Uint(field.default_value_uint32());
    case pb_field::CPPTYPE_UINT64:
      return Value::Uint(field.default_value_uint64());
    case pb_field::CPPTYPE_DOUBLE:
      return Value::Double(field.default_value_double());
    case pb_field::CPPTYPE_FLOAT:
      return Value::Double(static_cast<double>(field.default_value_float()));
    case pb_field::CPPTYPE_BOOL:
      return Value::Bool(field.default_value_bool());
    case pb_field::CPPTYPE_ENUM:
      return IsNullValue(*field.enum_type()) ? Value::Null() : Value::Int(field.default_value_enum()->number());
    case pb_field::CPPTYPE_STRING:
      return Value::Text(field.default_value_string(),
                         field.type() == pb_field::TYPE_BYTES ? Kind::kBytes : Kind::kString);
    case pb_field::CPPTYPE_MESSAGE:
      break;
  }
  return Value::Null();
}

// One element, not of a packed field.
Value ElementValue(const pb_field& field, const Found& found, const MessageTypes& types, Heap* heap) {
  if (IsSubmessage(field)) {
    auto* const part = heap->Array<std::string_view>(1);
    *part = found.bytes;
    return MessageToValue(*field.message_type(), part, 1, types, heap);
  }
  if (field.cpp_type() == pb_field::CPPTYPE_STRING) return TextValue(field, found.bytes);
  return ScalarValue(field, found.raw);
}

Value ListOf(const pb_field& field, const FoundList& found, const MessageTypes& types, Heap* heap) {
  absl::InlinedVector<Value, 16> items;
  for (const Found& one : found) {
    if (!one.packed) {
      if (!heap->Spend(1)) return Heap::TooMuch();
      items.push_back(ElementValue(field, one, types, heap));
      if (items.back().error()) return items.back();
      continue;
    }
    WireReader packed(one.bytes);
    while (!packed.done()) {
      uint64_t raw = 0;
      if (!ReadScalar(field, packed, &raw)) return Value::Unreadable(kNoMessage);
      if (!heap->Spend(1)) return Heap::TooMuch();
      const bool named = !IsClosedEnum(field) ||
                         field.enum_type()->FindValueByNumber(static_cast<int>(static_cast<int64_t>(raw))) != nullptr;
      if (named) items.push_back(ScalarValue(field, raw));
    }
  }
  auto* const kept = heap->Array<Value>(items.size());
  std::copy(items.begin(), items.end(), kept);
  return Value::List(kept, items.size());
}

bool KeyBefore(const Pair& left, const Pair& right) {
  const Order order = Compare(left.key, right.key);
  return order.sign < 0;
}

// Of entries with one key the last counts.
Value MapOf(const pb_field& field, const FoundList& found, const MessageTypes& types, Heap* heap) {
  const pb::Descriptor& entry = *field.message_type();
  auto* const pairs = heap->Array<Pair>(found.size());
  size_t size = 0;
  for (const Found& one : found) {
    if (!heap->SpendBytes(one.bytes.size())) return Heap::TooMuch();
    const Value message = Value::Message(&entry, &one.bytes, 1);
    Pair& pair = pairs[size++];
    pair.key = FieldOf(message, *entry.map_key(), types, heap);
    pair.value = FieldOf(message, *entry.map_value(), types, heap);
    if (pair.key.error()) return pair.key;
    if (pair.value.error() && pair.value.unreadable) return pair.value;
  }
  std::stable_sort(pairs, pairs + size, KeyBefore);
  size_t kept = 0;
  for (size_t i = 0; i < size; ++i) {
    if (i + 1 < size && !KeyBefore(pairs[i], pairs[i + 1])) continue;
    pairs[kept++] = pairs[i];
  }
  return Value::Map(pairs, kept);
}

// A field of a message of google.protobuf, by its number.
Value Member(const Value& message, int number, const MessageTypes& types, Heap* heap) {
  return FieldOf(message, *message.type->FindFieldByNumber(number), types, heap);
}

Value TimeOf(Kind kind, const Value& message, const MessageTypes& types, Heap* heap) {
  const Value seconds = Member(message, 1, types, heap);
  const Value nanos = Member(message, 2, types, heap);
  if (seconds.error()) return seconds;
  if (nanos.error()) return nanos;
  std::string shown;
  const char* const fault = kind == Kind::kTimestamp ? AppendTimestamp(seconds.integer, nanos.integer, &shown)
                                                     : AppendDuration(seconds.integer, nanos.integer, &shown);
  if (fault != nullptr) return Value::Error("a time in a message is out of its range");
  return Value::Time(kind, seconds.integer, static_cast<int32_t>(nanos.integer));
}

Value AnyOf(const Value& message, const MessageTypes& types, Heap* heap) {
  const Value url = Member(message, kAnyTypeUrl, types, heap);
  const Value content = Member(message, kAnyValue, types, heap);
  if (url.error()) return url;
  if (content.error()) return content;
  const size_t slash = url.text().rfind('/');
  if (slash == std::string_view::npos) return Value::Error("an Any without the name of a type");
  const pb::Descriptor* const type = types.FindMessage(std::string(url.text().substr(slash + 1)));
  if (type == nullptr) return Value::Unreadable("the type of an Any is not known");
  auto* const part = heap->Array<std::string_view>(1);
  *part = content.text();
  return MessageToValue(*type, part, 1, types, heap);
}

// A google.protobuf.Value: the member that is set, of which only one is.
Value DynamicOf(const Value& message, const MessageTypes& types, Heap* heap) {
  for (int number = kValueNull; number <= kValueList; ++number) {
    const pb_field& field = *message.type->FindFieldByNumber(number);
    FoundList found;
    if (!heap->SpendBytes(BytesOf(message))) return Heap::TooMuch();
    if (!Collect(message, field, &found)) return Value::Unreadable(kNoMessage);
    if (!found.empty()) return FieldOf(message, field, types, heap);
  }
  return Value::Null();
}

// Messages within messages are read by recursion: through Any, Struct and Value, which hold each other.
thread_local int nested = 0;
struct Nesting {
  Nesting() { ++nested; }
  ~Nesting() { --nested; }
};

}  // namespace

Value MessageToValue(const pb::Descriptor& type, const std::string_view* parts, size_t size, const MessageTypes& types,
                     Heap* heap) {
  const Nesting nesting;
  if (nested > kMostDepth) return Value::Unreadable("a message is nested too deeply");
  const Value message = Value::Message(&type, parts, size);
  switch (WellKnownTypeOf(type)) {
    case WellKnownType::kTimestamp:
      return TimeOf(Kind::kTimestamp, message, types, heap);
    case WellKnownType::kDuration:
      return TimeOf(Kind::kDuration, message, types, heap);
    case WellKnownType::kStruct:
    case WellKnownType::kListValue:
    case WellKnownType::kWrapper:
      return Member(message, 1, types, heap);
    case WellKnownType::kValue:
      return DynamicOf(message, types, heap);
    case WellKnownType::kAny:
      return AnyOf(message, types, heap);
    case WellKnownType::kNone:
    case WellKnownType::kFieldMask:
      break;
  }
  return message;
}

Value FieldOf(const Value& message, const pb_field& field, const MessageTypes& types, Heap* heap) {
  if (!heap->SpendBytes(BytesOf(message))) return Heap::TooMuch();
  FoundList found;
  if (!Collect(message, field, &found)) return Value::Unreadable(kNoMessage);
  if (field.is_map()) return MapOf(field, found, types, heap);
  if (field.is_repeated()) return ListOf(field, found, types, heap);
  if (!IsSubmessage(field)) return found.empty() ? DefaultOf(field) : ElementValue(field, found.back(), types, heap);
  if (found.empty()) {
    const WellKnownType known = WellKnownTypeOf(*field.message_type());
    if (known == WellKnownType::kWrapper || known == WellKnownType::kAny) return Value::Null();
  }
  auto* const parts = heap->Array<std::string_view>(found.size());
  for (size_t i = 0; i < found.size(); ++i) parts[i] = found[i].bytes;
  return MessageToValue(*field.message_type(), parts, found.size(), types, heap);
}

Value HasField(const Value& message, const pb_field& field, const MessageTypes& types, Heap* heap) {
  if (!heap->SpendBytes(BytesOf(message))) return Heap::TooMuch();
  FoundList found;
  if (!Collect(message, field, &found)) return Value::Unreadable(kNoMessage);
  if (found.empty()) return Value::Bool(false);
  if (field.is_map()) return Value::Bool(true);
  if (field.is_repeated()) {
    const Value list = ListOf(field, found, types, heap);
    return list.error() ? list : Value::Bool(list.size > 0);
  }
  if (TellsAbsence(field)) return Value::Bool(true);
  if (field.cpp_type() == pb_field::CPPTYPE_STRING) return Value::Bool(!found.back().bytes.empty());
  // Of floats, -0 is another value than 0.
  return Value::Bool(found.back().raw != 0);
}

}  // namespace sallyport::policy
