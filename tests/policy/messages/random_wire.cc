#include "tests/policy/messages/random_wire.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "policy/messages/decoded_message.h"
#include "policy/messages/edition_marks.h"
#include "policy/messages/well_known_types.h"
#include "policy/messages/wire_scalar.h"
#include "tests/policy/messages/wire_bytes.h"

namespace sallyport::policy {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

namespace {

constexpr uint32_t kUnknown = 98'765'432;  // no type has it

bool IsMessage(const pb_field& field) { return field.cpp_type() == pb_field::CPPTYPE_MESSAGE; }

}  // namespace

std::string RandomWire::Varint(uint64_t value) {
  std::string bytes;
  AppendVarint(value, &bytes);
  if (options_.odd && bytes.size() < 4 && chance_.OneIn(8)) {
    bytes.back() = static_cast<char>(bytes.back() | 0x80);
    bytes.push_back('\0');
  }
  return bytes;
}

std::string RandomWire::Delimited(uint32_t number, const std::string& content) {
  return Tag(number, WireType::kLength) + Varint(content.size()) + content;
}

uint64_t RandomWire::Number(bool is_signed) {
  if (chance_.OneIn(8)) return 0;
  if (chance_.OneIn(16)) return std::numeric_limits<uint64_t>::max();
  if (chance_.OneIn(16)) return uint64_t{1} << 63;
  const uint64_t number = chance_.Number();
  return is_signed && chance_.OneIn(3) ? ~number : number;
}

std::string RandomWire::Scalar(const pb_field& field) {
  const auto fixed = [](uint64_t value, size_t size) {
    std::string bytes;
    AppendFixed(value, size, &bytes);
    return bytes;
  };
  switch (field.type()) {
    case pb_field::TYPE_DOUBLE: {
      static constexpr double kOdd[] = {0.0, -0.0, 1, 0.1, 1e21, 1e-7, 5e-324, HUGE_VAL, -HUGE_VAL, NAN, 123456789.125};
      const double value = chance_.OneIn(2) ? kOdd[chance_.Below(std::size(kOdd))]
                                            : std::bit_cast<double>(chance_.Number() ^ chance_.Number() << 52);
      return fixed(std::bit_cast<uint64_t>(value), 8);
    }
    case pb_field::TYPE_FLOAT: {
      static constexpr float kOdd[] = {0.0f, -0.0f, 1, 0.1f, 1e21f, 1e-7f, 1e-45f, HUGE_VALF, NAN, 1.1e10f, 16777216};
      const float value = chance_.OneIn(2) ? kOdd[chance_.Below(std::size(kOdd))]
                                           : std::bit_cast<float>(static_cast<uint32_t>(chance_.Number()));
      return fixed(std::bit_cast<uint32_t>(value), 4);
    }
    case pb_field::TYPE_FIXED64:
    case pb_field::TYPE_SFIXED64:
      return fixed(Number(true), 8);
    case pb_field::TYPE_FIXED32:
    case pb_field::TYPE_SFIXED32:
      return fixed(Number(true), 4);
    case pb_field::TYPE_BOOL:
      return Varint(chance_.Below(2));
    case pb_field::TYPE_ENUM: {
      const pb::EnumDescriptor& type = *field.enum_type();
      const bool unnamed = IsClosedEnum(field) ? options_.unnamed_closed_enums : options_.unnamed_enums;
      if (unnamed && !IsNullValue(type) && chance_.OneIn(4)) return Varint(3 + chance_.Below(90));
      if (IsNullValue(type)) return Varint(0);
      const int number = type.value(static_cast<int>(chance_.Below(static_cast<size_t>(type.value_count()))))->number();
      return Varint(static_cast<uint64_t>(int64_t{number}));
    }
    case pb_field::TYPE_INT32:
      return Varint(static_cast<uint64_t>(int64_t{static_cast<int32_t>(Number(true))}));
    case pb_field::TYPE_SINT32:
    case pb_field::TYPE_UINT32:
      return Varint(static_cast<uint32_t>(Number(true)));
    default:
      return Varint(Number(true));
  }
}

std::string RandomWire::Content(const pb_field& field, int depth) {
  if (IsMessage(field)) return depth == 0 ? std::string() : Message(*field.message_type(), depth - 1);
  std::string text = chance_.Text();
  if (field.type() == pb_field::TYPE_STRING) {
    if (chance_.OneIn(6)) text += std::string("\"\\/\b\t\r\n\x01\x1f\x7f\0<&>", 14) + "\xe2\x80\xa8\xf0\x9f\x98\x80";
  } else if (chance_.OneIn(2)) {
    for (size_t i = chance_.Below(20); i > 0; --i) text.push_back(static_cast<char>(chance_.Below(256)));
  }
  return text;
}

std::string RandomWire::Piece(const pb_field& field, int depth) {
  const auto number = static_cast<uint32_t>(field.number());
  if (field.type() == pb_field::TYPE_GROUP) return Group(number, Content(field, depth));
  const WireType type = WireTypeOf(field.type());
  if (type == WireType::kLength) return Delimited(number, Content(field, depth));
  return Tag(number, type) + Scalar(field);
}

std::string RandomWire::Packed(const pb_field& field, size_t count) {
  std::string content;
  for (; count > 0; --count) content += Scalar(field);
  return Delimited(static_cast<uint32_t>(field.number()), content);
}

std::string RandomWire::Entry(const pb_field& map, int depth) {
  const pb_field& key = *map.message_type()->map_key();
  const pb_field& value = *map.message_type()->map_value();
  std::string key_piece = Piece(key, 0);
  const std::string value_piece = Piece(value, depth);
  std::string entry = key_piece + value_piece;
  if (options_.odd && chance_.OneIn(4)) entry = value_piece + key_piece;
  if (options_.odd && chance_.OneIn(8)) entry = value_piece;
  if (options_.odd && chance_.OneIn(8) && !IsMessage(value)) entry = key_piece;
  return Delimited(static_cast<uint32_t>(map.number()), entry);
}

std::string RandomWire::SetItem(const pb_field& extension, int depth) {
  const std::string type = Int(2, static_cast<uint64_t>(extension.number()));
  const std::string message = Delimited(3, Content(extension, depth));
  return Group(1, options_.odd && chance_.OneIn(2) ? message + type : type + message);
}

void RandomWire::AddField(const pb_field& field, int depth, std::vector<std::string>* pieces) {
  if (IsMessage(field) && depth == 0 && !field.is_required()) return;
  if (!field.is_repeated()) {
    const bool form = IsMessage(field) && WellKnownTypeOf(*field.message_type()) != WellKnownType::kNone;
    const bool again = options_.odd && !form && chance_.OneIn(6);
    for (int i = again ? 2 : 1; i > 0; --i) {
      const bool item = field.is_extension() && field.containing_type()->options().message_set_wire_format();
      pieces->push_back(item ? SetItem(field, depth) : Piece(field, depth));
    }
    return;
  }
  const size_t count = 1 + chance_.Below(3);
  if (field.is_map()) {
    for (size_t i = count; i > 0; --i) pieces->push_back(Entry(field, depth));
  } else if (IsPackable(field) && (options_.odd ? chance_.OneIn(2) : field.is_packed())) {
    pieces->push_back(Packed(field, count));
    if (options_.odd && chance_.OneIn(3)) pieces->push_back(Piece(field, depth));
  } else {
    for (size_t i = count; i > 0; --i) pieces->push_back(Piece(field, depth));
  }
}

std::string RandomWire::Unknown() {
  switch (chance_.Below(5)) {
    case 0:
      return Int(kUnknown, chance_.Number());
    case 1:
      return Fixed32(kUnknown, 7);
    case 2:
      return Fixed64(kUnknown, 7);
    case 3:
      return Group(kUnknown, Bytes(1, "in a group"));
    default:
      return Bytes(kUnknown, chance_.Text());
  }
}

std::string RandomWire::Message(const pb::Descriptor& type, int depth) {
  bool done = false;
  std::string known = WellKnown(type, depth, &done);
  if (done) return known;
  std::vector<const pb_field*> fields;
  fields.reserve(static_cast<size_t>(type.field_count()));
  for (int i = 0; i < type.field_count(); ++i) fields.push_back(type.field(i));
  if (type.extension_range_count() > 0) type.file()->pool()->FindAllExtensions(&type, &fields);
  std::vector<std::string> pieces;
  std::vector<const pb::OneofDescriptor*> oneofs;
  const size_t rarity = 2 + fields.size() / 10;
  for (const pb_field* field : fields) {
    const bool needed = field->is_required() && !(options_.leave_out_required && chance_.OneIn(4));
    if (!needed && !chance_.OneIn(rarity)) continue;
    const pb::OneofDescriptor* const oneof = field->real_containing_oneof();
    if (oneof != nullptr) {
      const bool taken = std::find(oneofs.begin(), oneofs.end(), oneof) != oneofs.end();
      if (taken && !(options_.odd && chance_.OneIn(3))) continue;
      oneofs.push_back(oneof);
    }
    AddField(*field, depth, &pieces);
  }
  // A MessageSet has no other fields.
  if (options_.unknown_fields && chance_.OneIn(4) && !type.options().message_set_wire_format()) {
    pieces.push_back(Unknown());
  }
  if (options_.odd && chance_.OneIn(2)) {
    for (size_t i = pieces.size(); i > 1; --i) std::swap(pieces[i - 1], pieces[chance_.Below(i)]);
  }
  std::string message;
  for (const std::string& piece : pieces) message += piece;
  return message;
}

std::string RandomWire::FieldMask() {
  static constexpr const char* kPaths[] = {"a", "b_c", "user.display_name", "a_b_c.d_e", "foo.bar.baz", "x9.y"};
  std::string mask;
  for (size_t i = chance_.Below(4); i > 0; --i) mask += Bytes(1, kPaths[chance_.Below(std::size(kPaths))]);
  return mask;
}

std::string RandomWire::Value(const pb::Descriptor& type, int depth) {
  const auto part = [&](int number) { return type.FindFieldByNumber(number); };
  switch (chance_.Below(depth > 0 ? 6 : 4)) {
    case 0:
      return Int(kValueNull, 0);
    case 1:
      return Double(kValueNumber, static_cast<double>(static_cast<int64_t>(chance_.Number())) / 8);
    case 2:
      return Bytes(kValueString, chance_.Text());
    case 3:
      return Int(kValueBool, chance_.Below(2));
    case 4:
      return Bytes(kValueStruct, Message(*part(kValueStruct)->message_type(), depth - 1));
    default:
      return Bytes(kValueList, Message(*part(kValueList)->message_type(), depth - 1));
  }
}

std::string RandomWire::Any(int depth) {
  if (options_.unknown_anys && chance_.OneIn(3)) return AnyOf("no.such.Type", chance_.Text());
  if (options_.any_types.empty() || depth == 0 || chance_.OneIn(6)) return "";
  const pb::Descriptor& type = *options_.any_types[chance_.Below(options_.any_types.size())];
  const bool empty = chance_.OneIn(6) && WellKnownTypeOf(type) != WellKnownType::kValue;
  return AnyOf(type.full_name(), empty ? std::string() : Message(type, depth - 1));
}

std::string RandomWire::WellKnown(const pb::Descriptor& type, int depth, bool* done) {
  *done = true;
  const auto seconds = [&](int64_t least, int64_t most) {
    return least + static_cast<int64_t>(chance_.Number() % static_cast<uint64_t>(most - least + 1));
  };
  const auto nanos = [&]() -> int64_t {
    static constexpr int64_t kUnits[] = {1'000'000'000, 1'000'000, 1'000, 1};
    const int64_t unit = kUnits[chance_.Below(4)];
    return static_cast<int64_t>(chance_.Below(1'000'000'000 / static_cast<size_t>(unit))) * unit;
  };
  switch (WellKnownTypeOf(type)) {
    case WellKnownType::kTimestamp:
      return Negative(1, seconds(-62'135'596'800, 253'402'300'799)) + Negative(2, nanos());
    case WellKnownType::kDuration: {
      const int64_t sign = chance_.OneIn(3) ? -1 : 1;
      return Negative(1, sign * seconds(0, 315'576'000'000)) + Negative(2, sign * nanos());
    }
    case WellKnownType::kFieldMask:
      return FieldMask();
    case WellKnownType::kValue:
      return Value(type, depth);
    case WellKnownType::kAny:
      return Any(depth);
    case WellKnownType::kStruct: {
      std::string message;
      const pb::Descriptor& value = *type.field(0)->message_type()->map_value()->message_type();
      for (size_t i = chance_.Below(4); i > 0; --i) {
        message += Bytes(1, Bytes(1, chance_.Text() + std::to_string(i)) + Bytes(2, Message(value, depth)));
      }
      return message;
    }
    case WellKnownType::kListValue: {
      std::string message;
      for (size_t i = chance_.Below(4); i > 0; --i) {
        message += Bytes(1, Message(*type.field(0)->message_type(), depth));
      }
      return message;
    }
    case WellKnownType::kWrapper:
      return chance_.OneIn(4) ? std::string() : Piece(*type.field(0), depth);
    case WellKnownType::kNone:
      break;
  }
  *done = false;
  return "";
}

}  // namespace sallyport::policy
