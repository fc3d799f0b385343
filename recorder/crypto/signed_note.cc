#include "recorder/crypto/signed_note.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/crypto/strict_text.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kDash = "\xE2\x80\x94 ";  // U+2014 and a space
constexpr size_t kKeyIdBytes = 4;
constexpr size_t kTimeBytes = 8;
constexpr size_t kMaxNameSize = 1024;
// Fails in the caller with what is wrong.
absl::Status Malformed(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("not a signed note: ", problem));
}

uint64_t BigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

// Takes one code point off the front of `text`. Nothing if it does not begin with one in well-formed UTF-8.
std::optional<char32_t> TakeCodePoint(std::string_view& text) {
  const unsigned char first = text.front();
  const size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  if (length == 0 || text.size() < length) return std::nullopt;
  char32_t point = length == 1 ? first : first & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    const unsigned char byte = text[i];
    if (byte >> 6 != 2) return std::nullopt;
    point = point << 6 | (byte & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return std::nullopt;
  text.remove_prefix(length);
  return point;
}

bool IsSpace(char32_t point) {
  return (point >= 0x09 && point <= 0x0d) || point == ' ' || point == 0x85 || point == 0xa0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 || point == 0x202f ||
         point == 0x205f || point == 0x3000;
}

// Well-formed UTF-8 without control characters but newlines.
bool IsNoteText(std::string_view text) {
  while (!text.empty()) {
    const std::optional<char32_t> point = TakeCodePoint(text);
    if (!point.has_value() || (*point < 0x20 && *point != '\n')) return false;
  }
  return true;
}

bool IsKeyName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameSize) return false;
  while (!name.empty()) {
    const std::optional<char32_t> point = TakeCodePoint(name);
    if (!point.has_value() || *point < 0x20 || IsSpace(*point) || *point == '+') return false;
  }
  return true;
}

// What a key signs: the text itself, or what a witness puts before it.
std::string CosignedMessage(uint64_t time, std::string_view text) {
  return absl::StrCat("cosignature/v1\ntime ", time, "\n", View(text));
}

// The time of a good signature, 0 where there is none. Nothing if it is wrong.
std::optional<uint64_t> VerifyOne(const VerifierKey& key, std::string_view text, std::string_view signature) {
  if (key.type() == SignatureType::kEd25519) {
    if (!VerifyEd25519(key.public_key(), text, signature)) return std::nullopt;
    return 0;
  }
  if (signature.size() != kTimeBytes + SigningKey::kSignatureSize) return std::nullopt;
  const uint64_t time = BigEndian(signature.substr(0, kTimeBytes));
  if (time >> 63 != 0) return std::nullopt;
  if (!VerifyEd25519(key.public_key(), CosignedMessage(time, text), signature.substr(kTimeBytes))) return std::nullopt;
  return time;
}

}  // namespace

absl::StatusOr<VerifierKey> VerifierKey::Make(std::string_view name, SignatureType type, std::string_view public_key) {
  if (!IsKeyName(name)) {
    return absl::InvalidArgumentError("a key's name is one or more characters, none of them a space or \"+\"");
  }
  if (public_key.size() != SigningKey::kPublicSize) {
    return absl::InvalidArgumentError(absl::StrCat("a public key of ", public_key.size(), " bytes is not Ed25519's"));
  }
  VerifierKey key;
  key.name_ = name;
  key.type_ = type;
  key.public_key_ = public_key;
  const char type_byte = static_cast<char>(type);
  const Hash hash = Sha256({name, "\n", std::string_view(&type_byte, 1), public_key});
  key.id_ = static_cast<uint32_t>(BigEndian(AsText(hash).substr(0, kKeyIdBytes)));
  return key;
}

absl::StatusOr<VerifierKey> VerifierKey::Parse(std::string_view text) {
  constexpr absl::string_view kExpected = "a verifier key is NAME+8 HEX DIGITS+BASE64";
  const size_t first = text.find('+');
  const size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos || second - first != 9) return absl::InvalidArgumentError(kExpected);
  const std::optional<std::string> bytes = ParseBase64(text.substr(second + 1));
  if (!bytes.has_value() || bytes->empty()) return absl::InvalidArgumentError(kExpected);
  const auto type = static_cast<SignatureType>(bytes->front());
  if (type != SignatureType::kEd25519 && type != SignatureType::kCosignature) {
    return absl::InvalidArgumentError(
        absl::StrCat("a verifier key of type ", static_cast<unsigned char>(bytes->front()),
                     " is not known; known are 1 (Ed25519) and 4 (Ed25519 cosignatures)"));
  }
  absl::StatusOr<VerifierKey> key = Make(text.substr(0, first), type, std::string_view(*bytes).substr(1));
  if (!key.ok()) return key.status();
  if (key->Text() != text) {
    return absl::InvalidArgumentError(
        absl::StrCat("the verifier key's id does not fit its name and key, for which it is ",
                     absl::StrFormat("%08x", key->id()), " in lower case"));
  }
  return key;
}

std::string VerifierKey::Text() const {
  const char type = static_cast<char>(type_);
  return absl::StrCat(name_, "+", absl::StrFormat("%08x", id_), "+",
                      Base64(absl::StrCat(absl::string_view(&type, 1), public_key_)));
}

std::string NoteSignature::Line() const {
  std::string bytes_with_id(kKeyIdBytes, '\0');
  for (size_t i = 0; i < kKeyIdBytes; ++i) bytes_with_id[i] = static_cast<char>(key_id >> (24 - 8 * i) & 0xff);
  bytes_with_id += bytes;
  return absl::StrCat(View(kDash), name, " ", Base64(bytes_with_id), "\n");
}

absl::StatusOr<std::vector<NoteSignature>> ParseSignatureLines(std::string_view lines) {
  if (lines.size() > kMaxNoteSize) return Malformed("the signatures are too long");
  if (lines.empty() || lines.back() != '\n') return Malformed("it does not end in a line with a signature");
  std::vector<NoteSignature> signatures;
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    if (signatures.size() == kMaxNoteSignatures) return Malformed("it has too many signatures");
    const std::string problem = absl::StrCat("signature line ", signatures.size() + 1, " is malformed");
    if (!line.starts_with(kDash)) return Malformed(problem);
    line.remove_prefix(kDash.size());
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || !IsKeyName(line.substr(0, space))) return Malformed(problem);
    const std::optional<std::string> bytes = ParseBase64(line.substr(space + 1));
    if (!bytes.has_value() || bytes->size() <= kKeyIdBytes) return Malformed(problem);
    signatures.push_back({.name = std::string(line.substr(0, space)),
                          .key_id = static_cast<uint32_t>(BigEndian(std::string_view(*bytes).substr(0, kKeyIdBytes))),
                          .bytes = bytes->substr(kKeyIdBytes)});
  }
  return signatures;
}

absl::StatusOr<SignedNote> SignedNote::Parse(std::string_view note) {
  if (note.size() > kMaxNoteSize) {
    return Malformed(absl::StrCat("it has ", note.size(), " bytes, more than the ", kMaxNoteSize, " allowed"));
  }
  if (!IsNoteText(note)) return Malformed("it is not UTF-8 text without control characters");
  const size_t split = note.rfind("\n\n");
  if (split == std::string_view::npos) return Malformed("no empty line separates text and signatures");
  absl::StatusOr<std::vector<NoteSignature>> signatures = ParseSignatureLines(note.substr(split + 2));
  if (!signatures.ok()) return signatures.status();
  return SignedNote{.text = std::string(note.substr(0, split + 1)), .signatures = *std::move(signatures)};
}

std::string SignedNote::Format() const {
  std::string note = text + "\n";
  for (const NoteSignature& signature : signatures) note += signature.Line();
  return note;
}

absl::StatusOr<std::vector<VerifiedSignature>> VerifyNote(const SignedNote& note, absl::Span<const VerifierKey> keys) {
  std::vector<VerifiedSignature> verified;
  for (size_t line = 0; line < note.signatures.size(); ++line) {
    const NoteSignature& signature = note.signatures[line];
    for (size_t key = 0; key < keys.size(); ++key) {
      if (keys[key].name() != signature.name || keys[key].id() != signature.key_id) continue;
      const std::optional<uint64_t> time = VerifyOne(keys[key], note.text, signature.bytes);
      if (!time.has_value()) {
        return absl::InvalidArgumentError(absl::StrCat("the signature of ", signature.name, " is wrong"));
      }
      verified.push_back({.key = key, .line = line, .time_seconds = *time});
      break;
    }
  }
  if (verified.empty()) return absl::InvalidArgumentError("none of the expected keys signed the note");
  return verified;
}

absl::StatusOr<SignedNote> SignNote(std::string_view text, std::string_view name, const SigningKey& key) {
  if (text.empty() || text.back() != '\n' || text.size() > kMaxNoteSize / 2 || !IsNoteText(text)) {
    return absl::InvalidArgumentError("a note's text is lines of UTF-8, the last with its newline");
  }
  absl::StatusOr<VerifierKey> verifier = VerifierKey::Make(name, SignatureType::kEd25519, key.public_key());
  if (!verifier.ok()) return verifier.status();
  return SignedNote{.text = std::string(text),
                    .signatures = {{.name = std::string(name), .key_id = verifier->id(), .bytes = key.Sign(text)}}};
}

}  // namespace sallyport::recorder
