#include "gateway/identity/mtls/mtls.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/gateway/identity/mtls/test_authorities.h"

namespace sallyport::testing {
namespace {

constexpr char kId[] = "spiffe://prod.example/ns/pay/sa/api";

std::string SubjectOf(const gateway::ProofResult& result) {
  INFO(result.status().ToString());
  REQUIRE(result.ok());
  return (*result)->subject;
}

bool Mentions(const gateway::ProofResult& result, const std::string& text) {
  return std::string(result.status().message()).find(text) != std::string::npos;
}

std::string Fault(const v1::MtlsIdentity& config) {
  const auto verifier = gateway::MtlsVerifier::Create(config);
  return std::string(verifier.status().message());
}

}  // namespace

TEST_CASE("a SPIFFE ID is proved by its trust domain's bundle") {
  const TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  const Issued caller = Issue(SpiffeSpec(kId), &authorities.prod);
  const gateway::ProofResult result = Verify(*verifier, Shown(caller));
  CHECK(SubjectOf(result) == kId);
  CHECK((*result)->kind == gateway::ProofKind::kMtls);
  CHECK((*result)->issuer == "spiffe://prod.example");
  CHECK((*result)->groups.empty());
  CHECK((*result)->expires == CertificateSpec().until);
  const std::string start = "serial=" + caller.Serial() + " sha256=";
  CHECK((*result)->credential.starts_with(start));
  CHECK((*result)->credential.size() == start.size() + 64);

  const char* other = "spiffe://dev.example/A-b_c.d/1";
  CHECK(SubjectOf(Verify(*verifier, Shown(Issue(SpiffeSpec(other), &authorities.dev)))) == other);
  const std::string longest = "spiffe://prod.example/" + std::string(2026, 'a');
  CHECK(SubjectOf(Verify(*verifier, Shown(Issue(SpiffeSpec(longest), &authorities.prod)))) == longest);
}

TEST_CASE("a trust domain that is not known has nobody to vouch for it, wherever its name sorts") {
  TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  for (const char* domain :
       {"a", "dev", "dev.exampl", "dev.example-", "dev.example.", "dev.example0", "dev.examplf", "e", "prod.exampl",
        "prod.exampld", "prod.example.", "prod.example.evil", "prod.examplf", "xprod.example", "zzz", "0", "_"}) {
    for (const Issued* authority : {&authorities.prod, &authorities.dev, &authorities.root}) {
      CAPTURE(domain);
      const Issued caller = Issue(SpiffeSpec("spiffe://" + std::string(domain) + "/sa/api"), authority);
      const gateway::ProofResult result = Verify(*verifier, Shown(caller));
      CHECK(absl::IsUnauthenticated(result.status()));
      CHECK(Mentions(result, "a trust domain that the gateway does not know"));
    }
  }
  // Nor does one domain's authority vouch for another's, or those of `ca` for any.
  for (const Issued* authority : {&authorities.dev, &authorities.root, &authorities.stranger}) {
    CHECK(absl::IsUnauthenticated(Verify(*verifier, Shown(Issue(SpiffeSpec(kId), authority))).status()));
  }
}

TEST_CASE("other names beside a SPIFFE ID do not matter") {
  const TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  CertificateSpec spec = SpiffeSpec(kId);
  spec.subject = {{"CN", "root"}};
  spec.dns = {"*.example"};
  spec.emails = {"root@example"};
  CHECK(SubjectOf(Verify(*verifier, Shown(Issue(spec, &authorities.prod)))) == kId);
}

TEST_CASE("a certificate without a SPIFFE ID names its holder as it was configured") {
  TestAuthorities authorities;
  CertificateSpec spec = CallerSpec();
  spec.subject = {{"O", "Acme, Inc."}, {"CN", "ada"}};
  spec.dns = {"Ada.Example", "other.example"};
  const Issued caller = Issue(spec, &authorities.root);
  const gateway::ProofResult result = Verify(*authorities.Verifier(), Shown(caller));
  CHECK(SubjectOf(result) == "ada.example");
  CHECK((*result)->issuer == "CN=Root,O=Test");

  authorities.config.add_subject_from("common_name");
  CHECK(SubjectOf(Verify(*authorities.Verifier(), Shown(caller))) == "ada");
  authorities.config.set_subject_from(0, "subject");
  CHECK(SubjectOf(Verify(*authorities.Verifier(), Shown(caller))) == "CN=ada,O=Acme\\, Inc.");
  // The first that is there.
  spec.dns.clear();
  authorities.config.set_subject_from(0, "dns");
  CHECK(Mentions(Verify(*authorities.Verifier(), Shown(Issue(spec, &authorities.root))), "names nobody"));
  authorities.config.add_subject_from("common_name");
  CHECK(SubjectOf(Verify(*authorities.Verifier(), Shown(Issue(spec, &authorities.root)))) == "ada");
}

TEST_CASE("a subject is told in ASCII whatever is in it") {
  TestAuthorities authorities;
  authorities.config.add_subject_from("subject");
  CertificateSpec spec = CallerSpec();
  spec.subject = {{"O", "a+b=c"}, {"CN", "J\xc3\xbcrgen"}};
  CHECK(SubjectOf(Verify(*authorities.Verifier(), Shown(Issue(spec, &authorities.root)))) ==
        "CN=J\\C3\\BCrgen,O=a\\+b=c");
}

TEST_CASE("keys and signatures that are strong enough are taken") {
  const TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  for (KeyKind kind :
       {KeyKind::kP256, KeyKind::kP384, KeyKind::kP521, KeyKind::kRsa2048, KeyKind::kEd25519, KeyKind::kEd448}) {
    CertificateSpec authority = AuthoritySpec("Intermediate " + std::to_string(static_cast<int>(kind)));
    authority.key = kind;
    const Issued intermediate = Issue(authority, &authorities.root);
    CertificateSpec spec = NamedSpec("ada.example");
    spec.key = kind;
    spec.digest = kind == KeyKind::kP384 ? "SHA384" : "SHA512";
    CHECK(SubjectOf(Verify(*verifier, Shown(Issue(spec, &intermediate), intermediate))) == "ada.example");
  }
}

TEST_CASE("what allows more than client authentication is taken") {
  const TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  CertificateSpec spec = NamedSpec("ada.example");
  spec.extensions["extendedKeyUsage"] = "serverAuth,clientAuth,codeSigning";
  spec.extensions["keyUsage"] = "digitalSignature,keyEncipherment";
  CHECK(Verify(*verifier, Shown(Issue(spec, &authorities.root))).ok());
  spec.extensions["keyUsage"] = "";
  spec.extensions["basicConstraints"] = "";
  spec.uris = {"https://example/ada"};
  spec.serial = std::string(20, '\x7f');
  CHECK(Verify(*verifier, Shown(Issue(spec, &authorities.root))).ok());
}

TEST_CASE("a chain is followed whatever its order, and ends at what is trusted") {
  TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  CertificateSpec limited = AuthoritySpec("Limited");
  limited.extensions["basicConstraints"] = "critical,CA:TRUE,pathlen:0";
  limited.extensions["nameConstraints"] = "critical,permitted;DNS:example";
  limited.until = kTestNow + absl::Hours(5);
  const Issued lowest = Issue(limited, &authorities.intermediate);
  const Issued caller = Issue(NamedSpec("ada.example"), &lowest);
  const std::string chain = caller.Pem() + authorities.root.Pem() + lowest.Pem() + authorities.intermediate.Pem();
  const gateway::ProofResult result = Verify(*verifier, Shown(caller.Pem(), chain));
  CHECK(SubjectOf(result) == "ada.example");
  // The earliest end of the chain.
  CHECK((*result)->expires == limited.until);

  // An intermediate that is itself in the bundle is trusted without its root.
  WriteText(authorities.config.ca(), authorities.intermediate.Pem());
  CHECK(SubjectOf(Verify(*authorities.Verifier(), Shown(caller.Pem(), lowest.Pem()))) == "ada.example");
  CHECK(Mentions(Verify(*authorities.Verifier(), Shown(Issue(NamedSpec("ada.example"), &authorities.root))),
                 "may sign it"));
}

TEST_CASE("certificates are refused that nothing is configured for") {
  TestAuthorities authorities;
  const Shown plain(Issue(NamedSpec("ada.example"), &authorities.root));
  const Shown spiffe(Issue(SpiffeSpec(kId), &authorities.prod));
  v1::MtlsIdentity config = authorities.config;
  authorities.config.clear_ca();
  CHECK(Mentions(Verify(*authorities.Verifier(), plain), "has no SPIFFE ID"));
  CHECK(Verify(*authorities.Verifier(), spiffe).ok());
  authorities.config = config;
  authorities.config.clear_trust_domains();
  CHECK(Mentions(Verify(*authorities.Verifier(), spiffe), "does not know"));
  CHECK(Verify(*authorities.Verifier(), plain).ok());
}

TEST_CASE("a revoked certificate is refused, and one whose revocation cannot be told is, too") {
  TestAuthorities authorities;
  const Issued caller = Issue(NamedSpec("ada.example"), &authorities.intermediate);
  const Issued other = Issue(NamedSpec("bob.example"), &authorities.intermediate);
  const Shown shown(caller, authorities.intermediate);
  authorities.config.set_crl(authorities.path("ca.crl"));
  const auto with = [&](const std::string& lists) {
    WriteText(authorities.config.crl(), lists);
    return Verify(*authorities.Verifier(), shown);
  };
  const auto list = [&](const RevocationSpec& spec = {}) { return RevocationList(spec, authorities.intermediate); };
  const std::string of_root = RevocationList({}, authorities.root);

  CHECK(with(of_root + list()).ok());
  CHECK(with(of_root + list({{other}})).ok());
  const gateway::ProofResult revoked = with(of_root + list({{other, caller}}));
  CHECK(absl::IsUnauthenticated(revoked.status()));
  CHECK(Mentions(revoked, "the client certificate is revoked"));
  const gateway::ProofResult above = with(RevocationList({{authorities.intermediate}}, authorities.root) + list());
  CHECK(absl::IsUnauthenticated(above.status()));
  CHECK(Mentions(above, "authority that the client certificate needs is revoked"));

  const auto cannot_tell = [&](const std::string& lists, const std::string& why) {
    const gateway::ProofResult result = with(lists);
    INFO(result.status().ToString());
    CHECK(absl::IsUnavailable(result.status()));
    CHECK(Mentions(result, why));
  };
  RevocationSpec expired;
  expired.until = kTestNow - absl::Seconds(1);
  cannot_tell(of_root + list(expired), "has expired");
  RevocationSpec early;
  early.from = kTestNow + absl::Seconds(1);
  cannot_tell(of_root + list(early), "not yet valid");
  cannot_tell(of_root, "no revocation list");
  cannot_tell(list(), "no revocation list");
  cannot_tell(of_root + RevocationList({}, Impostor(AuthoritySpec("Intermediate"))), "not what it should be");
  RevocationSpec partial;
  partial.extensions = {{"issuingDistributionPoint", "critical,onlyCA:TRUE"}};
  cannot_tell(of_root + list(partial), "");
  // Of two lists the one that is current counts.
  CHECK(with(of_root + list(expired) + list()).ok());
}

TEST_CASE("an authority that is trusted needs no list about itself") {
  TestAuthorities authorities;
  WriteText(authorities.config.ca(), authorities.intermediate.Pem());
  authorities.config.set_crl(authorities.path("ca.crl"));
  WriteText(authorities.config.crl(), RevocationList({}, authorities.intermediate));
  CHECK(Verify(*authorities.Verifier(), Shown(Issue(NamedSpec("ada.example"), &authorities.intermediate))).ok());
}

TEST_CASE("a trust domain's revocation list is its own") {
  TestAuthorities authorities;
  const Issued caller = Issue(SpiffeSpec(kId), &authorities.prod);
  v1::TrustDomain* domain = authorities.config.mutable_trust_domains(0);
  domain->set_crl(authorities.path("prod.crl"));
  WriteText(domain->crl(), RevocationList({{caller}}, authorities.prod));
  const auto verifier = authorities.Verifier();
  CHECK(Mentions(Verify(*verifier, Shown(caller)), "is revoked"));
  CHECK(Verify(*verifier, Shown(Issue(SpiffeSpec(kId), &authorities.prod))).ok());
  CHECK(Verify(*verifier, Shown(Issue(SpiffeSpec("spiffe://dev.example/x"), &authorities.dev))).ok());
  CHECK(Verify(*verifier, Shown(Issue(NamedSpec("ada.example"), &authorities.root))).ok());
}

TEST_CASE("what was found out is remembered, and no longer than it holds") {
  TestAuthorities authorities;
  CertificateSpec spec = NamedSpec("ada.example");
  spec.from = kTestNow - absl::Hours(1);
  spec.until = kTestNow + absl::Hours(5);
  const Issued caller = Issue(spec, &authorities.root);
  authorities.config.set_crl(authorities.path("ca.crl"));
  RevocationSpec list;
  list.until = kTestNow + absl::Hours(2);
  WriteText(authorities.config.crl(), RevocationList(list, authorities.root));
  const auto verifier = authorities.Verifier();
  const Shown shown(caller);
  const gateway::ProofResult first = Verify(*verifier, shown);
  REQUIRE(first.ok());
  // The same object: nothing was worked out again.
  CHECK(Verify(*verifier, shown, kTestNow + absl::Hours(1)).value() == *first);
  CHECK(verifier->remembered() == 1);
  // A list that is no longer good: what was found out with it is not, either. And a clock that goes back.
  CHECK(verifier->Recall({shown.leaf, shown.chain}, *list.until - absl::Seconds(1)) == *first);
  CHECK(verifier->Recall({shown.leaf, shown.chain}, *list.until) == nullptr);
  CHECK(absl::IsUnavailable(Verify(*verifier, shown, *list.until).status()));
  REQUIRE(Verify(*verifier, shown).ok());
  CHECK(Mentions(Verify(*verifier, shown, kTestNow - absl::Hours(2)), "not yet valid"));
  CHECK(Verify(*verifier, shown, kTestNow + absl::Hours(1)).ok());

  WriteText(authorities.config.crl(), RevocationList({}, authorities.root));
  REQUIRE(verifier->Reload().ok());
  CHECK(Verify(*verifier, shown, kTestNow + absl::Hours(4)).ok());
  CHECK(Mentions(Verify(*verifier, shown, kTestNow + absl::Hours(5)), "has expired"));
}

TEST_CASE("what was found out holds until the first of several revocation lists ends") {
  TestAuthorities authorities;
  const Issued caller = Issue(NamedSpec("ada.example"), &authorities.intermediate);
  const Shown shown(caller, authorities.intermediate);
  authorities.config.set_crl(authorities.path("ca.crl"));
  const absl::Time sooner = kTestNow + absl::Hours(1);
  RevocationSpec longer;
  longer.until = kTestNow + absl::Hours(2);
  RevocationSpec shorter;
  shorter.until = sooner;
  for (const std::string& lists :
       {RevocationList(longer, authorities.root) + RevocationList(shorter, authorities.intermediate),
        RevocationList(shorter, authorities.root) + RevocationList(longer, authorities.intermediate)}) {
    WriteText(authorities.config.crl(), lists);
    const auto verifier = authorities.Verifier();
    REQUIRE(Verify(*verifier, shown).ok());
    CHECK(verifier->Recall({shown.leaf, shown.chain}, sooner - absl::Seconds(1)) != nullptr);
    CHECK(verifier->Recall({shown.leaf, shown.chain}, sooner) == nullptr);
    CHECK(absl::IsUnavailable(Verify(*verifier, shown, sooner).status()));
  }
}

TEST_CASE("a certificate that held before is known again, one that did not or was never seen is not") {
  const TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  const Shown caller = Shown(Issue(SpiffeSpec(kId), &authorities.prod));
  const Shown stranger = Shown(Issue(SpiffeSpec(kId), &authorities.stranger));
  CHECK(verifier->Recall({caller.leaf, caller.chain}, kTestNow) == nullptr);
  REQUIRE(Verify(*verifier, caller).ok());
  CHECK_FALSE(Verify(*verifier, stranger).ok());
  const auto known = verifier->Recall({caller.leaf, caller.chain}, kTestNow);
  REQUIRE(known != nullptr);
  CHECK(known->subject == kId);
  CHECK(verifier->Recall({stranger.leaf, stranger.chain}, kTestNow) == nullptr);
  CHECK(verifier->Recall({caller.leaf, caller.chain}, CertificateSpec().until) == nullptr);
  CHECK(verifier->Recall({caller.leaf, caller.chain}, CertificateSpec().until - absl::Seconds(1)) == known);
  CHECK(verifier->Recall({caller.leaf, caller.chain}, CertificateSpec().from) == known);
  CHECK(verifier->Recall({caller.leaf, caller.chain}, CertificateSpec().from - absl::Seconds(1)) == nullptr);
  CHECK(verifier->Recall({}, kTestNow) == nullptr);
}

TEST_CASE("a refusal is remembered for a second") {
  TestAuthorities authorities;
  CertificateSpec spec = NamedSpec("ada.example");
  spec.from = kTestNow + absl::Seconds(2);
  const Shown shown(Issue(spec, &authorities.root));
  const auto verifier = authorities.Verifier();
  CHECK_FALSE(Verify(*verifier, shown, kTestNow + absl::Milliseconds(1500)).ok());
  CHECK_FALSE(Verify(*verifier, shown, kTestNow + absl::Milliseconds(2100)).ok());
  CHECK(Verify(*verifier, shown, kTestNow + absl::Milliseconds(2500)).ok());
}

TEST_CASE("the memory of what was found out has bounds") {
  TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  for (int i = 0; i < 20000; ++i) {
    REQUIRE(absl::IsUnauthenticated(Verify(*verifier, Shown(std::to_string(i), "")).status()));
  }
  CHECK(verifier->remembered() > 1000);
  CHECK(verifier->remembered() <= 8192);
}

TEST_CASE("a caller who resumes a handshake need not send the chain again") {
  TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  const Issued caller = Issue(NamedSpec("ada.example"), &authorities.intermediate);
  const Shown whole(caller, authorities.intermediate);
  const Shown resumed(caller);
  CHECK_FALSE(Verify(*verifier, resumed).ok());
  REQUIRE(Verify(*verifier, whole).ok());
  CHECK(Verify(*verifier, resumed, kTestNow + absl::Seconds(2)).ok());
  REQUIRE(verifier->Reload().ok());
  CHECK(Verify(*verifier, resumed).ok());
  // One that does not lead anywhere takes the place of none that does.
  CHECK_FALSE(Verify(*verifier, Shown(caller, authorities.prod)).ok());
  REQUIRE(verifier->Reload().ok());
  CHECK(Verify(*verifier, resumed).ok());
  // What is remembered helps to find the way and vouches for nothing.
  WriteText(authorities.config.ca(), authorities.stranger.Pem());
  REQUIRE(verifier->Reload().ok());
  CHECK_FALSE(Verify(*verifier, resumed).ok());
}

TEST_CASE("files that are read again change who gets in, and broken ones change nothing") {
  TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  const Shown of_root(Issue(NamedSpec("ada.example"), &authorities.root));
  const Shown of_stranger(Issue(NamedSpec("bob.example"), &authorities.stranger));
  REQUIRE(Verify(*verifier, of_root).ok());
  REQUIRE_FALSE(Verify(*verifier, of_stranger).ok());

  WriteText(authorities.config.ca(), "nothing");
  CHECK(std::string(verifier->Reload().message()) == authorities.config.ca() + " holds no certificate");
  CHECK(Verify(*verifier, of_root).ok());
  std::filesystem::remove(authorities.config.ca());
  CHECK(absl::IsNotFound(verifier->Reload()));
  CHECK(Verify(*verifier, of_root).ok());

  WriteText(authorities.config.ca(), authorities.stranger.Pem());
  REQUIRE(verifier->Reload().ok());
  CHECK(verifier->remembered() == 0);
  CHECK_FALSE(Verify(*verifier, of_root).ok());
  CHECK(Verify(*verifier, of_stranger).ok());
}

TEST_CASE("the files that are read are told") {
  TestAuthorities authorities;
  WriteText(authorities.path("a.crl"), RevocationList({}, authorities.root));
  authorities.config.set_crl(authorities.path("a.crl"));
  authorities.config.mutable_trust_domains(1)->set_crl(authorities.path("a.crl"));
  const auto verifier = authorities.Verifier();
  const std::vector<std::string> bundles = {authorities.path("ca.pem"), authorities.path("prod.example.pem"),
                                            authorities.path("dev.example.pem")};
  CHECK(verifier->AuthorityFiles() == bundles);
  CHECK(verifier->Files().size() == 5);
}

TEST_CASE("callers are checked by many threads while files are read again") {
  TestAuthorities authorities;
  const auto verifier = authorities.Verifier();
  std::vector<Shown> good;
  std::vector<Shown> bad;
  good.reserve(8);
  bad.reserve(8);
  for (int i = 0; i < 8; ++i) {
    good.emplace_back(Issue(NamedSpec("ada" + std::to_string(i) + ".example"), &authorities.intermediate),
                      authorities.intermediate);
    bad.emplace_back(Issue(NamedSpec("eve" + std::to_string(i) + ".example"), &authorities.stranger));
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const size_t which = static_cast<size_t>(i + t) % good.size();
        const gateway::ProofResult result = Verify(*verifier, good[which], kTestNow + absl::Seconds(i));
        if (!result.ok() || (*result)->subject != "ada" + std::to_string(which) + ".example") ++wrong;
        if (Verify(*verifier, bad[which]).ok()) ++wrong;
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    if (!verifier->Reload().ok()) ++wrong;
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a configuration that makes no sense is refused and says where") {
  TestAuthorities authorities;
  v1::MtlsIdentity config;
  CHECK(Fault(config).starts_with("give ca, trust_domains or both"));
  config.set_crl("x");
  config.add_trust_domains()->set_name("prod.example");
  CHECK(Fault(config).starts_with("crl: is for ca"));
  config.clear_crl();
  CHECK(Fault(config).starts_with("trust_domains[0].bundle: is missing"));
  config.mutable_trust_domains(0)->set_name("spiffe://prod.example");
  CHECK(Fault(config).starts_with("trust_domains[0].name: is not the name"));
  *config.mutable_trust_domains(0) = authorities.config.trust_domains(0);
  *config.add_trust_domains() = authorities.config.trust_domains(0);
  CHECK(Fault(config) == "trust_domains[1].name: prod.example is there already");
  config = authorities.config;
  config.add_subject_from("uri");
  CHECK(Fault(config).starts_with("subject_from: "));
}

TEST_CASE("bundles and revocation lists that are not in order are refused and say which") {
  TestAuthorities authorities;
  const std::string ca = authorities.config.ca();
  const auto fault = [&](const std::string& text) {
    WriteText(ca, text);
    const std::string said = Fault(authorities.config);
    CHECK(said.starts_with(ca + " "));
    return said.substr(ca.size() + 1);
  };
  const std::string root = authorities.root.Pem();
  CHECK(fault("") == "holds no certificate");
  CHECK(fault(root + "-----BEGIN CERTIFICATE-----\nAA\n") == "holds a PEM block that is damaged");
  CHECK(fault(root + authorities.root.KeyPem()) == "holds a PEM block other than a certificate");
  CHECK(
      fault(root + Issue(NamedSpec("ada.example"), nullptr).Pem()).starts_with("certificate 2 is not of an authority"));
  CertificateSpec weak = AuthoritySpec("Weak");
  weak.key = KeyKind::kRsa1024;
  CHECK(fault(Issue(weak, nullptr).Pem()).starts_with("certificate 1 has an RSA key that is too short"));
  weak = AuthoritySpec("Old");
  weak.version = 1;
  CHECK(fault(Issue(weak, nullptr).Pem()) == "certificate 1 is not of version 3");
  // Text between blocks is what people write there.
  WriteText(ca, "# ours\n" + root + "\n# theirs\n" + authorities.stranger.Pem());
  CHECK(gateway::MtlsVerifier::Create(authorities.config).ok());

  const std::string crl = authorities.path("ca.crl");
  authorities.config.set_crl(crl);
  const auto list_fault = [&](const std::string& text) {
    WriteText(crl, text);
    return Fault(authorities.config);
  };
  CHECK(list_fault("") == crl + " holds no revocation list in PEM (BEGIN X509 CRL)");
  const std::string list = RevocationList({}, authorities.root);
  CHECK(list_fault(list + list.substr(0, 100)) == crl + " list 2 is damaged");
  RevocationSpec endless;
  endless.until.reset();
  CHECK(list_fault(RevocationList(endless, authorities.root)) == crl + " list 1 does not say until when it is good");
}

}  // namespace sallyport::testing
