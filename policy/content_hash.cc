#include "policy/content_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>

#include <cstdlib>
#include <memory>

#include "absl/strings/escaping.h"

namespace sallyport::policy {

namespace {

std::string Hex(const unsigned char (&digest)[SHA256_DIGEST_LENGTH]) {
  return absl::BytesToHexString(std::string(reinterpret_cast<const char*>(digest), sizeof digest));
}

}  // namespace

std::string ContentHash(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  return Hex(digest);
}

std::string ContentHash(absl::FunctionRef<std::string_view()> next) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool sound = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (std::string_view part = next(); part.data() != nullptr; part = next()) {
    sound = sound && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  // Fails only without memory.
  if (!sound || EVP_DigestFinal_ex(context.get(), digest, nullptr) != 1) std::abort();
  return Hex(digest);
}

namespace {

// HMAC made ready for a key, which costs several times what hashing a short text does. Of one thread.
class ReadyHmac {
 public:
  ReadyHmac() {
    static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    context_.reset(EVP_MAC_CTX_new(algorithm));
  }

  KeyedDigest Hash(const std::array<uint8_t, 32>& key, std::string_view head, std::string_view bytes) {
    bool sound = context_ != nullptr && Begin(key);
    KeyedDigest digest;
    size_t size = 0;
    for (const std::string_view part : {head, bytes}) {
      const auto* const data = reinterpret_cast<const unsigned char*>(part.data());
      sound = sound && (part.empty() || EVP_MAC_update(context_.get(), data, part.size()) == 1);
    }
    sound = sound && EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) == 1 && size == digest.size();
    // Only without memory; what would come out instead might be what is to be hidden, or equal for all values.
    if (!sound) std::abort();
    return digest;
  }

 private:
  bool Begin(const std::array<uint8_t, 32>& key) {
    if (has_key_ && key == key_) return EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1;
    key_ = key;
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
    has_key_ = EVP_MAC_init(context_.get(), key.data(), key.size(), parameters) == 1;
    return has_key_;
  }

  struct Free {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
  };
  std::unique_ptr<EVP_MAC_CTX, Free> context_;
  std::array<uint8_t, 32> key_ = {};
  bool has_key_ = false;
};

}  // namespace

KeyedDigest KeyedHash(const std::array<uint8_t, 32>& key, std::string_view bytes) { return KeyedHash(key, "", bytes); }

KeyedDigest KeyedHash(const std::array<uint8_t, 32>& key, std::string_view head, std::string_view bytes) {
  thread_local ReadyHmac hmac;
  return hmac.Hash(key, head, bytes);
}

}  // namespace sallyport::policy
