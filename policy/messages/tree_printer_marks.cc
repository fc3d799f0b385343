// What the mapping to JSON has no place for.
#include <string>
#include <utility>
#include <vector>

#include "policy/messages/tree_printer.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {

using pb_field = google::protobuf::FieldDescriptor;

namespace {

const char* WireTypeName(WireType type) {
  switch (type) {
    case WireType::kVarint:
      return "varint";
    case WireType::kFixed64:
      return "fixed64";
    case WireType::kLength:
      return "length";
    case WireType::kFixed32:
      return "fixed32";
    default:
      return "group";
  }
}

constexpr char kTooDeep[] = "nested deeper than 1,000 messages";

}  // namespace

void TreePrinter::CutObject() {
  json_.Member("@cut");
  json_.Raw("true");
}

void TreePrinter::CutArray() {
  json_.Element();
  json_.BeginObject();
  CutObject();
  json_.EndObject();
}

void TreePrinter::Names(const char* mark, const std::vector<std::string>& names) {
  if (names.empty()) return;
  json_.Member(mark);
  json_.BeginLine();
  json_.BeginArray();
  for (const std::string& name : names) {
    json_.BeginName();
    json_.Raw(name);
    json_.Raw("\"");
  }
  json_.EndArray();
  json_.EndLine();
}

void TreePrinter::Marks(const DecodedMessage& message, size_t first_entry_mark, const char* invalid) {
  const std::vector<const pb_field*> missing = message.Missing();
  if (!message.clean() || !missing.empty() || entry_marks_.size() > first_entry_mark) {
    std::vector<std::string> names;
    names.reserve(missing.size());
    for (const pb_field* field : missing) names.push_back(FieldName(*field));
    Names("@missing", names);
    names.clear();
    std::vector<std::string> displaced;
    for (size_t i = 0; i < message.field_count(); ++i) {
      const DecodedField& field = message.field(i);
      if (field.several) names.push_back(FieldName(*field.descriptor));
      if (field.displaced) displaced.push_back(FieldName(*field.descriptor));
    }
    bool unknown = message.unknown_count() > 0;
    bool unparsed = message.unparsed_count() > 0;
    for (size_t i = first_entry_mark; i < entry_marks_.size(); ++i) {
      if (entry_marks_[i].several) names.push_back(entry_marks_[i].in);
      unknown |= !entry_marks_[i].unknown.empty();
      unparsed |= !entry_marks_[i].unparsed.empty();
    }
    Names("@repeated", names);
    Names("@displaced", displaced);
    if (unknown) {
      json_.Member("@unknown");
      json_.BeginArray();
      for (size_t i = 0; i < message.unknown_count() && !Full(); ++i) Unknown(message.unknown(i), {});
      for (size_t i = first_entry_mark; i < entry_marks_.size() && !Full(); ++i) {
        for (const Occurrence& one : entry_marks_[i].unknown) Unknown(one, entry_marks_[i].in);
      }
      json_.EndArray();
    }
    if (unparsed) {
      json_.Member("@unparsed");
      json_.BeginArray();
      for (size_t i = 0; i < message.unparsed_count(); ++i) NotParsed(message.unparsed(i), {});
      for (size_t i = first_entry_mark; i < entry_marks_.size() && !Full(); ++i) {
        for (const Unparsed& one : entry_marks_[i].unparsed) NotParsed(one, entry_marks_[i].in);
      }
      json_.EndArray();
    }
    if (findings_.cut) CutObject();
    entry_marks_.resize(first_entry_mark);
  }
  if (invalid == nullptr) return;
  json_.Member("@invalid");
  json_.Text(invalid);
}

void TreePrinter::Unknown(const Occurrence& unknown, std::string_view in) {
  json_.Element();
  json_.BeginLine();
  json_.BeginObject();
  if (!in.empty()) {
    json_.Member("in");
    json_.Raw("\"");
    json_.Raw(in);
    json_.Raw("\"");
  }
  json_.Member("number");
  json_.Unsigned(unknown.number);
  json_.Member("wire_type");
  json_.Text(WireTypeName(unknown.type));
  if (unknown.type == WireType::kVarint || unknown.type == WireType::kFixed32 || unknown.type == WireType::kFixed64) {
    WireReader reader(reader_.bytes(unknown));
    uint64_t value = 0;
    bool minimal = false;
    if (unknown.type == WireType::kVarint) {
      reader.ReadVarint(&value, &minimal);
    } else {
      const std::string_view bytes = reader_.bytes(unknown);
      for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    }
    json_.Member("value");
    json_.QuotedUnsigned(value);
  }
  json_.Member("bytes");
  json_.Base64(reader_.bytes(unknown));
  json_.EndObject();
  json_.EndLine();
}

void TreePrinter::NotParsed(const Unparsed& unparsed, std::string_view in) {
  findings_.unparsed = true;
  json_.Element();
  json_.BeginLine();
  json_.BeginObject();
  if (!in.empty()) {
    json_.Member("in");
    json_.Raw("\"");
    json_.Raw(in);
    json_.Raw("\"");
  }
  json_.Member("offset");
  json_.Unsigned(unparsed.begin);
  json_.Member("reason");
  json_.Text(unparsed.reason);
  json_.Member("bytes");
  json_.Base64(reader_.bytes(unparsed.begin, unparsed.end));
  json_.EndObject();
  json_.EndLine();
}

void TreePrinter::TooDeep(OccurrenceRange parts) {
  json_.Member("@unparsed");
  json_.BeginArray();
  for (uint32_t i = parts.first; i < parts.last; ++i) {
    const Occurrence& part = reader_.occurrence(i);
    NotParsed({part.begin, part.end, kTooDeep}, {});
  }
  json_.EndArray();
}

void TreePrinter::NoteEntry(const pb_field& map, const MapEntry& key, const DecodedMessage& entry) {
  EntryMarks marks;
  marks.in = FieldName(map) + "[" + KeyName(map, key) + "]";
  marks.several = key.several;
  for (size_t i = 0; i < entry.field_count(); ++i) marks.several |= entry.field(i).several;
  for (size_t i = 0; i < entry.unknown_count(); ++i) marks.unknown.push_back(entry.unknown(i));
  for (size_t i = 0; i < entry.unparsed_count(); ++i) marks.unparsed.push_back(entry.unparsed(i));
  entry_marks_.push_back(std::move(marks));
}

}  // namespace sallyport::policy
