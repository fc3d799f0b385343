#include <openssl/x509.h>

#include "absl/time/time.h"
#include "recorder/api_keys/api_key_file.h"
#include "tests/fuzz/identity_seeds.h"

namespace sallyport::testing {
namespace {

std::string Der(const Issued& issued) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(issued.certificate.get(), &bytes);
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string DerPeer(const Issued& leaf, const std::string& rest = "") {
  const std::string der = Der(leaf);
  return std::string({static_cast<char>(der.size() >> 8), static_cast<char>(der.size())}) + der + rest;
}

CertificateSpec Seeded(CertificateSpec spec) {
  spec.seed = std::string(32, 's');
  return spec;
}

void WriteCertificateSeeds(const std::string& directory) {
  const auto write = [&](const std::string& name, char kind, const std::string& text) {
    WriteText(directory + "/" + name, std::string(1, kind) + text);
  };
  const Issued authority = FuzzAuthority();
  const Issued intermediate = Issue(Seeded(AuthoritySpec("Intermediate")), &authority);
  CertificateSpec plain_spec = Seeded(CallerSpec());
  plain_spec.subject = {{"O", "Acme"}, {"CN", "ada"}};
  plain_spec.dns = {kFuzzPlainSubject};
  const Issued plain = Issue(plain_spec, &authority);
  const Issued below = Issue(plain_spec, &intermediate);
  const Issued spiffe = Issue(Seeded(SpiffeSpec(kFuzzSpiffeSubject)), &authority);
  const std::string zero(1, '\0');
  write("plain_pem", kPemPeer, plain.Pem());
  write("chain_pem", kPemPeer, below.Pem() + zero + intermediate.Pem());
  write("plain_der", kDerPeer, DerPeer(plain));
  write("chain_der", kDerPeer, DerPeer(below, Der(intermediate)));
  write("spiffe_der", kDerPeer, DerPeer(spiffe));
  CertificateSpec odd = SpiffeSpec("spiffe://fuzz.example:1//../a");
  odd.dns = {std::string("a\0b", 3)};
  odd.raw = {{"2.5.29.30", "critical,\x30\x02\xa0\x00"}};
  write("odd_der", kDerPeer, DerPeer(Issue(odd, &authority)));
  CertificateSpec rsa = plain_spec;
  rsa.seed.clear();
  rsa.key = KeyKind::kRsa2048;
  write("rsa_der", kDerPeer, DerPeer(Issue(rsa, &authority)));
  rsa.key = KeyKind::kP256SpeltOut;
  write("curve_der", kDerPeer, DerPeer(Issue(rsa, &authority)));
  write("bundle", kAuthorities, "# ours\n" + authority.Pem() + "\n" + intermediate.Pem());
  write("list", kRevocations, RevocationList({{plain}}, authority));
  write("key", kPrivateKey, authority.KeyPem());
}

void WriteApiKeySeeds(const std::string& directory) {
  const absl::Time now = absl::FromUnixSeconds(1'767'323'045);
  const auto made = recorder::MakeApiKey("ci@example", {"build", "deploy team"}, now, now + absl::Hours(1));
  if (!made.ok()) return;
  recorder::ApiKey revoked = made->key;
  revoked.id = "aaaaaaaaaa";
  revoked.groups.clear();
  revoked.expires = absl::InfiniteFuture();
  revoked.revoked = now;
  WriteText(directory + "/file", recorder::FormatApiKeys({made->key, revoked}));
  WriteText(directory + "/empty_file", recorder::FormatApiKeys({}));
  WriteText(directory + "/key", made->text.view());
}

}  // namespace

void WriteIdentitySeeds(const std::string& corpus) {
  WriteCertificateSeeds(corpus + "/certificates");
  WriteApiKeySeeds(corpus + "/api_keys");
}

}  // namespace sallyport::testing
