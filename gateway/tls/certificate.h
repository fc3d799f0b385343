// X.509 certificates (RFC 5280), as callers show them and as files hold them. Behind this header and trust_bundle.h
// stands OpenSSL.
#ifndef SALLYPORT_GATEWAY_TLS_CERTIFICATE_H_
#define SALLYPORT_GATEWAY_TLS_CERTIFICATE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

struct x509_st;

namespace sallyport::gateway {

// Whom a certificate names. A value.
struct CertificateNames {
  std::string subject;                    // RFC 4514, in ASCII; empty if it names nobody
  std::string issuer;                     // the same
  std::vector<std::string> common_names;  // UTF-8
  std::vector<std::string> dns;           // from here on of the subject alternative name, as they are there
  std::vector<std::string> uris;
};

// Shared, not copied. Immutable; thread-safe.
//
// What is wrong with one is INVALID_ARGUMENT with what comes after "the certificate ", such as "is of an authority". It
// never repeats what the certificate says.
class Certificate {
 public:
  // The blocks of `pem` in order, at least one and at most `most`. Text between blocks is passed over; a block of
  // another kind is a fault. The message is about `pem` as a whole: "holds no certificate".
  static absl::StatusOr<std::vector<Certificate>> ReadPem(std::string_view pem, size_t most);
  // Takes part in the ownership of one.
  static Certificate Of(x509_st* certificate);

  std::string Sha256() const;  // of its DER form, in lower-case hex
  std::string Serial() const;  // in lower-case hex
  absl::Time NotBefore() const;
  absl::Time NotAfter() const;
  bool StatesKeyUsage() const;
  bool IsSelfIssued() const;  // by the names in it
  // A fault where a name holds control characters, a NUL above all, or cannot be read.
  absl::StatusOr<CertificateNames> Names() const;

  // What the certificate of a caller must be, apart from who signed it: of version 3, not of an authority, for client
  // authentication (which it must say) and for signatures, its extensions well-formed and its serial number in bounds.
  absl::Status CheckCaller() const;
  // What one that vouches for others must be: of version 3, and say that it is of an authority.
  absl::Status CheckAuthority() const;
  // RSA of 2048 to 8192 bits, the named curves P-256, P-384 and P-521, Ed25519 or Ed448.
  absl::Status CheckKey() const;
  // Signed with SHA-256, SHA-384, SHA-512 or EdDSA.
  absl::Status CheckSignatureAlgorithm() const;

  // Never null.
  x509_st* get() const { return certificate_.get(); }
  friend bool operator==(const Certificate& a, const Certificate& b);

 private:
  explicit Certificate(std::shared_ptr<x509_st> certificate) : certificate_(std::move(certificate)) {}

  std::shared_ptr<x509_st> certificate_;
};

// INVALID_ARGUMENT unless `pem` holds a private key, not encrypted, that belongs to the certificate. Says what comes
// after "the private key ".
absl::Status CheckPrivateKey(const Certificate& certificate, std::string_view pem);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_TLS_CERTIFICATE_H_
