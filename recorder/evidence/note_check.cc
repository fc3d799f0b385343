#include "recorder/evidence/note_check.h"

#include <algorithm>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "recorder/text.h"

namespace sallyport::recorder {
namespace {

constexpr char kEd25519 = 1;
constexpr size_t kKeyIdSize = 4;
constexpr size_t kPublicKeySize = 32;
constexpr size_t kMaxSignatures = 100;
constexpr std::string_view kDash = "\xE2\x80\x94 ";  // an em dash and a space

// Standard base64 with padding, and nothing else that would decode to the same.
std::optional<std::string> DecodeBase64(std::string_view text) {
  std::string bytes;
  if (!absl::Base64Unescape(View(text), &bytes) || View(text) != absl::Base64Escape(bytes)) return std::nullopt;
  return bytes;
}

std::string KeyId(std::string_view name, std::string_view public_key) {
  const char algorithm[] = {'\n', kEd25519};
  const Hash hash = Sha256({name, {algorithm, sizeof(algorithm)}, public_key});
  return {hash.data(), kKeyIdSize};
}

bool IsName(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](unsigned char c) {
    return c <= ' ' || c == '+' || c == 0x7F;
  });
}

// Takes a line with its newline off the front. False if there is no newline.
bool TakeLine(std::string_view& text, std::string_view& line) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

bool TakeSize(std::string_view line, uint64_t& size) {
  if (line.empty() || line.size() > 19 || (line.front() == '0' && line.size() > 1)) return false;
  if (!std::all_of(line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
  return absl::SimpleAtoi(View(line), &size);
}

absl::Status NoCheckpoint(std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("not a signed checkpoint: ", View(why)));
}

absl::Status ReadText(CheckpointNote& note) {
  std::string_view rest(note.text);
  std::string_view origin, size, root;
  if (!TakeLine(rest, origin) || !TakeLine(rest, size) || !TakeLine(rest, root)) {
    return NoCheckpoint("it has fewer than three lines");
  }
  if (origin.empty()) return NoCheckpoint("its origin is empty");
  note.origin = std::string(origin);
  if (!TakeSize(size, note.size)) return NoCheckpoint("its second line is no tree size");
  const std::optional<std::string> hash = DecodeBase64(root);
  if (!hash.has_value() || hash->size() != note.root.size()) return NoCheckpoint("its third line is no root hash");
  std::copy(hash->begin(), hash->end(), note.root.begin());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NoteKey> NoteKey::Parse(std::string_view text) {
  const absl::Status error = absl::InvalidArgumentError(
      absl::StrCat("\"", absl::CHexEscape(View(text.substr(0, 200))),
                   "\" is no verifier key: those are name+8 hex digits+base64, as `sallyport keys status` shows"));
  const size_t first = text.find('+');
  if (first == std::string_view::npos || text.size() < first + 2 + 2 * kKeyIdSize) return error;
  NoteKey key;
  key.name = std::string(text.substr(0, first));
  const std::string_view id = text.substr(first + 1, 2 * kKeyIdSize);
  if (!IsName(key.name) || text[first + 1 + 2 * kKeyIdSize] != '+') return error;
  const std::optional<std::string> encoded = DecodeBase64(text.substr(first + 2 + 2 * kKeyIdSize));
  if (!encoded.has_value() || encoded->size() != 1 + kPublicKeySize || encoded->front() != kEd25519) return error;
  key.public_key = encoded->substr(1);
  key.id = KeyId(key.name, key.public_key);
  if (absl::BytesToHexString(key.id) != View(id)) return error;
  return key;
}

NoteKey NoteKey::Of(std::string_view name, std::string_view public_key) {
  return {std::string(name), KeyId(name, public_key), std::string(public_key)};
}

std::string NoteKey::Format() const {
  return absl::StrCat(name, "+", absl::BytesToHexString(id), "+",
                      absl::Base64Escape(std::string(1, kEd25519) + public_key));
}

absl::StatusOr<CheckpointNote> CheckpointNote::Parse(std::string_view note) {
  if (note.size() > kMaxNoteSize) return NoCheckpoint("it is too long");
  // The last empty line divides text and signatures.
  const size_t divide = note.rfind("\n\n");
  if (divide == std::string_view::npos) return NoCheckpoint("it has no signatures");
  CheckpointNote result;
  result.text = std::string(note.substr(0, divide + 1));
  if (absl::Status status = ReadText(result); !status.ok()) return status;

  std::string_view rest = note.substr(divide + 2);
  while (!rest.empty()) {
    std::string_view line;
    if (!TakeLine(rest, line) || !line.starts_with(kDash)) return NoCheckpoint("a line is no signature");
    line.remove_prefix(kDash.size());
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || !IsName(line.substr(0, space))) {
      return NoCheckpoint("a signature has no name");
    }
    const std::optional<std::string> bytes = DecodeBase64(line.substr(space + 1));
    if (!bytes.has_value() || bytes->size() <= kKeyIdSize) return NoCheckpoint("a signature is no base64");
    if (result.signatures.size() == kMaxSignatures) return NoCheckpoint("it has too many signatures");
    result.signatures.push_back(
        {std::string(line.substr(0, space)), bytes->substr(0, kKeyIdSize), bytes->substr(kKeyIdSize)});
  }
  if (result.signatures.empty()) return NoCheckpoint("it has no signatures");
  return result;
}

absl::Status CheckpointNote::CheckSignature(const NoteKey& key) const {
  for (const Signature& signature : signatures) {
    if (signature.name != key.name || signature.id != key.id) continue;
    if (VerifyEd25519(key.public_key, text, signature.bytes)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("the signature of ", key.name, " is wrong"));
  }
  return absl::NotFoundError(absl::StrCat("there is no signature of ", key.Format()));
}

}  // namespace sallyport::recorder
