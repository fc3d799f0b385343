// The forms of well-known types.
#include <bit>
#include <cmath>
#include <vector>

#include "policy/messages/tree_printer.h"

namespace sallyport::policy {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

const pb::Descriptor* AnyType(const MessageTypes& types, std::string_view url) {
  const std::string_view name = url.substr(url.rfind('/') + 1);
  return name.empty() ? nullptr : types.FindMessage(std::string(name));
}

OccurrenceRange AnyField(const DecodedMessage& any, uint32_t number) {
  const DecodedField* const found = any.Find(static_cast<int>(number));
  return found == nullptr ? OccurrenceRange{} : found->values;
}

const DecodedField* ValueKind(const DecodedMessage& value) {
  for (size_t i = 0; i < value.field_count(); ++i) {
    if (value.field(i).shown()) return &value.field(i);
  }
  return nullptr;
}

bool TreePrinter::WellKnown(WellKnownType kind, const DecodedMessage& message, const char** invalid) {
  switch (kind) {
    case WellKnownType::kTimestamp:
    case WellKnownType::kDuration:
      return Time(kind, message, invalid);
    case WellKnownType::kFieldMask:
      return FieldMask(message, invalid);
    case WellKnownType::kStruct:
      return Struct(message);
    case WellKnownType::kValue:
      return Value(message, invalid);
    case WellKnownType::kListValue:
      ListValue(message);
      return true;
    case WellKnownType::kWrapper:
      Wrapper(message);
      return true;
    case WellKnownType::kAny:
      return Any(message, invalid);
    case WellKnownType::kNone:
      break;
  }
  return false;
}

bool TreePrinter::Time(WellKnownType kind, const DecodedMessage& message, const char** invalid) {
  const auto number = [&](int field) -> int64_t {
    const DecodedField* const found = message.Find(field);
    if (found == nullptr) return 0;
    return static_cast<int64_t>(reader_.Scalar(*found->descriptor, reader_.occurrence(found->values.first)));
  };
  const int64_t seconds = number(1);
  const int64_t nanos = number(2);
  std::string text;
  *invalid = kind == WellKnownType::kTimestamp ? AppendTimestamp(seconds, nanos, &text)
                                               : AppendDuration(seconds, nanos, &text);
  if (*invalid != nullptr) return false;
  json_.Text(text);
  return true;
}

bool TreePrinter::FieldMask(const DecodedMessage& message, const char** invalid) {
  std::string text;
  const DecodedField* const paths = message.Find(1);
  for (uint32_t i = 0; paths != nullptr && i < paths->values.size(); ++i) {
    const std::string_view path = reader_.bytes(reader_.occurrence(paths->values.first + i));
    if (i > 0) text.push_back(',');
    *invalid = IsUtf8(path) ? AppendMaskPath(path, &text) : "a path is not UTF-8";
    if (*invalid != nullptr) return false;
  }
  json_.Text(text);
  return true;
}

// A Struct has no place for marks about its entries.
bool TreePrinter::Struct(const DecodedMessage& message) {
  const DecodedField* const found = message.Find(1);
  if (found == nullptr) {
    json_.BeginObject();
    json_.EndObject();
    return true;
  }
  const DecodedField fields = *found;
  if (message.depth() + 1 > kMostNesting) return false;
  const pb::Descriptor& entry_type = *fields.descriptor->message_type();
  for (const MapEntry& key : MapEntries(reader_, message, *fields.descriptor, fields.values)) {
    if (key.several) return false;
    if (!DecodedMessage(reader_, entry_type, {key.occurrence, key.occurrence + 1}, &message).clean()) return false;
  }
  Map(message, fields);
  return true;
}

bool TreePrinter::Value(const DecodedMessage& message, const char** invalid) {
  const DecodedField* const found = ValueKind(message);
  if (found == nullptr) {
    *invalid = "it has no value, which is not null";
    return false;
  }
  const DecodedField field = *found;
  const int kind = field.descriptor->number();
  if (kind == kValueNumber || kind == kValueNull) {
    const uint64_t raw = reader_.Scalar(*field.descriptor, reader_.occurrence(field.values.first));
    if (kind == kValueNumber && !std::isfinite(std::bit_cast<double>(raw))) {
      *invalid = "its number is none that JSON has";
    } else if (kind == kValueNull && raw != 0) {
      *invalid = "its null is another number than 0";
    }
    if (*invalid != nullptr) return false;
  }
  FieldValue(message, field);
  return true;
}

void TreePrinter::ListValue(const DecodedMessage& message) {
  const DecodedField* const values = message.Find(1);
  if (values != nullptr) return FieldValue(message, *values);
  json_.BeginArray();
  json_.EndArray();
}

void TreePrinter::Wrapper(const DecodedMessage& message) { EntryValue(message, *message.type().FindFieldByNumber(1)); }

bool TreePrinter::Any(const DecodedMessage& message, const char** invalid) {
  const OccurrenceRange url_at = AnyField(message, kAnyTypeUrl);
  const OccurrenceRange value = AnyField(message, kAnyValue);
  if (url_at.size() + value.size() == 0) {
    json_.BeginObject();
    json_.EndObject();
    return true;
  }
  const std::string_view url =
      url_at.size() == 0 ? std::string_view() : reader_.bytes(reader_.occurrence(url_at.first));
  if (!IsUtf8(url)) {
    *invalid = "its type_url is not UTF-8";
    return false;
  }
  const pb::Descriptor* const type = AnyType(reader_.types(), url);
  json_.BeginObject();
  json_.Member("@type");
  json_.Text(url);
  if (type != nullptr) {
    AnyContent(message, *type, value);
  } else {
    json_.Member("@bytes");
    json_.Base64(value.size() == 0 ? std::string_view() : reader_.bytes(reader_.occurrence(value.first)));
  }
  json_.EndObject();
  return true;
}

void TreePrinter::AnyContent(const DecodedMessage& any, const pb::Descriptor& type, OccurrenceRange value) {
  if (WellKnownTypeOf(type) != WellKnownType::kNone) {
    json_.Member("value");
    return Message(type, value, &any);
  }
  if (any.depth() >= kMostNesting) return TooDeep(value);
  Members(DecodedMessage(reader_, type, value, &any), nullptr);
}

}  // namespace sallyport::policy
