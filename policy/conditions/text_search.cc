#include "policy/conditions/text_search.h"

#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "policy/conditions/value.h"
#include "policy/messages/decoded_message.h"
#include "policy/messages/well_known_types.h"
#include "policy/text.h"
#include "protos/visible_text.h"

namespace sallyport::policy {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

namespace {

bool IsAscii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// What is no UTF-8 stays as it is.
std::string LowerCase(std::string_view text) {
  if (IsAscii(text)) return absl::AsciiStrToLower(View(text));
  std::string lower;
  lower.reserve(text.size());
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    if (character.valid) {
      AppendLowerCase(character.point, &lower);
    } else {
      lower.append(text.substr(0, character.bytes));
    }
    text.remove_prefix(character.bytes);
  }
  return lower;
}

// Goes through the levels of one message.
class MessageSearch {
 public:
  MessageSearch(const TextSearch& search, const MessageTypes& types) : search_(search), types_(types) {}

  bool undecodable() const { return undecodable_; }

  // Any holds a message that has a reader of its own; `outer` counts the levels around it.
  bool InMessage(const pb::Descriptor& type, std::string_view message, int outer) {
    MessageReader reader(types_, message);
    return InLevel(reader, type, reader.whole(), nullptr, outer);
  }

 private:
  bool InLevel(MessageReader& reader, const pb::Descriptor& type, OccurrenceRange parts, const DecodedMessage* above,
               int outer) {
    if (outer + (above == nullptr ? 0 : above->depth()) >= kMostDepth) {
      undecodable_ = true;
      return false;
    }
    const DecodedMessage level(reader, type, parts, above);
    undecodable_ |= level.unparsed_count() > 0;
    if (WellKnownTypeOf(type) == WellKnownType::kAny) return InAny(reader, level, outer);
    for (size_t i = 0; i < level.field_count(); ++i) {
      const DecodedField field = level.field(i);
      if (!field.displaced && InField(reader, level, field, outer)) return true;
    }
    return false;
  }

  bool InField(MessageReader& reader, const DecodedMessage& level, const DecodedField& field, int outer) {
    const pb_field& descriptor = *field.descriptor;
    const bool message = descriptor.cpp_type() == pb_field::CPPTYPE_MESSAGE;
    if (message && !descriptor.is_repeated()) {
      return InLevel(reader, *descriptor.message_type(), field.values, &level, outer);
    }
    if (!message && descriptor.type() != pb_field::TYPE_STRING) return false;
    for (uint32_t i = field.values.first; i < field.values.last; ++i) {
      if (message) {
        if (InLevel(reader, *descriptor.message_type(), {i, i + 1}, &level, outer)) return true;
      } else if (search_.IsIn(reader.bytes(reader.occurrence(i)))) {
        return true;
      }
    }
    return false;
  }

  bool InAny(MessageReader& reader, const DecodedMessage& level, int outer) {
    std::string_view url;
    std::string_view value;
    if (const DecodedField* const field = level.Find(kAnyTypeUrl)) {
      url = reader.bytes(reader.occurrence(field->values.last - 1));
    }
    if (const DecodedField* const field = level.Find(kAnyValue)) {
      value = reader.bytes(reader.occurrence(field->values.last - 1));
    }
    const size_t slash = url.rfind('/');
    const pb::Descriptor* const type =
        slash == std::string_view::npos ? nullptr : types_.FindMessage(std::string(url.substr(slash + 1)));
    if (type == nullptr) {
      undecodable_ |= !value.empty();
      return false;
    }
    return InMessage(*type, value, outer + level.depth());
  }

  const TextSearch& search_;
  const MessageTypes& types_;
  bool undecodable_ = false;
};

}  // namespace

absl::StatusOr<TextSearch> TextSearch::Create(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("no text is given");
  if (text.size() > kMostBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the text has ", text.size(), " bytes, more than ", kMostBytes));
  }
  if (!IsUtf8(text)) return absl::InvalidArgumentError("the text is not UTF-8");
  return TextSearch(LowerCase(text));
}

bool TextSearch::IsIn(std::string_view text) const {
  // No character has three times the bytes in lower case.
  if (text.size() < lower_.size() / 3) return false;
  const std::string lower = LowerCase(text);
  return memmem(lower.data(), lower.size(), lower_.data(), lower_.size()) != nullptr;
}

TextSearch::Found TextSearch::InMessage(const pb::Descriptor& type, std::string_view message,
                                        const MessageTypes& types) const {
  MessageSearch search(*this, types);
  if (search.InMessage(type, message, 0)) return Found::kYes;
  return search.undecodable() ? Found::kUndecodable : Found::kNo;
}

}  // namespace sallyport::policy
