// Signatures of tokens (RFC 7518 section 3, RFC 8037). Behind this header stands OpenSSL. Not cjose, which as packaged
// knows no EdDSA and leaves to its caller most of what has to be refused; the tests check this against it.
#ifndef SALLYPORT_GATEWAY_IDENTITY_JWT_PUBLIC_KEY_H_
#define SALLYPORT_GATEWAY_IDENTITY_JWT_PUBLIC_KEY_H_

#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::gateway {

// All that can be taken: nothing symmetric, and not "none".
enum class SignatureAlgorithm { kRS256, kRS384, kRS512, kPS256, kPS384, kPS512, kES256, kES384, kES512, kEdDSA };

// By its name in JOSE, which is case-sensitive.
std::optional<SignatureAlgorithm> FindAlgorithm(std::string_view name);

enum class Curve { kP256, kP384, kP521, kEd25519, kEd448 };
std::optional<Curve> FindCurve(std::string_view name);

// A key that signatures are checked with. Immutable; copies share it.
class PublicKey {
 public:
  // Numbers are big-endian. INVALID_ARGUMENT, saying what is wrong: a modulus of fewer than 2048 or more than 8192 bits
  // or an even one, an exponent that is even or not between 65537 and 2^32.
  static absl::StatusOr<PublicKey> Rsa(std::string_view modulus, std::string_view exponent);
  // A point of one of the P curves; coordinates have the full length. INVALID_ARGUMENT if it is not on the curve.
  static absl::StatusOr<PublicKey> EllipticCurve(Curve curve, std::string_view x, std::string_view y);
  // Ed25519 or Ed448 (RFC 8032).
  static absl::StatusOr<PublicKey> Edwards(Curve curve, std::string_view bytes);

  // Whether the algorithm is one for keys of this type and curve.
  bool Fits(SignatureAlgorithm algorithm) const;
  // Whether `signature` is one over `message`. False if the algorithm does not fit. Thread-safe.
  bool Verify(SignatureAlgorithm algorithm, std::string_view message, std::string_view signature) const;

 private:
  struct Key;
  explicit PublicKey(std::shared_ptr<const Key> key);

  std::shared_ptr<const Key> key_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_JWT_PUBLIC_KEY_H_
