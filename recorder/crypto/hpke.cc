#include "recorder/crypto/hpke.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

using namespace std::string_view_literals;

// RFC 9180, sections 4.1 and 5.1: what the labels of the KEM and of the key schedule are bound to.
constexpr std::string_view kKemSuite = "KEM\x00\x20"sv;
constexpr std::string_view kHpkeSuite = "HPKE\x00\x20\x00\x01\x00\x02"sv;
constexpr std::string_view kVersion = "HPKE-v1";

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeKey>;

struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using ContextPointer = std::unique_ptr<EVP_PKEY_CTX, FreeContext>;

KeyPointer PrivateKey(const SecretKey& key) {
  KeyPointer pointer(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_X25519, nullptr, reinterpret_cast<const unsigned char*>(key.bytes().data()), SecretKey::kSize));
  if (pointer == nullptr) std::abort();  // any 32 bytes are a key
  return pointer;
}

std::string PublicBytes(EVP_PKEY* key) {
  std::string bytes(kX25519KeySize, '\0');
  size_t size = bytes.size();
  if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(bytes.data()), &size) != 1) std::abort();
  return bytes;
}

// RFC 7748 section 6.1. Nothing if the result is all zeros, as it is with a public key of small order.
std::optional<SecretKey> Exchange(EVP_PKEY* own, std::string_view other) {
  if (other.size() != kX25519KeySize) return std::nullopt;
  KeyPointer peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr,
                                              reinterpret_cast<const unsigned char*>(other.data()), other.size()));
  ContextPointer context(EVP_PKEY_CTX_new(own, nullptr));
  Hash shared = {};
  size_t size = shared.size();
  if (peer == nullptr || context == nullptr || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(shared.data()), &size) != 1 ||
      size != shared.size() || EqualInConstantTime(AsText(shared), AsText(Hash{}))) {
    return std::nullopt;
  }
  SecretKey key(AsText(shared));
  Cleanse(shared.data(), shared.size());
  return key;
}

// RFC 9180 section 4: LabeledExtract.
SecretKey LabeledExtract(std::string_view suite, std::string_view salt, std::string_view label, std::string_view ikm) {
  std::string labeled = absl::StrCat(View(kVersion), View(suite), View(label), View(ikm));
  Hash hash = HmacSha256(salt, labeled);
  SecretKey key(AsText(hash));
  Cleanse(hash.data(), hash.size());
  Cleanse(labeled.data(), labeled.size());
  return key;
}

// RFC 9180 section 4: LabeledExpand, to at most one block of HKDF; what is beyond `size` is not to be used.
SecretKey LabeledExpand(std::string_view suite, const SecretKey& key, std::string_view label, std::string_view info,
                        size_t size) {
  const char length[] = {static_cast<char>(size >> 8), static_cast<char>(size)};
  return key.Derive(absl::StrCat(absl::string_view(length, 2), View(kVersion), View(suite), View(label), View(info)));
}

// What seals or opens the one message of a context.
struct MessageKey {
  SecretKey key;
  Aes256Gcm::Nonce nonce;
};

// Sections 4.1 (ExtractAndExpand) and 5.1 (KeySchedule with mode base).
MessageKey Schedule(const SecretKey& shared, std::string_view encapsulated_key, std::string_view public_key,
                    std::string_view info) {
  const SecretKey prk = LabeledExtract(kKemSuite, "", "eae_prk", shared.bytes());
  const SecretKey secret = LabeledExpand(kKemSuite, prk, "shared_secret",
                                         absl::StrCat(View(encapsulated_key), View(public_key)), SecretKey::kSize);
  const std::string context =
      absl::StrCat(absl::string_view("\0", 1), View(LabeledExtract(kHpkeSuite, "", "psk_id_hash", "").bytes()),
                   View(LabeledExtract(kHpkeSuite, "", "info_hash", info).bytes()));
  const SecretKey scheduled = LabeledExtract(kHpkeSuite, secret.bytes(), "secret", "");
  MessageKey message{LabeledExpand(kHpkeSuite, scheduled, "key", context, SecretKey::kSize), {}};
  const SecretKey nonce = LabeledExpand(kHpkeSuite, scheduled, "base_nonce", context, Aes256Gcm::kNonceSize);
  // The first message's: the sequence number that goes into it is 0.
  std::copy_n(nonce.bytes().begin(), message.nonce.size(), message.nonce.begin());
  return message;
}

}  // namespace

std::string X25519PublicKey(const SecretKey& private_key) { return PublicBytes(PrivateKey(private_key).get()); }

absl::StatusOr<HpkeMessage> HpkeSealWithEphemeral(const SecretKey& ephemeral, std::string_view public_key,
                                                  std::string_view info, std::string_view associated,
                                                  std::string_view plain) {
  const KeyPointer own = PrivateKey(ephemeral);
  const std::optional<SecretKey> shared = Exchange(own.get(), public_key);
  if (!shared.has_value()) return absl::InvalidArgumentError("no X25519 public key that can be sealed to");
  HpkeMessage message;
  message.encapsulated_key = PublicBytes(own.get());
  const MessageKey key = Schedule(*shared, message.encapsulated_key, public_key, info);
  Aes256Gcm(key.key).Seal(key.nonce, associated, plain, message.ciphertext);
  return message;
}

absl::StatusOr<HpkeMessage> HpkeSeal(std::string_view public_key, std::string_view info, std::string_view associated,
                                     std::string_view plain) {
  const absl::StatusOr<SecretKey> ephemeral = SecretKey::Random();
  if (!ephemeral.ok()) return ephemeral.status();
  return HpkeSealWithEphemeral(*ephemeral, public_key, info, associated, plain);
}

std::optional<std::string> HpkeOpen(const SecretKey& private_key, const HpkeMessage& message, std::string_view info,
                                    std::string_view associated) {
  const KeyPointer own = PrivateKey(private_key);
  const std::optional<SecretKey> shared = Exchange(own.get(), message.encapsulated_key);
  if (!shared.has_value()) return std::nullopt;
  const MessageKey key = Schedule(*shared, message.encapsulated_key, PublicBytes(own.get()), info);
  std::string plain;
  if (!Aes256Gcm(key.key).Open(key.nonce, associated, message.ciphertext, plain)) return std::nullopt;
  return plain;
}

}  // namespace sallyport::recorder
