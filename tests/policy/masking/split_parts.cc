#include "tests/policy/masking/split_parts.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "policy/masking/field_options.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

// A field as it stands in a message.
struct Piece {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::string bytes;  // tag and all
  std::string content;
};

void Need(bool sound) {
  if (!sound) std::abort();  // not a message
}

std::string Wrapped(uint32_t number, WireType type, std::string_view content) {
  std::string bytes;
  AppendVarint(TagOf(number, type), &bytes);
  if (type == WireType::kLength) AppendVarint(content.size(), &bytes);
  bytes.append(content);
  if (type == WireType::kStartGroup) AppendVarint(TagOf(number, WireType::kEndGroup), &bytes);
  return bytes;
}

std::vector<Piece> PiecesOf(std::string_view bytes) {
  std::vector<Piece> pieces;
  WireReader reader(bytes);
  while (!reader.done()) {
    const char* const begin = reader.at();
    Piece piece;
    bool minimal = false;
    Need(reader.ReadTag(&piece.number, &piece.type, &minimal));
    const char* const value = reader.at();
    std::string_view content;
    if (piece.type == WireType::kLength) {
      Need(reader.ReadLength(&content, &minimal));
      piece.content = std::string(content);
    } else {
      Need(reader.SkipValue(piece.number, piece.type, kMostDepth));
      if (piece.type == WireType::kStartGroup) {
        const size_t end = VarintLength(TagOf(piece.number, WireType::kEndGroup));
        piece.content = std::string(value, static_cast<size_t>(reader.at() - value) - end);
      }
    }
    piece.bytes = std::string(begin, static_cast<size_t>(reader.at() - begin));
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

// The type of the message in a field, if it is known.
const pb::Descriptor* TypeIn(const pb::Descriptor& type, const pb::FieldDescriptor& field,
                             const std::vector<Piece>& siblings) {
  const pb::DescriptorPool& pool = *type.file()->pool();
  if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) return field.message_type();
  if (field.type() != pb::FieldDescriptor::TYPE_BYTES) return nullptr;
  if (type.full_name() != "google.protobuf.Any") return pool.FindMessageTypeByName(ReadFieldOptions(field).holds);
  std::string url;
  for (const Piece& piece : siblings) url = piece.number == 1 ? piece.content : url;
  return pool.FindMessageTypeByName(url.substr(url.rfind('/') + 1));
}

}  // namespace

std::string SplitParts(Chance& chance, const pb::Descriptor& type, std::string_view bytes) {
  std::vector<Piece> pieces = PiecesOf(bytes);
  // Parts that may come any time later, in their order, with one queue a field.
  std::vector<std::vector<std::string>> later;
  std::string out;
  const auto some_later = [&](bool all) {
    for (std::vector<std::string>& parts : later) {
      while (!parts.empty() && (all || chance.OneIn(2))) {
        out += parts.front();
        parts.erase(parts.begin());
      }
    }
  };
  for (const Piece& piece : pieces) {
    const pb::FieldDescriptor* field = type.FindFieldByNumber(static_cast<int>(piece.number));
    const bool holds = piece.type == WireType::kLength || piece.type == WireType::kStartGroup;
    const pb::Descriptor* const inner = field == nullptr || !holds ? nullptr : TypeIn(type, *field, pieces);
    if (inner == nullptr) {
      out += piece.bytes;
      some_later(false);
      continue;
    }
    const std::string content = SplitParts(chance, *inner, piece.content);
    const bool merges = field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE && !field->is_repeated();
    if (!merges || chance.OneIn(3)) {
      out += Wrapped(piece.number, piece.type, content);
      some_later(false);
      continue;
    }
    std::vector<std::string> parts(1);
    for (const Piece& part : PiecesOf(content)) {
      if (chance.OneIn(2)) parts.emplace_back();
      parts.back() += part.bytes;
    }
    if (chance.OneIn(4)) parts.emplace_back();  // of nothing
    for (std::string& part : parts) part = Wrapped(piece.number, piece.type, part);
    // Another arm of a oneof in between would begin a new message.
    const bool together = field->real_containing_oneof() != nullptr;
    out += parts.front();
    parts.erase(parts.begin());
    later.push_back(std::move(parts));
    if (together) some_later(true);
    some_later(false);
  }
  some_later(true);
  return out;
}

}  // namespace sallyport::policy
