// The cryptographic primitives the recorder uses. Behind this header stands OpenSSL, and nothing else in the recorder
// includes it.
#ifndef SALLYPORT_RECORDER_CRYPTO_CRYPTO_H_
#define SALLYPORT_RECORDER_CRYPTO_CRYPTO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sallyport::recorder {

// A SHA-256 digest.
using Hash = std::array<char, 32>;

inline std::string_view AsText(const Hash& hash) { return {hash.data(), hash.size()}; }

// Of the parts one after another.
Hash Sha256(std::initializer_list<std::string_view> parts);

// The same of bytes that come piece by piece. Not thread-safe.
class Sha256Stream {
 public:
  Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  ~Sha256Stream();

  void Add(std::string_view bytes);
  // Of all that was added. Once.
  Hash Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// RFC 2104.
Hash HmacSha256(std::string_view key, std::string_view data);

// Fills `out` from the operating system's generator. INTERNAL if it has none to give.
absl::Status FillRandom(char* out, size_t size);

// Whether two texts are equal, in a time that does not depend on where they differ.
bool EqualInConstantTime(std::string_view a, std::string_view b);

// Overwrites bytes that were secret.
void Cleanse(char* bytes, size_t size);

// 32 secret bytes, overwritten when dropped. Copies are made only by Copy.
class SecretKey {
 public:
  static constexpr size_t kSize = 32;

  static absl::StatusOr<SecretKey> Random();
  // `bytes` must have kSize bytes.
  explicit SecretKey(std::string_view bytes);
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  ~SecretKey();

  SecretKey Copy() const { return SecretKey(bytes()); }
  std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }
  // The key for one purpose: HKDF-Expand (RFC 5869) with SHA-256, from this key as the pseudorandom one.
  SecretKey Derive(std::string_view purpose) const;

 private:
  SecretKey() = default;

  std::array<char, kSize> bytes_ = {};
};

// AES-256-GCM (NIST SP 800-38D) under one key. Not thread-safe.
class Aes256Gcm {
 public:
  static constexpr size_t kNonceSize = 12;
  static constexpr size_t kTagSize = 16;
  using Nonce = std::array<char, kNonceSize>;

  explicit Aes256Gcm(const SecretKey& key);
  Aes256Gcm(Aes256Gcm&&) noexcept;
  Aes256Gcm& operator=(Aes256Gcm&&) noexcept;
  ~Aes256Gcm();

  // Appends ciphertext and tag to `out`. A nonce must never be used twice with one key.
  void Seal(const Nonce& nonce, std::string_view associated, std::string_view plain, std::string& out);
  // Replaces `out` with what was sealed. False, with nothing in `out`, if the bytes are not what Seal made with this
  // key, nonce and associated data.
  bool Open(const Nonce& nonce, std::string_view associated, std::string_view sealed, std::string& out);
  // The same in the place of what was sealed: for what is large.
  bool OpenInPlace(const Nonce& nonce, std::string_view associated, std::string& sealed);

 private:
  struct Contexts;

  // Opens `cipher` into `plain`, which may be the same bytes.
  bool Open(const Nonce& nonce, std::string_view associated, std::string_view cipher, std::string_view tag,
            char* plain);

  std::unique_ptr<Contexts> contexts_;
};

// `size` bytes that depend on a 16-byte seed alone and look random without it: the AES-128-CTR keystream from counter
// 0.
std::string Keystream(std::string_view seed, size_t size);

// Ed25519 (RFC 8032).
class SigningKey {
 public:
  static constexpr size_t kPublicSize = 32;
  static constexpr size_t kSignatureSize = 64;

  explicit SigningKey(const SecretKey& seed);
  SigningKey(SigningKey&&) noexcept;
  ~SigningKey();

  const std::string& public_key() const { return public_key_; }
  // Thread-safe.
  std::string Sign(std::string_view message) const;

 private:
  struct Key;
  std::unique_ptr<Key> key_;
  std::string public_key_;
};
bool VerifyEd25519(std::string_view public_key, std::string_view message, std::string_view signature);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CRYPTO_CRYPTO_H_
