#include "policy/messages/tree_printer.h"

#include <bit>
#include <limits>
#include <utility>

#include "policy/messages/json_text.h"
#include "policy/messages/wire_scalar.h"

namespace sallyport::policy {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

namespace {

void AppendFieldName(const pb_field& field, std::string* out) {
  if (field.is_extension()) {
    out->append("[").append(field.full_name()).append("]");
  } else {
    out->append(field.name());
  }
}

}  // namespace

std::string FieldName(const pb_field& field) {
  std::string name;
  AppendFieldName(field, &name);
  return name;
}

std::string KeyName(const pb_field& map, const MapEntry& entry) {
  std::string name;
  const pb_field& key = *map.message_type()->map_key();
  switch (key.cpp_type()) {
    case pb_field::CPPTYPE_STRING:
      if (!IsUtf8(entry.text)) {
        name = "@bytes:";
        AppendBase64(entry.text, &name);
      } else {
        if (!entry.text.empty() && entry.text.front() == '@') name = "@";
        AppendJsonCharacters(entry.text, &name);
      }
      return name;
    case pb_field::CPPTYPE_BOOL:
      return entry.number != 0 ? "true" : "false";
    case pb_field::CPPTYPE_UINT32:
    case pb_field::CPPTYPE_UINT64:
      return std::to_string(entry.number);
    case pb_field::CPPTYPE_INT32:
      return std::to_string(static_cast<int32_t>(
          key.type() == pb_field::TYPE_SINT32 ? UnZigZag(entry.number) : static_cast<int64_t>(entry.number)));
    default:
      return std::to_string(key.type() == pb_field::TYPE_SINT64 ? UnZigZag(entry.number)
                                                                : static_cast<int64_t>(entry.number));
  }
}

void TreePrinter::Message(const pb::Descriptor& type, OccurrenceRange parts, const DecodedMessage* outer) {
  if (outer != nullptr && outer->depth() >= kMostNesting) {
    json_.BeginObject();
    TooDeep(parts);
    return json_.EndObject();
  }
  Level(DecodedMessage(reader_, type, parts, outer));
}

void TreePrinter::Level(const DecodedMessage& message) {
  const char* invalid = nullptr;
  const WellKnownType kind = WellKnownTypeOf(message.type());
  if (kind != WellKnownType::kNone && message.clean_but_for_parts() && WellKnown(kind, message, &invalid)) return;
  json_.BeginObject();
  Members(message, invalid);
  json_.EndObject();
}

void TreePrinter::Members(const DecodedMessage& message, const char* invalid) {
  const size_t first_entry_mark = entry_marks_.size();
  for (size_t i = 0; i < message.field_count(); ++i) {
    const DecodedField field = message.field(i);
    if (!field.shown()) continue;
    if (Full()) break;
    json_.BeginName();
    AppendFieldName(*field.descriptor, json_.text());
    json_.EndName();
    FieldValue(message, field);
  }
  if (findings_.cut) {
    entry_marks_.resize(first_entry_mark);
    return CutObject();
  }
  // Of an Any that has no form of its own, what it holds is shown beside it.
  if (WellKnownTypeOf(message.type()) == WellKnownType::kAny) {
    const OccurrenceRange url = AnyField(message, kAnyTypeUrl);
    const pb::Descriptor* const content =
        url.size() == 0 ? nullptr : AnyType(reader_.types(), reader_.bytes(reader_.occurrence(url.first)));
    if (content != nullptr) {
      json_.Member("@content");
      Message(*content, AnyField(message, kAnyValue), &message);
    }
  }
  Marks(message, first_entry_mark, invalid);
}

bool TreePrinter::Full() {
  if (json_.full()) findings_.cut = true;
  return findings_.cut;
}

void TreePrinter::FieldValue(const DecodedMessage& message, DecodedField field) {
  const pb_field& descriptor = *field.descriptor;
  if (!descriptor.is_repeated()) {
    if (descriptor.cpp_type() == pb_field::CPPTYPE_MESSAGE) {
      return Message(*descriptor.message_type(), field.values, &message);
    }
    return Element(message, descriptor, field.values.last - 1);
  }
  if (descriptor.is_map()) return Map(message, field);
  json_.BeginArray();
  if (IsPackable(descriptor)) {
    ScalarElements elements(reader_, descriptor, field.values);
    uint64_t raw = 0;
    while (elements.Next(&raw) && !Full()) {
      json_.Element();
      Scalar(descriptor, raw);
    }
  } else {
    for (uint32_t i = field.values.first; i < field.values.last && !Full(); ++i) {
      json_.Element();
      Element(message, descriptor, i);
    }
  }
  if (findings_.cut) CutArray();
  json_.EndArray();
}

void TreePrinter::Element(const DecodedMessage& message, const pb_field& field, uint32_t index) {
  const Occurrence occurrence = reader_.occurrence(index);
  if (field.cpp_type() == pb_field::CPPTYPE_MESSAGE) {
    Message(*field.message_type(), {index, index + 1}, &message);
  } else if (field.type() == pb_field::TYPE_STRING) {
    Text(reader_.bytes(occurrence));
  } else if (field.type() == pb_field::TYPE_BYTES) {
    json_.Base64(reader_.bytes(occurrence));
  } else {
    Scalar(field, reader_.Scalar(field, occurrence));
  }
}

void TreePrinter::Text(std::string_view text) {
  if (IsUtf8(text)) return json_.Text(text);
  json_.BeginLine();
  json_.BeginObject();
  json_.Member("@bytes");
  json_.Base64(text);
  json_.EndObject();
  json_.EndLine();
}

void TreePrinter::Scalar(const pb_field& field, uint64_t raw) {
  switch (field.type()) {
    case pb_field::TYPE_INT32:
    case pb_field::TYPE_SFIXED32:
      return json_.Signed(static_cast<int32_t>(raw));
    case pb_field::TYPE_SINT32:
      return json_.Signed(static_cast<int32_t>(UnZigZag(raw)));
    case pb_field::TYPE_UINT32:
    case pb_field::TYPE_FIXED32:
      return json_.Unsigned(static_cast<uint32_t>(raw));
    case pb_field::TYPE_INT64:
    case pb_field::TYPE_SFIXED64:
      return json_.QuotedSigned(static_cast<int64_t>(raw));
    case pb_field::TYPE_SINT64:
      return json_.QuotedSigned(UnZigZag(raw));
    case pb_field::TYPE_UINT64:
    case pb_field::TYPE_FIXED64:
      return json_.QuotedUnsigned(raw);
    case pb_field::TYPE_BOOL:
      return json_.Raw(raw != 0 ? "true" : "false");
    case pb_field::TYPE_FLOAT:
      return AppendJsonFloat(std::bit_cast<float>(static_cast<uint32_t>(raw)), json_.text());
    case pb_field::TYPE_DOUBLE:
      return AppendJsonDouble(std::bit_cast<double>(raw), json_.text());
    case pb_field::TYPE_ENUM:
      return Enum(field, static_cast<int32_t>(raw));
    default:
      return json_.Raw("null");
  }
}

void TreePrinter::Enum(const pb_field& field, int32_t number) {
  if (number == 0 && IsNullValue(*field.enum_type())) return json_.Raw("null");
  const pb::EnumValueDescriptor* const value = field.enum_type()->FindValueByNumber(number);
  if (value != nullptr) return json_.Text(value->name());
  json_.Signed(number);
}

void TreePrinter::Map(const DecodedMessage& message, const DecodedField& field) {
  json_.BeginObject();
  if (message.depth() + 1 > kMostNesting) {
    TooDeep(field.values);
    return json_.EndObject();
  }
  const pb_field& map = *field.descriptor;
  for (const MapEntry& key : MapEntries(reader_, message, map, field.values)) {
    if (Full()) {
      CutObject();
      break;
    }
    json_.Member(KeyName(map, key));
    const DecodedMessage entry(reader_, *map.message_type(), {key.occurrence, key.occurrence + 1}, &message);
    if (!entry.clean() || key.several) NoteEntry(map, key, entry);
    EntryValue(entry, *map.message_type()->map_value());
  }
  json_.EndObject();
}

void TreePrinter::EntryValue(const DecodedMessage& entry, const pb_field& value) {
  const DecodedField* const found = entry.Find(value.number());
  if (found != nullptr) return FieldValue(entry, *found);
  switch (value.cpp_type()) {
    case pb_field::CPPTYPE_MESSAGE:
      return Message(*value.message_type(), {}, &entry);
    case pb_field::CPPTYPE_STRING:
      return json_.Raw("\"\"");
    case pb_field::CPPTYPE_ENUM:
      return Enum(value, value.default_value_enum()->number());
    default:
      return Scalar(value, 0);
  }
}

}  // namespace sallyport::policy
