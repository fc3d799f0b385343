// Certificates that prove nothing: each must be refused, and for the reason that it was made to be refused for.
#include <openssl/asn1.h>

#include <catch2/catch.hpp>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "tests/gateway/identity/mtls/test_authorities.h"

namespace sallyport::testing {
namespace {

constexpr char kGoodId[] = "spiffe://prod.example/ns/pay/sa/api";

struct Refusal {
  const char* what;
  std::function<Shown(const TestAuthorities&)> make;
  const char* reason;  // is in the message
};

using Change = std::function<void(CertificateSpec&)>;

// A caller's certificate that `root` signed, with something changed.
Refusal Plain(const char* what, const char* reason, const Change& change) {
  return {what,
          [change](const TestAuthorities& authorities) {
            CertificateSpec spec = NamedSpec("ada.example");
            change(spec);
            return Shown(Issue(spec, &authorities.root));
          },
          reason};
}

// The same that the authority of prod.example signed.
Refusal Spiffe(const char* what, const char* reason, const Change& change) {
  return {what,
          [change](const TestAuthorities& authorities) {
            CertificateSpec spec = SpiffeSpec(kGoodId);
            change(spec);
            return Shown(Issue(spec, &authorities.prod));
          },
          reason};
}

Refusal BadId(const char* id, const char* reason) {
  const std::string text = id;
  return Spiffe(id, reason, [text](CertificateSpec& spec) { spec.uris = {text}; });
}

// With an intermediate authority that has something changed.
Refusal Through(const char* what, const char* reason, const Change& change) {
  return {what,
          [change](const TestAuthorities& authorities) {
            CertificateSpec spec = AuthoritySpec("Odd Intermediate");
            spec.extensions["authorityKeyIdentifier"] = "keyid";
            change(spec);
            const Issued intermediate = Issue(spec, &authorities.root);
            return Shown(Issue(NamedSpec("ada.example"), &intermediate), intermediate);
          },
          reason};
}

Refusal Given(const char* what, const char* reason, std::function<Shown(const TestAuthorities&)> make) {
  return {what, std::move(make), reason};
}

Change SetExtension(const char* name, const char* value) {
  return [=](CertificateSpec& spec) { spec.extensions[name] = value; };
}
Change SetKey(KeyKind kind) {
  return [=](CertificateSpec& spec) { spec.key = kind; };
}

std::vector<Refusal> OfForm() {
  return {
      Given("nothing", "no client certificate was shown", [](const TestAuthorities&) { return Shown("", ""); }),
      Given("text", "holds no certificate", [](const TestAuthorities&) { return Shown("ada", ""); }),
      Given("a PEM block that breaks off", "damaged",
            [](const TestAuthorities& authorities) {
              const std::string pem = Issue(NamedSpec("ada.example"), &authorities.root).Pem();
              return Shown(pem.substr(0, pem.size() / 2), "");
            }),
      Given("a PEM block of random bytes", "cannot be read",
            [](const TestAuthorities&) {
              return Shown("-----BEGIN CERTIFICATE-----\nAAECAwQFBgcICQ==\n-----END CERTIFICATE-----\n", "");
            }),
      Given("a private key", "other than a certificate",
            [](const TestAuthorities& authorities) { return Shown(authorities.root.KeyPem(), ""); }),
      Given("two certificates as one", "more than 1",
            [](const TestAuthorities& authorities) {
              const std::string pem = Issue(NamedSpec("ada.example"), &authorities.root).Pem();
              return Shown(pem + pem, "");
            }),
      Given("a hundred certificates with it", "more than 9",
            [](const TestAuthorities& authorities) {
              std::string chain;
              for (int i = 0; i < 100; ++i) chain += authorities.intermediate.Pem();
              return Shown(Issue(NamedSpec("ada.example"), &authorities.root).Pem(), chain);
            }),
      Given("a megabyte", "too large", [](const TestAuthorities&) { return Shown(std::string(1 << 20, 'a'), ""); }),
      Given("a PEM block with headers", "other than a certificate",
            [](const TestAuthorities& authorities) {
              std::string pem = Issue(NamedSpec("ada.example"), &authorities.root).Pem();
              pem.insert(pem.find('\n') + 1, "Comment: none\n\n");
              return Shown(pem, "");
            }),
      Given("a certificate with bytes after it", "bytes after its end",
            [](const TestAuthorities& authorities) {
              const std::string pem = Issue(NamedSpec("ada.example"), &authorities.root).Pem();
              const size_t begin = pem.find('\n') + 1;
              const std::string base64 = pem.substr(begin, pem.find("-----END") - begin);
              std::string der;
              REQUIRE(absl::Base64Unescape(base64, &der));
              return Shown(
                  "-----BEGIN CERTIFICATE-----\n" + absl::Base64Escape(der + '\0') + "\n-----END CERTIFICATE-----\n",
                  "");
            }),
      Given("something else with it", "other than a certificate",
            [](const TestAuthorities& authorities) {
              return Shown(Issue(NamedSpec("ada.example"), &authorities.root).Pem(), authorities.root.KeyPem());
            }),
      Plain("version 1", "version 3", [](CertificateSpec& spec) { spec.version = 1; }),
      Plain("a negative serial number", "serial number", [](CertificateSpec& spec) { spec.serial = "-\x05"; }),
      Plain("a serial number of 21 bytes", "serial number",
            [](CertificateSpec& spec) { spec.serial = std::string(21, '\x11'); }),
      Plain("basic constraints that are no DER", "cannot be read",
            [](CertificateSpec& spec) {
              spec.extensions["basicConstraints"] = "";
              spec.raw = {{"2.5.29.19", "critical,garbage"}};
            }),
      Plain("two alternative names", "twice",
            [](CertificateSpec& spec) {
              spec.raw = {{"2.5.29.17",
                           "\x30\x05\x82\x03"
                           "bob"}};
            }),
      Plain("two extended key usages", "twice",
            [](CertificateSpec& spec) {
              spec.raw = {{"2.5.29.37", "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"}};
            }),
      Plain("a critical extension that nobody knows", "critical extension",
            [](CertificateSpec& spec) {
              spec.raw = {{"1.3.6.1.4.1.99999.1", "critical,\x05"}};
            }),
  };
}

std::vector<Refusal> OfTimeAndSigner() {
  return {
      Plain("expired", "has expired", [](CertificateSpec& spec) { spec.until = kTestNow - absl::Seconds(1); }),
      Plain("expiring now", "has expired", [](CertificateSpec& spec) { spec.until = kTestNow; }),
      Plain("not yet valid", "not yet valid", [](CertificateSpec& spec) { spec.from = kTestNow + absl::Seconds(1); }),
      Through("an intermediate that has expired", "authority that the client certificate needs has expired",
              [](CertificateSpec& spec) { spec.until = kTestNow - absl::Seconds(1); }),
      Through("an intermediate that is not yet valid", "authority that the client certificate needs is not yet valid",
              [](CertificateSpec& spec) { spec.from = kTestNow + absl::Seconds(1); }),
      Given("signed by itself", "may sign it",
            [](const TestAuthorities&) { return Shown(Issue(NamedSpec("ada.example"), nullptr)); }),
      Given("signed by a stranger", "may sign it",
            [](const TestAuthorities& authorities) {
              return Shown(Issue(NamedSpec("ada.example"), &authorities.stranger), authorities.stranger);
            }),
      Given("signed by one who calls itself like the root", "signature that is wrong",
            [](const TestAuthorities&) {
              const Issued impostor = Impostor(AuthoritySpec("Root"));
              CertificateSpec spec = NamedSpec("ada.example");
              spec.extensions["authorityKeyIdentifier"] = "";
              return Shown(Issue(spec, &impostor));
            }),
      Given("a changed signature", "signature that is wrong",
            [](const TestAuthorities& authorities) {
              return Shown(WithWrongSignature(Issue(NamedSpec("ada.example"), &authorities.root)));
            }),
      Given("an intermediate with a changed signature", "signature that is wrong",
            [](const TestAuthorities& authorities) {
              return Shown(Issue(NamedSpec("ada.example"), &authorities.intermediate),
                           WithWrongSignature(authorities.intermediate));
            }),
      Given("an intermediate that is missing", "may sign it",
            [](const TestAuthorities& authorities) {
              return Shown(Issue(NamedSpec("ada.example"), &authorities.intermediate));
            }),
      Given("the root itself", "of an authority",
            [](const TestAuthorities& authorities) { return Shown(authorities.root); }),
      Given("signed by another caller", "may not sign others",
            [](const TestAuthorities& authorities) {
              const Issued caller = Issue(NamedSpec("eve.example"), &authorities.root);
              return Shown(Issue(NamedSpec("ada.example"), &caller), caller);
            }),
      Through("an intermediate that says it is no authority", "may not sign others",
              SetExtension("basicConstraints", "critical,CA:FALSE")),
      Through("an intermediate without basic constraints", "may not sign others", SetExtension("basicConstraints", "")),
      Through("an intermediate that may not sign certificates", "may not sign others",
              SetExtension("keyUsage", "critical,digitalSignature,cRLSign")),
      Through("an intermediate that is for servers", "not for client authentication",
              SetExtension("extendedKeyUsage", "serverAuth")),
      Given("more authorities than one says may be below it", "more authorities",
            [](const TestAuthorities& authorities) {
              CertificateSpec limited = AuthoritySpec("Limited");
              limited.extensions["basicConstraints"] = "critical,CA:TRUE,pathlen:0";
              const Issued upper = Issue(limited, &authorities.root);
              const Issued lower = Issue(AuthoritySpec("Lower"), &upper);
              return Shown(Issue(NamedSpec("ada.example"), &lower).Pem(), lower.Pem() + upper.Pem());
            }),
      Given("nine authorities between", "more authorities",
            [](const TestAuthorities& authorities) {
              std::string chain;
              Issued last = authorities.root;
              for (int i = 0; i < 9; ++i) {
                last = Issue(AuthoritySpec("Link " + std::to_string(i)), &last);
                chain += last.Pem();
              }
              return Shown(Issue(NamedSpec("ada.example"), &last).Pem(), chain);
            }),
      Through("a name that the intermediate may not give", "name constraint",
              SetExtension("nameConstraints", "critical,permitted;DNS:other.example")),
      Given("a common name beside a DNS name, which the intermediate may not give", "name constraint",
            [](const TestAuthorities& authorities) {
              CertificateSpec limited = AuthoritySpec("Limited");
              limited.extensions["nameConstraints"] = "critical,permitted;DNS:team.example";
              const Issued intermediate = Issue(limited, &authorities.root);
              CertificateSpec spec = NamedSpec("team.example");
              spec.subject = {{"CN", "ada.example"}};
              return Shown(Issue(spec, &intermediate), intermediate);
            }),
      Through("a name that the intermediate is kept from giving", "name constraint",
              SetExtension("nameConstraints", "critical,excluded;DNS:ada.example")),
  };
}

std::vector<Refusal> OfStrength() {
  return {
      Plain("RSA of 1024 bits", "too short", SetKey(KeyKind::kRsa1024)),
      Plain("RSA of 16384 bits", "too long", SetKey(KeyKind::kRsa16384)),
      Plain("DSA", "of a kind that is not accepted", SetKey(KeyKind::kDsa)),
      Plain("P-224", "curve", SetKey(KeyKind::kP224)),
      Plain("secp256k1", "curve", SetKey(KeyKind::kSecp256k1)),
      Plain("a curve given by its parameters", "curve", SetKey(KeyKind::kP256SpeltOut)),
      Plain("signed with SHA-1", "weak or unknown algorithm", [](CertificateSpec& spec) { spec.digest = "SHA1"; }),
      Given("signed with MD5", "weak or unknown algorithm",
            [](const TestAuthorities& authorities) {
              CertificateSpec rsa = AuthoritySpec("RSA");
              rsa.key = KeyKind::kRsa2048;
              const Issued intermediate = Issue(rsa, &authorities.root);
              CertificateSpec spec = NamedSpec("ada.example");
              spec.digest = "MD5";
              return Shown(Issue(spec, &intermediate), intermediate);
            }),
      Plain("signed with SHA-224", "weak or unknown algorithm", [](CertificateSpec& spec) { spec.digest = "SHA224"; }),
      Through("an intermediate signed with SHA-1", "authority that the client certificate needs is signed with a weak",
              [](CertificateSpec& spec) { spec.digest = "SHA1"; }),
      Through("an intermediate with RSA of 1024 bits", "authority sent with the client certificate has an RSA key",
              SetKey(KeyKind::kRsa1024)),
  };
}

std::vector<Refusal> OfUse() {
  return {
      Plain("an authority's basic constraints", "of an authority",
            SetExtension("basicConstraints", "critical,CA:TRUE")),
      Plain("leave to sign certificates", "of an authority",
            SetExtension("keyUsage", "critical,digitalSignature,keyCertSign")),
      Plain("leave to sign revocation lists", "of an authority",
            SetExtension("keyUsage", "critical,digitalSignature,cRLSign")),
      Plain("no leave to sign", "does not allow signatures", SetExtension("keyUsage", "critical,keyEncipherment")),
      Plain("leave for key agreement only", "does not allow signatures",
            SetExtension("keyUsage", "critical,keyAgreement")),
      Plain("no extended key usage", "does not say that it is for client authentication",
            SetExtension("extendedKeyUsage", "")),
      Plain("for servers", "not for client authentication", SetExtension("extendedKeyUsage", "serverAuth")),
      Plain("for signing code", "not for client authentication", SetExtension("extendedKeyUsage", "codeSigning")),
      Plain("for anything", "not for client authentication", SetExtension("extendedKeyUsage", "anyExtendedKeyUsage")),
  };
}

std::vector<Refusal> OfName() {
  const auto common_name = [](std::string name) {
    return [name](CertificateSpec& spec) {
      spec.dns.clear();
      spec.subject = {{"CN", name}};
    };
  };
  const auto dns = [](const std::string& name) { return [name](CertificateSpec& spec) { spec.dns = {name}; }; };
  return {
      Plain("a DNS name with a NUL", "control characters", dns(std::string("ada.example\0.evil.example", 25))),
      Plain("a later DNS name with a NUL", "control characters",
            [](CertificateSpec& spec) {
              spec.dns = {"ada.example", std::string("a\0b", 3)};
            }),
      Plain("a DNS name with a line feed", "control characters", dns("ada.example\n")),
      Plain("a DNS name with a DEL", "control characters", dns("ada.example\x7f")),
      Plain("a later DNS name with a DEL", "control characters",
            [](CertificateSpec& spec) {
              spec.dns = {"ada.example", "a\x7f"};
            }),
      Plain("a mail address with a NUL", "control characters",
            [](CertificateSpec& spec) { spec.emails = {std::string("ada@example\0", 12)}; }),
      Plain("a URI with a NUL", "control characters",
            [](CertificateSpec& spec) { spec.uris = {std::string("https://example/\0", 17)}; }),
      Plain("a wildcard", "names no one host", dns("*.example")),
      Plain("a DNS name with a space", "names no one host", dns("ada example")),
      Plain("a DNS name with an empty label", "names no one host", dns("ada..example")),
      Plain("a DNS name with a dot at its end", "names no one host", dns("ada.example.")),
      Plain("a DNS name with bytes over 127", "names no one host", dns("\xc3\xa4.example")),
      Plain("an empty DNS name", "names no one host", dns("")),
      Plain("a common name with a NUL", "control characters", common_name(std::string("ada\0root", 8))),
      Plain("a common name with an escape sequence", "control characters", common_name("ada\x1b[2J")),
      Plain("an organisation with a NUL", "control characters",
            [](CertificateSpec& spec) {
              spec.subject = {{"O", std::string("a\0b", 3)}, {"CN", "ada"}};
            }),
      Plain("a common name that a zero-width space hides in", "printable ASCII",
            common_name("a\xe2\x80\x8b"
                        "da")),
      Plain("a common name in Cyrillic", "printable ASCII",
            common_name("\xd0\xb0"
                        "da")),
      Plain("a common name with a space before", "printable ASCII", common_name(" ada")),
      Plain("a common name of Latin-1 text", "outdated kind",
            [](CertificateSpec& spec) {
              spec.dns.clear();
              spec.subject = {{"CN", "ada"}};
              spec.subject_text_type = V_ASN1_T61STRING;
            }),
      Plain("two common names", "several common names",
            [](CertificateSpec& spec) {
              spec.dns.clear();
              spec.subject = {{"CN", "ada"}, {"CN", "root"}};
            }),
      Plain("a common name like a SPIFFE ID", "looks like a SPIFFE ID", common_name("spiffe://prod.example/admin")),
      Plain("no name at all", "names nobody",
            [](CertificateSpec& spec) {
              spec.dns.clear();
              spec.subject.clear();
            }),
  };
}

std::vector<Refusal> OfSpiffe() {
  return {
      Spiffe("two SPIFFE IDs", "only one is allowed",
             [](CertificateSpec& spec) {
               spec.uris = {kGoodId, "spiffe://prod.example/other"};
             }),
      Spiffe("a SPIFFE ID and another URI", "only one is allowed",
             [](CertificateSpec& spec) {
               spec.uris = {"https://example/", kGoodId};
             }),
      Spiffe("the same SPIFFE ID twice", "only one is allowed",
             [](CertificateSpec& spec) {
               spec.uris = {kGoodId, kGoodId};
             }),
      Spiffe("no key usage", "no key usage", SetExtension("keyUsage", "")),
      Spiffe("an authority's certificate", "of an authority", SetExtension("basicConstraints", "critical,CA:TRUE")),
      Spiffe("leave to sign certificates", "of an authority",
             SetExtension("keyUsage", "critical,digitalSignature,keyCertSign")),
      Spiffe("a SPIFFE ID with a NUL", "control characters",
             [](CertificateSpec& spec) { spec.uris = {std::string(kGoodId) + std::string("\0x", 2)}; }),
      Spiffe("a SPIFFE ID of 2049 bytes", "too long",
             [](CertificateSpec& spec) { spec.uris = {"spiffe://prod.example/" + std::string(2027, 'a')}; }),
      Spiffe("a trust domain of 256 bytes", "trust domain is too long",
             [](CertificateSpec& spec) { spec.uris = {"spiffe://" + std::string(256, 'a') + "/x"}; }),
      BadId("spiffe://prod.example", "without a path"),
      BadId("spiffe://prod.example/", "without a path"),
      BadId("spiffe://prod.example/a/", "empty segment"),
      BadId("spiffe://prod.example//a", "empty segment"),
      BadId("spiffe://prod.example/a//b", "empty segment"),
      BadId("spiffe://prod.example/./a", "segment of dots"),
      BadId("spiffe://prod.example/a/../b", "segment of dots"),
      BadId("spiffe://prod.example/a b", "path has characters"),
      BadId("spiffe://prod.example/a%2fb", "path has characters"),
      BadId("spiffe://prod.example/a?b=c", "path has characters"),
      BadId("spiffe://prod.example/a#b", "path has characters"),
      BadId("spiffe://prod.example/\xc3\xa4", "path has characters"),
      BadId("spiffe://prod.example?x/a", "trust domain has characters"),
      BadId("spiffe://prod.example:443/a", "trust domain has characters"),
      BadId("spiffe://user@prod.example/a", "trust domain has characters"),
      BadId("spiffe://Prod.example/a", "trust domain has characters"),
      BadId("spiffe://prod%2eexample/a", "trust domain has characters"),
      BadId("spiffe://[::1]/a", "trust domain has characters"),
      BadId("spiffe:///a", "without a trust domain"),
      BadId("spiffe://", "without a trust domain"),
      BadId("spiffe:", "does not begin with spiffe://"),
      BadId("spiffe:/prod.example/a", "does not begin with spiffe://"),
      BadId("SPIFFE://prod.example/a", "does not begin with spiffe://"),
      BadId("Spiffe://prod.example/a", "does not begin with spiffe://"),
      BadId("spiffe://test.example/a", "does not know"),
      BadId("spiffe://prod.example.evil/a", "does not know"),
      BadId("spiffe://dev.example/a", "may sign it"),
      Given("signed by the plain authority", "may sign it",
            [](const TestAuthorities& authorities) { return Shown(Issue(SpiffeSpec(kGoodId), &authorities.root)); }),
      Given("signed by another trust domain's authority", "may sign it",
            [](const TestAuthorities& authorities) {
              return Shown(Issue(SpiffeSpec(kGoodId), &authorities.dev), authorities.dev);
            }),
      Given(
          "a plain name signed by a trust domain's authority", "may sign it",
          [](const TestAuthorities& authorities) { return Shown(Issue(NamedSpec("ada.example"), &authorities.prod)); }),
      Given("a trust domain that its authority may not name", "name constraint",
            [](const TestAuthorities& authorities) {
              CertificateSpec limited = AuthoritySpec("Limited");
              limited.extensions["nameConstraints"] = "critical,permitted;URI:team.example";
              const Issued intermediate = Issue(limited, &authorities.prod);
              return Shown(Issue(SpiffeSpec(kGoodId), &intermediate), intermediate);
            }),
  };
}

void CheckAllRefused(const std::vector<Refusal>& refusals) {
  const TestAuthorities authorities;
  const std::unique_ptr<gateway::MtlsVerifier> verifier = authorities.Verifier();
  for (const Refusal& refusal : refusals) {
    const Shown shown = refusal.make(authorities);
    const gateway::ProofResult result = Verify(*verifier, shown);
    INFO(refusal.what << ": " << result.status().ToString());
    CHECK(absl::IsUnauthenticated(result.status()));
    CHECK(std::string(result.status().message()).find(refusal.reason) != std::string::npos);
    // Refused again the same way, from memory.
    CHECK(Verify(*verifier, shown).status() == result.status());
  }
}

}  // namespace

TEST_CASE("what is not one well-formed certificate is refused") { CheckAllRefused(OfForm()); }
TEST_CASE("certificates out of their time, or not signed as they need to be, are refused") {
  CheckAllRefused(OfTimeAndSigner());
}
TEST_CASE("weak keys and signatures are refused") { CheckAllRefused(OfStrength()); }
TEST_CASE("certificates that are not for callers are refused") { CheckAllRefused(OfUse()); }
TEST_CASE("names that are odd or not there are refused") { CheckAllRefused(OfName()); }
TEST_CASE("SPIFFE IDs that are not as the standard has them, or of another trust domain, are refused") {
  CheckAllRefused(OfSpiffe());
}

TEST_CASE("there are enough ways to be refused") {
  std::set<std::string> ways;
  for (const auto& refusals : {OfForm(), OfTimeAndSigner(), OfStrength(), OfUse(), OfName(), OfSpiffe()}) {
    for (const Refusal& refusal : refusals) ways.insert(refusal.what);
  }
  CHECK(ways.size() >= 100);
}

}  // namespace sallyport::testing
