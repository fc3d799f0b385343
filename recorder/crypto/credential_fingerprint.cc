#include "recorder/crypto/credential_fingerprint.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kPrefix = "hmac-sha256:";

}  // namespace

bool CredentialFingerprint::IsCredentialName(std::string_view name) {
  constexpr std::string_view kBinary = "-bin";
  if (name.size() > kBinary.size() && absl::EndsWithIgnoreCase(View(name), View(kBinary))) {
    name.remove_suffix(kBinary.size());
  }
  switch (name.size()) {
    case 6:
      return absl::EqualsIgnoreCase(View(name), "cookie");
    case 10:
      return absl::EqualsIgnoreCase(View(name), "set-cookie");
    case 13:
      return absl::EqualsIgnoreCase(View(name), "authorization");
    case 19:
      return absl::EqualsIgnoreCase(View(name), "proxy-authorization");
    default:
      return false;
  }
}

CredentialFingerprint::Text CredentialFingerprint::Of(std::string_view credential) const {
  if (credential.size() > kLongestRemembered) return Compute(credential);
  Shard& shard = shards_[TextHash()(credential) % kShards];
  {
    std::lock_guard lock(shard.mutex);
    if (auto found = shard.remembered.find(credential); found != shard.remembered.end()) return found->second;
  }
  const Text text = Compute(credential);
  std::lock_guard lock(shard.mutex);
  if (shard.remembered.size() >= kRememberedPerShard) shard.remembered.clear();
  shard.remembered.emplace(credential, text);
  return text;
}

CredentialFingerprint::Text CredentialFingerprint::Compute(std::string_view credential) const {
  const Hash digest = HmacSha256(key_.bytes(), credential);
  Text text;
  kPrefix.copy(text.data(), kPrefix.size());
  constexpr std::string_view kHex = "0123456789abcdef";
  for (size_t i = 0; i < (kTextSize - kPrefix.size()) / 2; ++i) {
    text[kPrefix.size() + 2 * i] = kHex[static_cast<uint8_t>(digest[i]) >> 4];
    text[kPrefix.size() + 2 * i + 1] = kHex[digest[i] & 15];
  }
  return text;
}

}  // namespace sallyport::recorder
