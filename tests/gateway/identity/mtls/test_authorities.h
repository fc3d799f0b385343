// The authorities that the tests' gateway trusts, and a verifier that trusts them.
#ifndef SALLYPORT_TESTS_GATEWAY_IDENTITY_MTLS_TEST_AUTHORITIES_H_
#define SALLYPORT_TESTS_GATEWAY_IDENTITY_MTLS_TEST_AUTHORITIES_H_

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "gateway/identity/mtls/mtls.h"
#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/tls/certificates.h"

namespace sallyport::testing {

// What a caller sends in a handshake.
struct Shown {
  std::string leaf;
  std::string chain;

  explicit Shown(const Issued& caller) : leaf(caller.Pem()) {}
  Shown(const Issued& caller, const Issued& intermediate) : leaf(caller.Pem()), chain(intermediate.Pem()) {}
  Shown(std::string leaf_pem, std::string chain_pem) : leaf(std::move(leaf_pem)), chain(std::move(chain_pem)) {}
};

struct TestAuthorities {
  TestAuthorities() {
    config.set_ca(path("ca.pem"));
    AddDomain("prod.example", prod);
    AddDomain("dev.example", dev);
    WriteText(config.ca(), root.Pem());
  }

  std::string path(const std::string& name) const { return directory.path() + "/" + name; }

  std::unique_ptr<gateway::MtlsVerifier> Verifier() const {
    absl::StatusOr<std::unique_ptr<gateway::MtlsVerifier>> verifier = gateway::MtlsVerifier::Create(config);
    INFO(verifier.status().ToString());
    REQUIRE(verifier.ok());
    return *std::move(verifier);
  }

  TemporaryDirectory directory;
  Issued root = Issue(AuthoritySpec("Root"), nullptr);
  Issued intermediate = Issue(AuthoritySpec("Intermediate"), &root);
  Issued prod = Issue(AuthoritySpec("Production"), nullptr);
  Issued prod_intermediate = Issue(AuthoritySpec("Production Intermediate"), &prod);
  Issued dev = Issue(AuthoritySpec("Development"), nullptr);
  Issued stranger = Issue(AuthoritySpec("Stranger"), nullptr);
  v1::MtlsIdentity config;

 private:
  void AddDomain(const std::string& name, const Issued& authority) {
    v1::TrustDomain* domain = config.add_trust_domains();
    domain->set_name(name);
    domain->set_bundle(path(name + ".pem"));
    WriteText(domain->bundle(), authority.Pem());
  }
};

inline gateway::ProofResult Verify(gateway::MtlsVerifier& verifier, const Shown& shown, absl::Time now = kTestNow) {
  return verifier.Verify({shown.leaf, shown.chain}, now);
}

inline CertificateSpec NamedSpec(const std::string& dns) {
  CertificateSpec spec = CallerSpec();
  spec.subject = {{"CN", dns}};
  spec.dns = {dns};
  return spec;
}

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_GATEWAY_IDENTITY_MTLS_TEST_AUTHORITIES_H_
