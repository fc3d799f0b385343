#include "recorder/credential_fingerprint.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "recorder/log/file.h"
#include "recorder/text.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kPrefix = "hmac-sha256:";

}  // namespace

absl::StatusOr<std::unique_ptr<CredentialFingerprint>> CredentialFingerprint::Open(const std::string& path) {
  absl::StatusOr<std::string> key = ReadWholeFile(path, kKeySize + 1);
  if (absl::IsNotFound(key.status())) {
    std::string fresh(kKeySize, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(fresh.data()), static_cast<int>(fresh.size())) != 1) {
      return absl::InternalError("no random bytes to be had for the key of credential fingerprints");
    }
    if (absl::Status status = ReplaceFile(path, fresh); !status.ok()) return status;
    key = std::move(fresh);
  }
  if (!key.ok()) return key.status();
  if (key->size() != kKeySize) {
    return absl::DataLossError(
        absl::StrCat(path, " should hold ", kKeySize, " bytes, the key of credential fingerprints, but does not; ",
                     "restore it, or move it away to begin with a new key (old fingerprints then match no new ones)"));
  }
  return std::make_unique<CredentialFingerprint>(*std::move(key));
}

bool CredentialFingerprint::IsCredentialName(std::string_view name) {
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
  unsigned char digest[EVP_MAX_MD_SIZE] = {};
  unsigned int length = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(credential.data()), credential.size(), digest, &length);
  Text text;
  kPrefix.copy(text.data(), kPrefix.size());
  constexpr std::string_view kHex = "0123456789abcdef";
  for (size_t i = 0; i < (kTextSize - kPrefix.size()) / 2; ++i) {
    text[kPrefix.size() + 2 * i] = kHex[digest[i] >> 4];
    text[kPrefix.size() + 2 * i + 1] = kHex[digest[i] & 15];
  }
  return text;
}

}  // namespace sallyport::recorder
