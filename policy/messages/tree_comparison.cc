#include "policy/messages/tree_comparison.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "policy/messages/wire.h"
#include "policy/messages/wire_scalar.h"
#include "protos/seeded_hash.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

TreeComparison::Step::Step(TreeComparison& comparison, std::string_view name)
    : comparison_(comparison), length_(comparison.path_.size()) {
  if (!comparison.path_.empty()) comparison.path_.push_back('.');
  comparison.path_.append(name);
  comparison.steps_.push_back(comparison.path_.size());
}

TreeComparison::Step::Step(TreeComparison& comparison, size_t index)
    : comparison_(comparison), length_(comparison.path_.size()) {
  comparison.path_.append("[").append(std::to_string(index)).append("]");
  comparison.steps_.push_back(comparison.path_.size());
}

TreeComparison::Step::~Step() {
  comparison_.path_.resize(length_);
  comparison_.steps_.pop_back();
}

std::string TreeComparison::Text(MessageReader& reader, Write write) const {
  std::string text;
  JsonWriter json(JsonStyle::kOneLine, bounds_.most_text, &text);
  TreePrinter printer(reader, json);
  write(printer, json);
  return text;
}

void TreeComparison::AddDifference(std::optional<Write> left, std::optional<Write> right) {
  found_ = true;
  if (quiet_ > 0) return;
  if (bounds_.ignored != nullptr) {
    for (const size_t length : steps_) {
      if (bounds_.ignored(path_.substr(0, length))) return;
    }
  }
  if (++differences_.count > bounds_.most_told) return;
  differences_.told.push_back({path_, left.has_value() ? Text(left_, *left) : std::string(),
                               right.has_value() ? Text(right_, *right) : std::string()});
}

void TreeComparison::Messages(const pb::Descriptor& type, const MessagePair& pair) {
  if (pair.left.size() == 0 && pair.right.size() == 0) return;
  if (pair.left.size() == 1 && pair.right.size() == 1 &&
      SameText(left_.occurrence(pair.left.first), right_.occurrence(pair.right.first))) {
    return;
  }
  if (pair.left_outer != nullptr && pair.left_outer->depth() >= kMostNesting) {
    // Not read any more.
    return AddDifference(
        [&](TreePrinter& printer, JsonWriter&) { printer.Message(type, pair.left, pair.left_outer); },
        [&](TreePrinter& printer, JsonWriter&) { printer.Message(type, pair.right, pair.right_outer); });
  }
  const DecodedMessage left(left_, type, pair.left, pair.left_outer);
  const DecodedMessage right(right_, type, pair.right, pair.right_outer);
  const LevelPair levels{left, right};
  if (!WellKnown(levels)) {
    Fields(levels);
    Extras(levels);
  }
}

void TreeComparison::Fields(const LevelPair& levels) {
  size_t i = 0;
  size_t j = 0;
  const auto skip = [](const DecodedMessage& level, size_t* index) {
    while (*index < level.field_count() && !level.field(*index).shown()) ++*index;
    return *index < level.field_count();
  };
  while (!done()) {
    const bool has_left = skip(levels.left, &i);
    const bool has_right = skip(levels.right, &j);
    if (!has_left && !has_right) return;
    const int left_number = has_left ? levels.left.field(i).descriptor->number() : 0;
    const int right_number = has_right ? levels.right.field(j).descriptor->number() : 0;
    if (has_left && (!has_right || left_number < right_number)) {
      OneSided(levels.left, levels.left.field(i++), true);
    } else if (has_right && (!has_left || right_number < left_number)) {
      OneSided(levels.right, levels.right.field(j++), false);
    } else {
      const DecodedField left = levels.left.field(i++);
      const DecodedField right = levels.right.field(j++);
      const Step step(*this, FieldName(*left.descriptor));
      Field(levels, left, right);
    }
  }
}

void TreeComparison::OneSided(const DecodedMessage& level, const DecodedField& field, bool is_left) {
  const Step step(*this, FieldName(*field.descriptor));
  const auto write = [&, copy = field](TreePrinter& printer, JsonWriter&) { printer.FieldValue(level, copy); };
  is_left ? AddDifference(write, std::nullopt) : AddDifference(std::nullopt, write);
}

void TreeComparison::Field(const LevelPair& levels, const DecodedField& left, const DecodedField& right) {
  const pb_field& field = *left.descriptor;
  if (field.is_map()) return Maps(levels, field, left.values, right.values);
  if (field.is_repeated()) return Elements(levels, field, left.values, right.values);
  if (field.cpp_type() == pb_field::CPPTYPE_MESSAGE) {
    return Messages(*field.message_type(), {left.values, &levels.left, right.values, &levels.right});
  }
  const Occurrence& left_value = left_.occurrence(left.values.first);
  const Occurrence& right_value = right_.occurrence(right.values.first);
  const bool same = field.cpp_type() == pb_field::CPPTYPE_STRING
                        ? SameText(left_value, right_value)
                        : SameScalar(field, left_.Scalar(field, left_value), right_.Scalar(field, right_value));
  if (same) return;
  AddDifference([&](TreePrinter& printer, JsonWriter&) { printer.FieldValue(levels.left, left); },
                [&](TreePrinter& printer, JsonWriter&) { printer.FieldValue(levels.right, right); });
}

bool TreeComparison::SameScalar(const pb_field& field, uint64_t left, uint64_t right) {
  if (left == right) return true;
  if (field.type() == pb_field::TYPE_DOUBLE) {
    return std::isnan(std::bit_cast<double>(left)) && std::isnan(std::bit_cast<double>(right));
  }
  if (field.type() == pb_field::TYPE_FLOAT) {
    return std::isnan(std::bit_cast<float>(static_cast<uint32_t>(left))) &&
           std::isnan(std::bit_cast<float>(static_cast<uint32_t>(right)));
  }
  return false;
}

void TreeComparison::Elements(const LevelPair& levels, const pb_field& field, OccurrenceRange left,
                              OccurrenceRange right) {
  if (IsPackable(field)) return ScalarLists(field, left, right);
  const bool messages = field.cpp_type() == pb_field::CPPTYPE_MESSAGE;
  for (uint32_t i = 0; i < std::max(left.size(), right.size()) && !done(); ++i) {
    const uint32_t at_left = left.first + i;
    const uint32_t at_right = right.first + i;
    const bool in_left = at_left < left.last;
    const bool in_right = at_right < right.last;
    if (in_left && in_right && SameText(left_.occurrence(at_left), right_.occurrence(at_right))) continue;
    const Step step(*this, i);
    if (in_left && in_right && messages) {
      Messages(*field.message_type(), {{at_left, at_left + 1}, &levels.left, {at_right, at_right + 1}, &levels.right});
      continue;
    }
    const auto write_left = [&](TreePrinter& printer, JsonWriter&) { printer.Element(levels.left, field, at_left); };
    const auto write_right = [&](TreePrinter& printer, JsonWriter&) { printer.Element(levels.right, field, at_right); };
    AddDifference(in_left ? std::optional<Write>(write_left) : std::nullopt,
                  in_right ? std::optional<Write>(write_right) : std::nullopt);
  }
}

void TreeComparison::ScalarLists(const pb_field& field, OccurrenceRange left, OccurrenceRange right) {
  ScalarElements lefts(left_, field, left);
  ScalarElements rights(right_, field, right);
  for (size_t i = 0; !done(); ++i) {
    uint64_t left_raw = 0;
    uint64_t right_raw = 0;
    const bool in_left = lefts.Next(&left_raw);
    const bool in_right = rights.Next(&right_raw);
    if (!in_left && !in_right) return;
    if (in_left && in_right && SameScalar(field, left_raw, right_raw)) continue;
    const Step step(*this, i);
    const auto write_left = [&](TreePrinter& printer, JsonWriter&) { printer.Scalar(field, left_raw); };
    const auto write_right = [&](TreePrinter& printer, JsonWriter&) { printer.Scalar(field, right_raw); };
    AddDifference(in_left ? std::optional<Write>(write_left) : std::nullopt,
                  in_right ? std::optional<Write>(write_right) : std::nullopt);
  }
}

void TreeComparison::Maps(const LevelPair& levels, const pb_field& map, OccurrenceRange left, OccurrenceRange right) {
  if (levels.left.depth() >= kMostNesting) {
    return AddDifference(
        [&](TreePrinter& printer, JsonWriter&) {
          printer.FieldValue(levels.left, {&map, left});
        },
        [&](TreePrinter& printer, JsonWriter&) {
          printer.FieldValue(levels.right, {&map, right});
        });
  }
  const bool is_text = map.message_type()->map_key()->cpp_type() == pb_field::CPPTYPE_STRING;
  const auto key_bytes = [&](const MapEntry& entry) {
    return is_text ? entry.text : std::string_view(reinterpret_cast<const char*>(&entry.number), sizeof entry.number);
  };
  const std::vector<MapEntry> lefts = MapEntries(left_, levels.left, map, left);
  const std::vector<MapEntry> rights = MapEntries(right_, levels.right, map, right);
  absl::flat_hash_map<std::string_view, uint32_t, SeededHash, std::equal_to<>> by_key;
  by_key.reserve(rights.size());
  for (const MapEntry& entry : rights) by_key.emplace(key_bytes(entry), entry.occurrence);
  for (const MapEntry& entry : lefts) {
    if (done()) return;
    const Step step(*this, KeyName(map, entry));
    const auto other = by_key.find(key_bytes(entry));
    if (other == by_key.end()) {
      MapEntryAlone(levels.left, map, entry.occurrence, true);
      continue;
    }
    MapEntryPair(levels, map, entry.occurrence, other->second);
    by_key.erase(other);
  }
  for (const MapEntry& entry : rights) {
    if (done()) return;
    if (!by_key.contains(key_bytes(entry))) continue;
    const Step step(*this, KeyName(map, entry));
    MapEntryAlone(levels.right, map, entry.occurrence, false);
  }
}

void TreeComparison::MapEntryPair(const LevelPair& levels, const pb_field& map, uint32_t left, uint32_t right) {
  if (SameText(left_.occurrence(left), right_.occurrence(right))) return;
  const pb::Descriptor& type = *map.message_type();
  const DecodedMessage left_entry(left_, type, {left, left + 1}, &levels.left);
  const DecodedMessage right_entry(right_, type, {right, right + 1}, &levels.right);
  EntryValues({left_entry, right_entry}, *type.map_value());
  Extras({left_entry, right_entry});
}

void TreeComparison::MapEntryAlone(const DecodedMessage& level, const pb_field& map, uint32_t entry, bool is_left) {
  const pb::Descriptor& type = *map.message_type();
  const DecodedMessage opened(is_left ? left_ : right_, type, {entry, entry + 1}, &level);
  const auto write = [&](TreePrinter& printer, JsonWriter&) { printer.EntryValue(opened, *type.map_value()); };
  is_left ? AddDifference(write, std::nullopt) : AddDifference(std::nullopt, write);
}

void TreeComparison::EntryValues(const LevelPair& entries, const pb_field& value) {
  const DecodedField* const left = entries.left.Find(value.number());
  const DecodedField* const right = entries.right.Find(value.number());
  const auto range = [](const DecodedField* field) { return field == nullptr ? OccurrenceRange{} : field->values; };
  if (value.cpp_type() == pb_field::CPPTYPE_MESSAGE) {
    return Messages(*value.message_type(), {range(left), &entries.left, range(right), &entries.right});
  }
  bool same = false;
  if (value.cpp_type() == pb_field::CPPTYPE_STRING) {
    const auto text = [](const MessageReader& reader, const DecodedField* field) {
      return field == nullptr ? std::string_view() : reader.bytes(reader.occurrence(field->values.first));
    };
    same = text(left_, left) == text(right_, right);
  } else {
    const auto number = [&](const MessageReader& reader, const DecodedField* field) {
      if (field != nullptr) return reader.Scalar(value, reader.occurrence(field->values.first));
      if (value.cpp_type() != pb_field::CPPTYPE_ENUM) return uint64_t{0};
      return static_cast<uint64_t>(int64_t{value.default_value_enum()->number()});
    };
    same = SameScalar(value, number(left_, left), number(right_, right));
  }
  if (same) return;
  AddDifference([&](TreePrinter& printer, JsonWriter&) { printer.EntryValue(entries.left, value); },
                [&](TreePrinter& printer, JsonWriter&) { printer.EntryValue(entries.right, value); });
}

void TreeComparison::Extras(const LevelPair& levels) {
  UnknownFields(levels);
  NotParsed(levels);
}

void TreeComparison::UnknownFields(const LevelPair& levels) {
  const size_t left_count = levels.left.unknown_count();
  const size_t right_count = levels.right.unknown_count();
  size_t i = 0;
  size_t j = 0;
  while ((i < left_count || j < right_count) && !done()) {
    const uint32_t number = std::min(i < left_count ? levels.left.unknown(i).number : UINT32_MAX,
                                     j < right_count ? levels.right.unknown(j).number : UINT32_MAX);
    const auto run = [&](const DecodedMessage& level, size_t from) {
      size_t end = from;
      while (end < level.unknown_count() && level.unknown(end).number == number) ++end;
      return end;
    };
    const size_t left_end = run(levels.left, i);
    const size_t right_end = run(levels.right, j);
    bool same = left_end - i == right_end - j;
    for (size_t k = 0; same && k < left_end - i; ++k) {
      const Occurrence& left = levels.left.unknown(i + k);
      const Occurrence& right = levels.right.unknown(j + k);
      same = left.type == right.type && SameText(left, right);
    }
    if (!same) {
      const Step step(*this, "@unknown[" + std::to_string(number) + "]");
      const auto list = [](const DecodedMessage& level, size_t from, size_t to) {
        return [&level, from, to](TreePrinter& printer, JsonWriter& json) {
          json.BeginArray();
          for (size_t k = from; k < to && !json.full(); ++k) printer.Unknown(level.unknown(k), {});
          json.EndArray();
        };
      };
      const auto write_left = list(levels.left, i, left_end);
      const auto write_right = list(levels.right, j, right_end);
      AddDifference(left_end > i ? std::optional<Write>(write_left) : std::nullopt,
                    right_end > j ? std::optional<Write>(write_right) : std::nullopt);
    }
    i = left_end;
    j = right_end;
  }
}

void TreeComparison::NotParsed(const LevelPair& levels) {
  const size_t count = levels.left.unparsed_count();
  bool same = count == levels.right.unparsed_count();
  for (size_t i = 0; same && i < count; ++i) {
    const Unparsed& left = levels.left.unparsed(i);
    const Unparsed& right = levels.right.unparsed(i);
    same = left_.bytes(left.begin, left.end) == right_.bytes(right.begin, right.end);
  }
  if (same) return;
  const Step step(*this, "@unparsed");
  const auto list = [](const DecodedMessage& level) {
    return [&level](TreePrinter& printer, JsonWriter& json) {
      json.BeginArray();
      for (size_t i = 0; i < level.unparsed_count(); ++i) printer.NotParsed(level.unparsed(i), {});
      json.EndArray();
    };
  };
  const auto write_left = list(levels.left);
  const auto write_right = list(levels.right);
  AddDifference(count > 0 ? std::optional<Write>(write_left) : std::nullopt,
                levels.right.unparsed_count() > 0 ? std::optional<Write>(write_right) : std::nullopt);
}

}  // namespace sallyport::policy
