#include "policy/messages/decoded_message.h"

#include <algorithm>
#include <functional>

#include "policy/messages/edition_marks.h"
#include "policy/messages/message_scan.h"
#include "policy/messages/wire_scalar.h"
#include "protos/seeded_hash.h"

namespace sallyport::policy {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

namespace {

bool Before(const Occurrence& left, const Occurrence& right) {
  return left.number != right.number ? left.number < right.number : left.begin < right.begin;
}

template <typename List>
void SortFrom(size_t first, List* list) {
  std::sort(list->begin() + static_cast<ptrdiff_t>(first), list->end(), Before);
}

}  // namespace

MessageReader::MessageReader(const MessageTypes& types, std::string_view message) : types_(types), message_(message) {
  known_.push_back({0, WireType::kLength, 0, static_cast<uint32_t>(message.size())});
}

uint64_t MessageReader::Scalar(const pb_field& field, const Occurrence& occurrence) const {
  WireReader reader(bytes(occurrence));
  uint64_t raw = 0;
  if (occurrence.type != WireType::kVarint) {
    ReadScalar(field, reader, &raw);
    return raw;
  }
  bool minimal = false;
  reader.ReadVarint(&raw, &minimal);
  return Truncated(field.type(), raw);
}

DecodedMessage::DecodedMessage(MessageReader& reader, const pb::Descriptor& type, OccurrenceRange parts,
                               const DecodedMessage* outer)
    : reader_(reader),
      type_(type),
      depth_(outer == nullptr ? 1 : outer->depth_ + 1),
      first_known_(reader.known_.size()),
      first_unknown_(reader.unknown_.size()),
      first_field_(reader.fields_.size()),
      first_unparsed_(reader.unparsed_.size()),
      first_group_end_(reader.group_ends_.size()),
      merged_(parts.size() > 1) {
  if (parts.size() > 0 && reader.occurrence(parts.first).type == WireType::kStartGroup) {
    const bool inherited = outer->scope_first_ < outer->scope_last_;
    scope_first_ = inherited ? outer->scope_first_ : outer->first_group_end_;
    scope_last_ = inherited ? outer->scope_last_ : first_group_end_;
  }
  MessageScan scan(reader, *this);
  for (uint32_t i = parts.first; i < parts.last; ++i) scan.Scan(reader.occurrence(i));
  if (!scan.sorted()) {
    SortFrom(first_known_, &reader.known_);
    SortFrom(first_unknown_, &reader.unknown_);
  }
  unknown_count_ = reader.unknown_.size() - first_unknown_;
  unparsed_count_ = reader.unparsed_.size() - first_unparsed_;
  has_extras_ = unknown_count_ > 0 || unparsed_count_ > 0;
  Collect();
}

DecodedMessage::~DecodedMessage() {
  const auto cut = [](auto& list, size_t first) {
    list.erase(list.begin() + static_cast<ptrdiff_t>(first), list.end());
  };
  cut(reader_.known_, first_known_);
  cut(reader_.unknown_, first_unknown_);
  cut(reader_.fields_, first_field_);
  cut(reader_.unparsed_, first_unparsed_);
  cut(reader_.group_ends_, first_group_end_);
}

void DecodedMessage::Collect() {
  const auto last = static_cast<uint32_t>(reader_.known_.size());
  int oneof_members = 0;
  for (auto first = static_cast<uint32_t>(first_known_); first < last;) {
    const uint32_t number = reader_.known_[first].number;
    uint32_t end = first + 1;
    while (end < last && reader_.known_[end].number == number) ++end;
    const pb_field* descriptor = type_.FindFieldByNumber(static_cast<int>(number));
    if (descriptor == nullptr) descriptor = reader_.types().FindExtension(type_, number);
    DecodedField field{descriptor, {first, end}};
    if (!descriptor->is_repeated()) {
      field.several = end - first > 1;
      if (field.several) has_repeats_ = true;
      if (descriptor->cpp_type() != pb_field::CPPTYPE_MESSAGE) {
        field.values.first = end - 1;
        field.absent = IsAbsent(*descriptor, reader_.known_[end - 1]);
      }
      if (descriptor->real_containing_oneof() != nullptr) ++oneof_members;
    }
    reader_.fields_.push_back(field);
    first = end;
  }
  field_count_ = reader_.fields_.size() - first_field_;
  if (oneof_members > 1) ResolveOneofs();
}

bool DecodedMessage::IsAbsent(const pb_field& field, const Occurrence& value) const {
  if (value.type == WireType::kLength) return value.begin == value.end && !TellsAbsence(field);
  // Of a number, the first byte mostly tells.
  if (value.type == WireType::kVarint && (reader_.message_[value.begin] & 0x7F) != 0) return false;
  return reader_.Scalar(field, value) == 0 && !TellsAbsence(field);
}

// The member that came last counts, from where no other one follows.
void DecodedMessage::ResolveOneofs() {
  struct Last {
    uint32_t winner = 0;  // where the last of all begins
    uint32_t other = 0;   // where the last of another member begins
    const DecodedField* field = nullptr;
  };
  absl::flat_hash_map<const pb::OneofDescriptor*, Last> oneofs;
  for (size_t i = 0; i < field_count_; ++i) {
    const DecodedField& field = reader_.fields_[first_field_ + i];
    const pb::OneofDescriptor* const oneof = field.descriptor->real_containing_oneof();
    if (oneof == nullptr || field.descriptor->is_repeated()) continue;
    Last& last = oneofs[oneof];
    const uint32_t begin = reader_.known_[field.values.last - 1].begin;
    if (last.field == nullptr || begin > last.winner) {
      last.other = last.winner;
      last.winner = begin;
      last.field = &field;
    } else {
      last.other = std::max(last.other, begin);
    }
  }
  for (size_t i = 0; i < field_count_; ++i) {
    DecodedField& field = reader_.fields_[first_field_ + i];
    const pb::OneofDescriptor* const oneof = field.descriptor->real_containing_oneof();
    if (oneof == nullptr || field.descriptor->is_repeated()) continue;
    const Last& last = oneofs[oneof];
    if (&field != last.field) {
      field.displaced = true;
      has_repeats_ = true;
      continue;
    }
    while (field.values.size() > 1 && reader_.known_[field.values.first].begin < last.other) ++field.values.first;
  }
}

const DecodedField* DecodedMessage::Find(int number) const {
  for (size_t i = 0; i < field_count_; ++i) {
    const DecodedField& found = field(i);
    if (found.descriptor->number() == number && found.shown()) return &found;
  }
  return nullptr;
}

const std::vector<const pb_field*>* DecodedMessage::Required() const {
  if (type_.file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO3) return nullptr;
  const auto [place, is_new] = reader_.required_.try_emplace(&type_);
  if (is_new) {
    for (int i = 0; i < type_.field_count(); ++i) {
      if (type_.field(i)->is_required()) place->second.push_back(type_.field(i));
    }
    std::sort(place->second.begin(), place->second.end(),
              [](const pb_field* left, const pb_field* right) { return left->number() < right->number(); });
  }
  return &place->second;
}

std::vector<const pb_field*> DecodedMessage::Missing() const {
  std::vector<const pb_field*> missing;
  const std::vector<const pb_field*>* const required = Required();
  if (required == nullptr) return missing;
  size_t next = 0;
  for (const pb_field* required_field : *required) {
    while (next < field_count_ && field(next).descriptor->number() < required_field->number()) ++next;
    if (next == field_count_ || field(next).descriptor != required_field) missing.push_back(required_field);
  }
  return missing;
}

bool ScalarElements::Next(uint64_t* raw) {
  while (true) {
    if (!packed_.done()) {
      if (!ReadScalar(field_, packed_, raw)) return false;
    } else if (next_ == last_) {
      return false;
    } else {
      const Occurrence& value = reader_.occurrence(next_++);
      packed_ = WireReader(reader_.bytes(value));
      continue;
    }
    if (!IsClosedEnum(field_) ||
        field_.enum_type()->FindValueByNumber(static_cast<int>(static_cast<int64_t>(*raw))) != nullptr) {
      return true;
    }
  }
}

namespace {

// The key of an entry, without opening it. False if it is not that simple.
bool ReadKey(const MessageReader& reader, const pb_field& key, const Occurrence& entry, MapEntry* out) {
  WireReader wire(reader.bytes(entry));
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  bool minimal = false;
  while (!wire.done()) {
    if (!wire.ReadTag(&number, &type, &minimal) || type == WireType::kStartGroup) return false;
    if (number != static_cast<uint32_t>(key.number()) || type != WireTypeOf(key.type())) {
      if (!wire.SkipValue(number, type, 0)) return false;
    } else if (type == WireType::kLength) {
      if (!wire.ReadLength(&out->text, &minimal)) return false;
    } else if (!ReadScalar(key, wire, &out->number)) {
      return false;
    }
  }
  return true;
}

// The same as any level is read.
void OpenForKey(MessageReader& reader, const DecodedMessage& message, const pb_field& key, MapEntry* out) {
  out->number = 0;
  out->text = {};
  const DecodedMessage entry(reader, *key.containing_type(), {out->occurrence, out->occurrence + 1}, &message);
  const DecodedField* const found = entry.Find(key.number());
  if (found == nullptr) return;
  const Occurrence& value = reader.occurrence(found->values.first);
  if (value.type == WireType::kLength) {
    out->text = reader.bytes(value);
  } else {
    out->number = reader.Scalar(key, value);
  }
}

}  // namespace

std::vector<MapEntry> MapEntries(MessageReader& reader, const DecodedMessage& message, const pb_field& map,
                                 OccurrenceRange values) {
  const pb_field& key = *map.message_type()->map_key();
  std::vector<MapEntry> entries;
  entries.reserve(values.size());
  for (uint32_t i = values.first; i < values.last; ++i) {
    MapEntry entry{i, false, 0, {}};
    if (!ReadKey(reader, key, reader.occurrence(i), &entry)) OpenForKey(reader, message, key, &entry);
    entries.push_back(entry);
  }
  if (entries.size() < 2) return entries;
  const bool is_text = key.cpp_type() == pb_field::CPPTYPE_STRING;
  const auto key_bytes = [&](const MapEntry& entry) {
    return is_text ? entry.text : std::string_view(reinterpret_cast<const char*>(&entry.number), sizeof entry.number);
  };
  absl::flat_hash_map<std::string_view, size_t, SeededHash, std::equal_to<>> last;
  last.reserve(entries.size());
  bool any = false;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto [place, is_new] = last.try_emplace(key_bytes(entries[i]), i);
    if (is_new) continue;
    entries[i].several = true;
    place->second = i;
    any = true;
  }
  if (!any) return entries;
  std::vector<MapEntry> kept;
  kept.reserve(last.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    if (last[key_bytes(entries[i])] == i) kept.push_back(entries[i]);
  }
  return kept;
}

}  // namespace sallyport::policy
