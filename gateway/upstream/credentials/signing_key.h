// The keys that the gateway signs tokens with. Of the gateway's credentials, only this knows OpenSSL.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_SIGNING_KEY_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_SIGNING_KEY_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sallyport::gateway {

// A public key as verifiers get it.
struct PublishedKey {
  std::string id;         // RFC 7638 thumbprint, base64url
  std::string algorithm;  // "EdDSA" or "ES256"
  std::string jwk;        // RFC 7517, with kid, use and alg: one JSON object
};

// An Ed25519 or P-256 private key. Immutable, thread-safe; overwritten in memory when dropped.
class JwtSigningKey {
 public:
  // Reads a PEM private key without a password (PKCS#8 or SEC 1). INVALID_ARGUMENT if it is none, or one of another
  // kind; nothing of the text is repeated.
  static absl::StatusOr<std::shared_ptr<const JwtSigningKey>> FromPem(std::string_view pem);
  ~JwtSigningKey();
  JwtSigningKey(const JwtSigningKey&) = delete;
  JwtSigningKey& operator=(const JwtSigningKey&) = delete;

  const PublishedKey& published() const { return published_; }

  // A signed JWT (RFC 7519, RFC 7515 compact form) with these claims, a JSON object.
  absl::StatusOr<std::string> Sign(std::string_view claims) const;

 private:
  struct Key;
  JwtSigningKey(std::unique_ptr<Key> key, PublishedKey published);

  const std::unique_ptr<Key> key_;
  const PublishedKey published_;
  std::string header_;  // encoded
};

// Reads a PEM public key (SubjectPublicKeyInfo) of one of the two kinds. INVALID_ARGUMENT if it is none.
absl::StatusOr<PublishedKey> PublishedKeyFromPem(std::string_view pem);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_SIGNING_KEY_H_
