// What the seeds of the target for certificates and the target itself agree on.
#ifndef SALLYPORT_TESTS_FUZZ_IDENTITY_SEEDS_H_
#define SALLYPORT_TESTS_FUZZ_IDENTITY_SEEDS_H_

#include <string>

#include "tests/gateway/tls/certificates.h"

namespace sallyport::testing {

// The first byte of an input says what the rest is.
inline constexpr char kPemPeer = 'p';  // a caller's certificate, a zero and what was sent with it, in PEM
// The same in DER, which changes get into more easily: the size of the certificate in two bytes, the certificate, the
// rest.
inline constexpr char kDerPeer = 'd';
inline constexpr size_t kDerSizeBytes = 2;
inline constexpr char kAuthorities = 'a';  // a bundle
inline constexpr char kRevocations = 'r';  // revocation lists
inline constexpr char kPrivateKey = 'k';   // of a server

// Those who sign seeds: the same certificates each time.
inline CertificateSpec FuzzAuthoritySpec(const std::string& name) {
  CertificateSpec spec = AuthoritySpec(name);
  spec.serial = std::string(1, 1);
  spec.seed = std::string(32, 'f');
  return spec;
}
inline Issued FuzzAuthority() { return Issue(FuzzAuthoritySpec("Fuzz"), nullptr); }
inline constexpr char kFuzzTrustDomain[] = "fuzz.example";

// Whom the seeds that hold name: who changes one cannot become anybody else.
inline constexpr char kFuzzPlainSubject[] = "ada.example";
inline constexpr char kFuzzSpiffeSubject[] = "spiffe://fuzz.example/ns/a/sa/b";

// Writes seeds into the directories of their targets.
void WriteIdentitySeeds(const std::string& corpus);

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_FUZZ_IDENTITY_SEEDS_H_
