// The one-shot functions of OpenSSL 3 fetch and allocate on every use, which costs small inputs more than their hash.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "recorder/crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <utility>

namespace sallyport::recorder {
namespace {

const unsigned char* Unsigned(const char* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }
unsigned char* Unsigned(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

// What OpenSSL can only refuse for want of memory or because it is used wrongly.
void Must(bool done) {
  if (!done) std::abort();
}

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeKey>;

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

// Lengths are ints there; larger inputs go in pieces.
constexpr size_t kPiece = size_t{1} << 30;

void Update(EVP_CIPHER_CTX* context, bool encrypt, char* out, std::string_view in) {
  while (!in.empty()) {
    const std::string_view piece = in.substr(0, kPiece);
    int written = 0;
    Must((encrypt ? EVP_EncryptUpdate : EVP_DecryptUpdate)(context, out == nullptr ? nullptr : Unsigned(out), &written,
                                                           Unsigned(piece.data()),
                                                           static_cast<int>(piece.size())) == 1);
    if (out != nullptr) out += written;
    in.remove_prefix(piece.size());
  }
}

}  // namespace

Hash Sha256(std::initializer_list<std::string_view> parts) {
  SHA256_CTX context;
  SHA256_Init(&context);
  for (std::string_view part : parts) SHA256_Update(&context, part.data(), part.size());
  Hash hash;
  SHA256_Final(Unsigned(hash.data()), &context);
  return hash;
}

struct Sha256Stream::Context {
  DigestContext digest{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  Must(context_->digest != nullptr && EVP_DigestInit_ex(context_->digest.get(), EVP_sha256(), nullptr) == 1);
}
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Add(std::string_view bytes) {
  Must(EVP_DigestUpdate(context_->digest.get(), bytes.data(), bytes.size()) == 1);
}

Hash Sha256Stream::Finish() {
  Hash hash;
  unsigned int length = 0;
  Must(EVP_DigestFinal_ex(context_->digest.get(), Unsigned(hash.data()), &length) == 1 && length == hash.size());
  return hash;
}

Hash HmacSha256(std::string_view key, std::string_view data) {
  Hash hash;
  unsigned int length = 0;
  Must(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Unsigned(data.data()), data.size(),
            Unsigned(hash.data()), &length) != nullptr);
  return hash;
}

absl::Status FillRandom(char* out, size_t size) {
  if (RAND_bytes(Unsigned(out), static_cast<int>(size)) == 1) return absl::OkStatus();
  return absl::InternalError("the system has no random bytes to give");
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void Cleanse(char* bytes, size_t size) { OPENSSL_cleanse(bytes, size); }

absl::StatusOr<SecretKey> SecretKey::Random() {
  SecretKey key;
  if (absl::Status status = FillRandom(key.bytes_.data(), kSize); !status.ok()) return status;
  return key;
}

SecretKey::SecretKey(std::string_view bytes) {
  assert(bytes.size() == kSize);
  std::copy_n(bytes.begin(), kSize, bytes_.begin());
}

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) { Cleanse(other.bytes_.data(), kSize); }

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this == &other) return *this;
  bytes_ = other.bytes_;
  Cleanse(other.bytes_.data(), kSize);
  return *this;
}

SecretKey::~SecretKey() { Cleanse(bytes_.data(), kSize); }

SecretKey SecretKey::Derive(std::string_view purpose) const {
  // The first block of HKDF-Expand is HMAC(key, info || 0x01).
  std::string info(purpose);
  info.push_back('\x01');
  Hash derived = HmacSha256(bytes(), info);
  SecretKey key{AsText(derived)};
  Cleanse(derived.data(), derived.size());
  return key;
}

struct Aes256Gcm::Contexts {
  CipherContext seal{EVP_CIPHER_CTX_new()};
  CipherContext open{EVP_CIPHER_CTX_new()};
};

Aes256Gcm::Aes256Gcm(const SecretKey& key) : contexts_(std::make_unique<Contexts>()) {
  Must(contexts_->seal != nullptr && contexts_->open != nullptr);
  const unsigned char* bytes = Unsigned(key.bytes().data());
  Must(EVP_EncryptInit_ex(contexts_->seal.get(), EVP_aes_256_gcm(), nullptr, bytes, nullptr) == 1);
  Must(EVP_DecryptInit_ex(contexts_->open.get(), EVP_aes_256_gcm(), nullptr, bytes, nullptr) == 1);
}
Aes256Gcm::Aes256Gcm(Aes256Gcm&&) noexcept = default;
Aes256Gcm& Aes256Gcm::operator=(Aes256Gcm&&) noexcept = default;
Aes256Gcm::~Aes256Gcm() = default;

void Aes256Gcm::Seal(const Nonce& nonce, std::string_view associated, std::string_view plain, std::string& out) {
  EVP_CIPHER_CTX* context = contexts_->seal.get();
  Must(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, Unsigned(nonce.data())) == 1);
  Update(context, true, nullptr, associated);
  const size_t begin = out.size();
  out.resize(begin + plain.size() + kTagSize);
  Update(context, true, out.data() + begin, plain);
  char* tag = out.data() + begin + plain.size();
  int written = 0;
  Must(EVP_EncryptFinal_ex(context, Unsigned(tag), &written) == 1);
  Must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTagSize, tag) == 1);
}

bool Aes256Gcm::Open(const Nonce& nonce, std::string_view associated, std::string_view sealed, std::string& out) {
  out.clear();
  if (sealed.size() < kTagSize) return false;
  const std::string_view cipher = sealed.substr(0, sealed.size() - kTagSize);
  out.resize(cipher.size());
  if (Open(nonce, associated, cipher, sealed.substr(cipher.size()), out.data())) return true;
  out.clear();
  return false;
}

bool Aes256Gcm::OpenInPlace(const Nonce& nonce, std::string_view associated, std::string& sealed) {
  const size_t size = sealed.size() < kTagSize ? 0 : sealed.size() - kTagSize;
  const std::string_view bytes = sealed;
  const bool opened =
      bytes.size() >= kTagSize && Open(nonce, associated, bytes.substr(0, size), bytes.substr(size), sealed.data());
  sealed.resize(opened ? size : 0);
  return opened;
}

bool Aes256Gcm::Open(const Nonce& nonce, std::string_view associated, std::string_view cipher, std::string_view tag,
                     char* plain) {
  EVP_CIPHER_CTX* context = contexts_->open.get();
  Must(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, Unsigned(nonce.data())) == 1);
  Update(context, false, nullptr, associated);
  Update(context, false, plain, cipher);
  std::string expected(tag);
  Must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, kTagSize, expected.data()) == 1);
  int written = 0;
  if (EVP_DecryptFinal_ex(context, nullptr, &written) == 1) return true;
  Cleanse(plain, cipher.size());
  return false;
}

std::string Keystream(std::string_view seed, size_t size) {
  assert(seed.size() == 16);
  CipherContext context(EVP_CIPHER_CTX_new());
  const unsigned char counter[16] = {};
  Must(context != nullptr &&
       EVP_EncryptInit_ex(context.get(), EVP_aes_128_ctr(), nullptr, Unsigned(seed.data()), counter) == 1);
  std::string stream(size, '\0');
  // In place, as the cipher allows.
  Update(context.get(), true, stream.data(), stream);
  return stream;
}

struct SigningKey::Key {
  KeyPointer key;
};

SigningKey::SigningKey(const SecretKey& seed) : key_(std::make_unique<Key>()), public_key_(kPublicSize, '\0') {
  key_->key.reset(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Unsigned(seed.bytes().data()), SecretKey::kSize));
  size_t size = kPublicSize;
  Must(key_->key != nullptr && EVP_PKEY_get_raw_public_key(key_->key.get(), Unsigned(public_key_.data()), &size) == 1);
}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

std::string SigningKey::Sign(std::string_view message) const {
  DigestContext context(EVP_MD_CTX_new());
  std::string signature(kSignatureSize, '\0');
  size_t size = signature.size();
  Must(context != nullptr && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->key.get()) == 1 &&
       EVP_DigestSign(context.get(), Unsigned(signature.data()), &size, Unsigned(message.data()), message.size()) == 1);
  return signature;
}

bool VerifyEd25519(std::string_view public_key, std::string_view message, std::string_view signature) {
  if (public_key.size() != SigningKey::kPublicSize || signature.size() != SigningKey::kSignatureSize) return false;
  KeyPointer key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Unsigned(public_key.data()), public_key.size()));
  if (key == nullptr) return false;
  DigestContext context(EVP_MD_CTX_new());
  return context != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), Unsigned(signature.data()), signature.size(), Unsigned(message.data()),
                          message.size()) == 1;
}

}  // namespace sallyport::recorder
