// Hybrid public key encryption (RFC 9180) in one suite and mode: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
// AES-256-GCM, one message per context.
#ifndef SALLYPORT_RECORDER_CRYPTO_HPKE_H_
#define SALLYPORT_RECORDER_CRYPTO_HPKE_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "recorder/crypto/crypto.h"

namespace sallyport::recorder {

constexpr size_t kX25519KeySize = 32;

// The X25519 public key (RFC 7748) of a private one: any 32 bytes.
std::string X25519PublicKey(const SecretKey& private_key);

struct HpkeMessage {
  std::string encapsulated_key;
  std::string ciphertext;
};
// Seals to who holds the private key of `public_key`. INVALID_ARGUMENT if that is no X25519 public key to seal to.
absl::StatusOr<HpkeMessage> HpkeSeal(std::string_view public_key, std::string_view info, std::string_view associated,
                                     std::string_view plain);
// Nothing if the message is not one that was sealed to this key with this info and associated data.
std::optional<std::string> HpkeOpen(const SecretKey& private_key, const HpkeMessage& message, std::string_view info,
                                    std::string_view associated);

// HpkeSeal with the ephemeral key given, for test vectors: one that was used must never be used again.
absl::StatusOr<HpkeMessage> HpkeSealWithEphemeral(const SecretKey& ephemeral, std::string_view public_key,
                                                  std::string_view info, std::string_view associated,
                                                  std::string_view plain);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CRYPTO_HPKE_H_
