#include "recorder/api_keys/api_key.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

// RFC 4648 base32 in lower case: 5 bits a character, all of which a double click selects.
constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kPrefix = "sallyport_";
constexpr size_t kIdSize = 10;
constexpr size_t kRandomSize = 52;
constexpr size_t kChecksumSize = 6;
constexpr size_t kTextSize = kPrefix.size() + kIdSize + 1 + kRandomSize + kChecksumSize;
constexpr size_t kMostNameBytes = 256;
constexpr size_t kMostGroups = 100;

bool IsInAlphabet(std::string_view text) { return text.find_first_not_of(kAlphabet) == std::string_view::npos; }

char Character(char byte) { return kAlphabet[static_cast<unsigned char>(byte) % kAlphabet.size()]; }

absl::Status AppendRandom(size_t size, std::string& text) {
  std::string bytes(size, '\0');
  absl::Status status = FillRandom(bytes.data(), bytes.size());
  for (char byte : bytes) text.push_back(Character(byte));
  Cleanse(bytes.data(), bytes.size());
  return status;
}

// Tells a typing error, or that a text found somewhere is a key, without asking anybody.
std::string ChecksumOf(std::string_view text) {
  const Hash hash = Sha256({"sallyport api key 1\n", text});
  std::string checksum;
  for (size_t i = 0; i < kChecksumSize; ++i) checksum.push_back(Character(hash[i]));
  return checksum;
}

absl::Time InSeconds(absl::Time time) {
  return time == absl::InfiniteFuture() ? time : absl::FromUnixSeconds(absl::ToUnixSeconds(time));
}

}  // namespace

bool ApiKey::Matches(std::string_view text) const {
  return EqualInConstantTime(AsText(HmacSha256(salt, text)), AsText(hash));
}

absl::StatusOr<NewApiKey> MakeApiKey(std::string_view subject, const std::vector<std::string>& groups, absl::Time now,
                                     absl::Time expires) {
  if (absl::Status status = CheckAccountName(subject); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the subject ", status.message()));
  }
  if (groups.size() > kMostGroups) return absl::InvalidArgumentError("there are more than 100 groups");
  for (const std::string& group : groups) {
    if (absl::Status status = CheckAccountName(group); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("a group ", status.message()));
    }
  }
  if (InSeconds(expires) <= now) return absl::InvalidArgumentError("the key would have expired already");

  std::string text(kPrefix);
  // Grown once, so that no part of it is left behind in memory.
  text.reserve(kTextSize);
  absl::Status status = AppendRandom(kIdSize, text);
  text.push_back('_');
  status.Update(AppendRandom(kRandomSize, text));
  NewApiKey made;
  made.key.salt.resize(ApiKey::kSaltSize);
  status.Update(FillRandom(made.key.salt.data(), made.key.salt.size()));
  text += ChecksumOf(text);
  made.text = SecretText(std::move(text));
  if (!status.ok()) return status;
  made.key.id = made.text.view().substr(kPrefix.size(), kIdSize);
  made.key.created = InSeconds(now);
  made.key.expires = InSeconds(expires);
  made.key.hash = HmacSha256(made.key.salt, made.text.view());
  made.key.subject = subject;
  made.key.groups = groups;
  return made;
}

bool IsApiKeyLike(std::string_view text) { return text.starts_with(kPrefix); }

std::optional<std::string_view> ApiKeyIdOf(std::string_view text) {
  if (text.size() != kTextSize || !text.starts_with(kPrefix)) return std::nullopt;
  const std::string_view id = text.substr(kPrefix.size(), kIdSize);
  const std::string_view secret = text.substr(kPrefix.size() + kIdSize + 1);
  if (text[kPrefix.size() + kIdSize] != '_' || !IsInAlphabet(id) || !IsInAlphabet(secret)) return std::nullopt;
  const std::string_view summed = text.substr(0, text.size() - kChecksumSize);
  if (ChecksumOf(summed) != text.substr(summed.size())) return std::nullopt;
  return id;
}

bool IsApiKeyId(std::string_view id) { return id.size() == kIdSize && IsInAlphabet(id); }

absl::Status CheckAccountName(std::string_view name) {
  const bool fine = !name.empty() && name.size() <= kMostNameBytes && IsPrintableAscii(name) && name.front() != ' ' &&
                    name.back() != ' ';
  if (fine) return absl::OkStatus();
  return absl::InvalidArgumentError("is not 1 to 256 characters of printable ASCII without spaces around");
}

}  // namespace sallyport::recorder
