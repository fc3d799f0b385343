// Certificates made to order, good ones and bad.
#ifndef SALLYPORT_TESTS_GATEWAY_TLS_CERTIFICATES_H_
#define SALLYPORT_TESTS_GATEWAY_TLS_CERTIFICATES_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

struct evp_pkey_st;
struct x509_st;

namespace sallyport::testing {

enum class KeyKind {
  kP256,
  kP384,
  kP521,
  kP224,
  kSecp256k1,
  kP256SpeltOut,  // with the curve's parameters in place of its name
  kRsa2048,
  kRsa1024,
  kRsa16384,  // a public key that nobody has the other half of
  kDsa,
  kEd25519,
  kEd448,
};

// What tests take for now.
const absl::Time kTestNow = absl::FromCivil(absl::CivilSecond(2030, 6, 1, 12, 0, 0), absl::UTCTimeZone());

struct CertificateSpec {
  std::vector<std::pair<std::string, std::string>> subject;  // such as {"CN", "ada"}
  absl::Time from = absl::FromCivil(absl::CivilDay(2020, 1, 1), absl::UTCTimeZone());
  absl::Time until = absl::FromCivil(absl::CivilDay(2099, 1, 1), absl::UTCTimeZone());
  KeyKind key = KeyKind::kP256;
  std::string seed;  // 32 bytes: the private half of an Ed25519 key, whose signatures are always the same
  int version = 3;
  std::string serial;  // its bytes, after a '-' if negative; one that was not used before unless given
  const char* digest = "SHA256";
  // In OpenSSL's configuration syntax, by OpenSSL's name; an empty value leaves one out.
  std::map<std::string, std::string> extensions;
  std::vector<std::string> dns, uris, emails;            // of the alternative name, any bytes
  std::vector<std::pair<std::string, std::string>> raw;  // further extensions: OID, "critical," or "" and DER bytes
  std::optional<int> subject_text_type;                  // an ASN.1 tag in place of UTF8String
};
// For client authentication; names nobody yet.
CertificateSpec CallerSpec();
CertificateSpec SpiffeSpec(const std::string& id);
CertificateSpec AuthoritySpec(const std::string& name);
CertificateSpec ServerSpec(const std::string& host);

struct Issued {
  std::shared_ptr<x509_st> certificate;
  std::shared_ptr<evp_pkey_st> key;

  std::string Pem() const;
  std::string KeyPem() const;
  std::string Serial() const;  // lower-case hex
};
// Signed by itself where there is no issuer.
Issued Issue(const CertificateSpec& spec, const Issued* issuer);
// The same with one bit of the signature changed.
Issued WithWrongSignature(const Issued& issued);
// A certificate by the same names as `like` with another key.
Issued Impostor(const CertificateSpec& like);

struct RevocationSpec {
  std::vector<Issued> revoked;
  absl::Time from = absl::FromCivil(absl::CivilDay(2020, 1, 1), absl::UTCTimeZone());
  std::optional<absl::Time> until = absl::FromCivil(absl::CivilDay(2099, 1, 1), absl::UTCTimeZone());
  std::map<std::string, std::string> extensions = {};
};
std::string RevocationList(const RevocationSpec& spec, const Issued& issuer);

void WriteText(const std::string& path, std::string_view text);

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_GATEWAY_TLS_CERTIFICATES_H_
