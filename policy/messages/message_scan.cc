#include "policy/messages/message_scan.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "policy/messages/edition_marks.h"
#include "policy/messages/wire_scalar.h"

namespace sallyport::policy {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

namespace {

constexpr char kBadTag[] = "no field begins like this";
constexpr char kBadEnd[] = "a group ends that did not begin";
constexpr char kNoEnd[] = "a group does not end";
constexpr char kBadVarint[] = "a number that does not end";
constexpr char kBadLength[] = "no length that a value may have";
constexpr char kCut[] = "cut short";
constexpr char kCutInside[] = "the message that ends here is cut short";
constexpr char kTooDeep[] = "groups nested deeper than is read";
constexpr char kBadPacked[] = "not a whole number of packed values";

// How deep groups may be nested for their ends to be found.
constexpr size_t kDeepestGroup = 100'000;

// Fields of an item of a MessageSet.
constexpr uint32_t kItem = 1;
constexpr uint32_t kItemType = 2;
constexpr uint32_t kItemMessage = 3;

bool IsNamed(const pb_field& field, uint64_t raw) {
  return field.enum_type()->FindValueByNumber(static_cast<int>(static_cast<int64_t>(raw))) != nullptr;
}

// How much of packed content is whole values.
size_t SoundBytes(const pb_field& field, std::string_view content) {
  const WireType type = WireTypeOf(field.type());
  if (type == WireType::kFixed32) return content.size() / 4 * 4;
  if (type == WireType::kFixed64) return content.size() / 8 * 8;
  constexpr size_t kLongest = 10;
  size_t sound = 0;
  for (size_t at = 0; at < content.size() && at - sound < kLongest; ++at) {
    if (static_cast<uint8_t>(content[at]) < 0x80) sound = at + 1;
  }
  return sound;
}

}  // namespace

MessageScan::MessageScan(MessageReader& reader, const DecodedMessage& level)
    : reader_(reader),
      level_(level),
      base_(reader.message_.data()),
      is_set_(level.type().options().message_set_wire_format()) {}

void MessageScan::Scan(Occurrence part) {
  WireReader reader(base_ + part.begin, base_ + part.end);
  while (!reader.done()) {
    const uint32_t start = Offset(reader.at());
    uint32_t number = 0;
    WireType type = WireType::kVarint;
    bool minimal = false;
    const char* fault = kBadTag;
    if (reader.ReadTag(&number, &type, &minimal)) {
      const pb_field* const field = FindField(number);
      switch (type) {
        case WireType::kLength:
          fault = TakeLength(reader, number, field);
          break;
        case WireType::kStartGroup:
          fault = TakeGroup(reader, number, field);
          break;
        case WireType::kEndGroup:
          fault = kBadEnd;
          break;
        default:
          fault = TakeScalar(reader, number, type, field);
          break;
      }
    }
    if (fault == nullptr) continue;
    const uint32_t begin = fault == kCutInside ? part.end : start;
    reader_.unparsed_.push_back({begin, part.end, fault});
    return;
  }
}

const pb_field* MessageScan::FindField(uint32_t number) {
  if (number == last_number_) return last_field_;
  const int as_int = static_cast<int>(number);
  const pb_field* field = level_.type().FindFieldByNumber(as_int);
  if (field == nullptr && level_.type().IsExtensionNumber(as_int)) {
    field = reader_.types().FindExtension(level_.type(), number);
  }
  last_number_ = number;
  last_field_ = field;
  return field;
}

const char* MessageScan::TakeScalar(WireReader& reader, uint32_t number, WireType type, const pb_field* field) {
  const uint32_t begin = Offset(reader.at());
  if (!reader.SkipValue(number, type, 0)) {
    if (type != WireType::kVarint) return kCut;
    return kBadVarint;
  }
  if (field != nullptr && (WireTypeOf(field->type()) != type)) field = nullptr;
  const Occurrence value = {number, type, begin, Offset(reader.at())};
  if (field != nullptr && IsClosedEnum(*field) && !IsNamed(*field, reader_.Scalar(*field, value))) field = nullptr;
  Add(field, value);
  return nullptr;
}

const char* MessageScan::TakeLength(WireReader& reader, uint32_t number, const pb_field* field) {
  if (field != nullptr && WireTypeOf(field->type()) != WireType::kLength && !IsPackable(*field)) field = nullptr;
  const WireReader before = reader;
  std::string_view content;
  bool minimal = false;
  if (reader.ReadLength(&content, &minimal)) {
    const Occurrence value = {number, WireType::kLength, Offset(content.data()), Offset(reader.at())};
    if (field != nullptr && IsPackable(*field)) {
      AddPacked(*field, value);
    } else {
      Add(field != nullptr && field->is_map() && IsUnknownEntry(*field, value) ? nullptr : field, value);
    }
    return nullptr;
  }
  // A message that is cut short is read as far as it goes.
  reader = before;
  uint64_t length = 0;
  const bool has_length = reader.ReadVarint(&length, &minimal) && length <= kMostLength;
  if (!has_length) return kBadLength;
  const bool readable = field != nullptr && field->type() == pb_field::TYPE_MESSAGE && !field->is_map();
  if (!readable || length <= reader.rest().size()) return kCut;
  const std::string_view rest = reader.rest();
  Add(field, {number, WireType::kLength, Offset(rest.data()), Offset(rest.data() + rest.size())});
  return kCutInside;
}

const char* MessageScan::TakeGroup(WireReader& reader, uint32_t number, const pb_field* field) {
  const uint32_t begin = Offset(reader.at());
  uint32_t end = 0;
  if (const char* const fault = FindGroupEnd(reader, number, &end)) return fault;
  const Occurrence value = {number, WireType::kStartGroup, begin, end};
  if (is_set_ && number == kItem) {
    AddSetItem(value);
  } else {
    Add(field != nullptr && field->type() == pb_field::TYPE_GROUP ? field : nullptr, value);
  }
  return nullptr;
}

void MessageScan::Add(const pb_field* field, const Occurrence& value) {
  if (value.number < greatest_) sorted_ = false;
  greatest_ = value.number;
  if (field != nullptr) {
    reader_.known_.push_back(value);
  } else {
    reader_.unknown_.push_back(value);
  }
}

void MessageScan::AddPacked(const pb_field& field, Occurrence value) {
  const std::string_view content = reader_.bytes(value);
  const auto sound = static_cast<uint32_t>(SoundBytes(field, content));
  if (sound < content.size()) reader_.unparsed_.push_back({value.begin + sound, value.end, kBadPacked});
  value.end = value.begin + sound;
  if (sound > 0 && (!IsClosedEnum(field) || SortOutEnum(field, value))) Add(&field, value);
}

bool MessageScan::SortOutEnum(const pb_field& field, const Occurrence& value) {
  WireReader packed(reader_.bytes(value));
  bool any_named = false;
  while (!packed.done()) {
    const uint32_t begin = Offset(packed.at());
    uint64_t raw = 0;
    if (!ReadScalar(field, packed, &raw)) break;
    if (IsNamed(field, raw)) {
      any_named = true;
    } else {
      Add(nullptr, {value.number, WireType::kVarint, begin, Offset(packed.at())});
    }
  }
  return any_named;
}

// Parsers count an entry whose value its enum does not name as an unknown field of the message that the map is in.
bool MessageScan::IsUnknownEntry(const pb_field& map, const Occurrence& entry) const {
  const pb_field& value_field = *map.message_type()->map_value();
  if (!IsClosedEnum(value_field)) return false;
  WireReader reader(reader_.bytes(entry));
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  bool minimal = false;
  bool named = true;
  while (!reader.done() && reader.ReadTag(&number, &type, &minimal)) {
    uint64_t raw = 0;
    if (number == static_cast<uint32_t>(value_field.number()) && type == WireType::kVarint) {
      if (!ReadScalar(value_field, reader, &raw)) return false;
      named = IsNamed(value_field, raw);
    } else if (!reader.SkipValue(number, type, kMostDepth)) {
      return false;
    }
  }
  return !named;
}

// An item that is not one type and one message is shown as what it is: parsers do not agree on it.
void MessageScan::AddSetItem(const Occurrence& item) {
  WireReader reader(reader_.bytes(item));
  uint64_t type_id = 0;
  std::string_view message;
  int types = 0;
  int messages = 0;
  bool regular = true;
  while (regular && !reader.done()) {
    uint32_t number = 0;
    WireType type = WireType::kVarint;
    bool minimal = false;
    regular = false;
    if (!reader.ReadTag(&number, &type, &minimal)) break;
    if (number == kItemType && type == WireType::kVarint) {
      regular = reader.ReadVarint(&type_id, &minimal) && ++types == 1;
    } else if (number == kItemMessage && type == WireType::kLength) {
      regular = reader.ReadLength(&message, &minimal) && ++messages == 1;
    }
  }
  constexpr uint64_t kMostTypeId = (uint64_t{1} << 31) - 1;
  if (!regular || types == 0 || messages == 0 || type_id == 0 || type_id > kMostTypeId) return Add(nullptr, item);
  const auto number = static_cast<uint32_t>(type_id);
  const pb_field* const field = reader_.types().FindExtension(level_.type(), number);
  const bool known = field != nullptr && field->type() == pb_field::TYPE_MESSAGE && !field->is_map();
  Add(known ? field : nullptr,
      {number, WireType::kLength, Offset(message.data()), Offset(message.data() + message.size())});
}

const char* MessageScan::FindGroupEnd(WireReader& reader, uint32_t number, uint32_t* end) {
  const uint32_t begin = Offset(reader.at());
  const auto& ends = reader_.group_ends_;
  if (level_.scope_first_ < level_.scope_last_) {
    // An outer level has been here.
    const auto last = ends.begin() + static_cast<ptrdiff_t>(level_.scope_last_);
    const auto found = std::lower_bound(ends.begin() + static_cast<ptrdiff_t>(level_.scope_first_), last, begin,
                                        [](const auto& one, uint32_t place) { return one.begin < place; });
    if (found == last || found->begin != begin) return kNoEnd;
    *end = found->end;
    reader.Skip(*end - begin);
    WireType type = WireType::kVarint;
    bool minimal = false;
    return reader.ReadTag(&number, &type, &minimal) ? nullptr : kNoEnd;
  }
  const size_t mine = ends.size();
  if (const char* const fault = WalkGroup(reader, number)) {
    reader_.group_ends_.resize(mine);
    return fault;
  }
  *end = ends[mine].end;
  return nullptr;
}

const char* MessageScan::WalkGroup(WireReader& reader, uint32_t number) {
  struct Open {
    uint32_t number;
    uint32_t place;
  };
  std::vector<Open> open;
  const auto enter = [&](uint32_t group) {
    open.push_back({group, static_cast<uint32_t>(reader_.group_ends_.size())});
    reader_.group_ends_.push_back({Offset(reader.at()), 0});
  };
  enter(number);
  while (!open.empty()) {
    const uint32_t tag_at = Offset(reader.at());
    uint32_t inner = 0;
    WireType type = WireType::kVarint;
    bool minimal = false;
    if (!reader.ReadTag(&inner, &type, &minimal)) return kNoEnd;
    if (type == WireType::kStartGroup) {
      if (open.size() == kDeepestGroup) return kTooDeep;
      enter(inner);
    } else if (type == WireType::kEndGroup) {
      if (inner != open.back().number) return kNoEnd;
      reader_.group_ends_[open.back().place].end = tag_at;
      open.pop_back();
    } else if (!reader.SkipValue(inner, type, 0)) {
      return kNoEnd;
    }
  }
  return nullptr;
}

}  // namespace sallyport::policy
