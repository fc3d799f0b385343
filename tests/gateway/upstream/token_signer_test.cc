#include "gateway/upstream/credentials/token_signer.h"

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "recorder/crypto/crypto.h"
#include "recorder/system/command_process.h"
#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/upstream/credentials_fixture.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

enum class KeyKind { kEd25519, kP256, kP256Sec1, kP384, kRsa, kEncrypted };

// Runs a command that must succeed.
std::string Run(const std::string& command) {
  const auto outcome = recorder::RunCommand(command, "", 16384, absl::Seconds(60));
  REQUIRE(outcome.ok());
  INFO(command << ": " << outcome->complained.view());
  REQUIRE(outcome->succeeded());
  return std::string(outcome->said.view());
}

void MakeKey(const std::string& path, KeyKind kind) {
  const auto openssl = [kind]() -> std::string {
    switch (kind) {
      case KeyKind::kEd25519:
        return "openssl genpkey -algorithm ED25519";
      case KeyKind::kP256:
        return "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";
      case KeyKind::kP256Sec1:
        return "openssl ecparam -name prime256v1 -genkey -noout";
      case KeyKind::kP384:
        return "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384";
      case KeyKind::kRsa:
        return "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048";
      case KeyKind::kEncrypted:
        return "openssl genpkey -algorithm ED25519 -aes-256-cbc -pass pass:canary";
    }
    return "false";
  };
  Run(openssl() + " > " + path + ".new && mv " + path + ".new " + path);
}

json Decoded(absl::string_view part) {
  std::string text;
  REQUIRE(absl::WebSafeBase64Unescape(part, &text));
  return json::parse(text);
}

struct Parts {
  explicit Parts(const std::string& token) {
    const std::vector<std::string> parts = absl::StrSplit(token, '.');
    REQUIRE(parts.size() == 3);
    header = Decoded(parts[0]);
    claims = Decoded(parts[1]);
    signed_text = parts[0] + "." + parts[1];
    REQUIRE(absl::WebSafeBase64Unescape(parts[2], &signature));
    CHECK(token.find('=') == std::string::npos);
  }
  json header;
  json claims;
  std::string signed_text;
  std::string signature;
};

struct Subject {
  explicit Subject(KeyKind kind) { MakeKey(options.key_file, kind); }
  TokenSigner& signer() {
    if (made == nullptr) {
      auto created = TokenSigner::Create(options, now);
      INFO(created.status());
      REQUIRE(created.ok());
      made = *std::move(created);
    }
    return *made;
  }
  std::string Sign(const SignedTokenOptions& token_options, const TokenSubject& subject) {
    auto token = signer().Sign(token_options, subject, now);
    INFO(token.status());
    REQUIRE(token.ok());
    return token->text;
  }
  json Keys() { return json::parse(signer().KeySet(now))["keys"]; }
  std::set<std::string> KeyIds() {
    std::set<std::string> ids;
    for (const json& key : Keys()) ids.insert(key["kid"].get<std::string>());
    return ids;
  }

  testing::TemporaryDirectory directory;
  absl::Time now = absl::Now();
  TokenSigningOptions options{"https://gateway.example", directory.path() + "/key.pem", {}};
  std::unique_ptr<TokenSigner> made;
};

const TokenSubject kAlice{"https://idp.example", "alice", {"dev", "sre"}, "jwt"};

TEST_CASE("a token names the caller, and lives for minutes") {
  Subject subject(KeyKind::kEd25519);
  SignedTokenOptions options;
  options.audiences = {"etcd"};
  options.subject_claims = {"username"};
  options.claims = {{"tenant", "eu"}};
  options.number_claims = {{"revision", 7}};
  const Parts token(subject.Sign(options, kAlice));
  const int64_t now = absl::ToUnixSeconds(subject.now);
  const json& claims = token.claims;
  CHECK(claims["jti"].get<std::string>().size() == 22);
  json expected = {{"iss", "https://gateway.example"},
                   {"sub", "alice"},
                   {"username", "alice"},
                   {"aud", "etcd"},
                   {"iat", now},
                   {"exp", now + 300},
                   {"groups", json::array({"dev", "sre"})},
                   {"caller_issuer", "https://idp.example"},
                   {"caller_proof", "jwt"},
                   {"tenant", "eu"},
                   {"revision", 7},
                   {"jti", claims["jti"]}};
  CHECK(claims == expected);
  CHECK(token.header == json{{"alg", "EdDSA"}, {"typ", "JWT"}, {"kid", subject.Keys()[0]["kid"]}});

  options.audiences = {"a", "b"};
  options.omit_groups = true;
  const Parts other(subject.Sign(options, {"", "anonymous", {"x"}, "none"}));
  CHECK(other.claims["aud"] == json::array({"a", "b"}));
  CHECK_FALSE(other.claims.contains("groups"));
  CHECK_FALSE(other.claims.contains("caller_issuer"));
  CHECK(other.claims["jti"] != claims["jti"]);
}

TEST_CASE("what a token says of the caller is the gateway's word, whatever else it is to say") {
  Subject subject(KeyKind::kEd25519);
  SignedTokenOptions options;
  options.audiences = {"etcd"};
  for (const char* name : {"iss", "sub", "aud", "jti", "caller_proof", "caller_issuer"}) options.claims[name] = "root";
  for (const char* name : {"iat", "exp"}) options.number_claims[name] = 1;
  options.subject_claims = {"caller_proof", "iss"};
  const json claims = Parts(subject.Sign(options, kAlice)).claims;
  SignedTokenOptions plain;
  plain.audiences = {"etcd"};
  json expected = Parts(subject.Sign(plain, kAlice)).claims;
  expected["jti"] = claims["jti"];
  CHECK(claims == expected);
  CHECK(claims["jti"] != "root");
}

TEST_CASE("a token does not outlive the caller's proof") {
  Subject subject(KeyKind::kP256);
  TokenSubject alice = kAlice;
  alice.expires = subject.now + absl::Seconds(42);
  const Parts token(subject.Sign({}, alice));
  CHECK(token.claims["exp"].get<int64_t>() == absl::ToUnixSeconds(alice.expires));
}

TEST_CASE("a signature holds under the key that is served") {
  Subject subject(KeyKind::kEd25519);
  const Parts token(subject.Sign({}, kAlice));
  const json key = subject.Keys()[0];
  CHECK(key["kty"] == "OKP");
  CHECK(key["crv"] == "Ed25519");
  CHECK(key["use"] == "sig");
  CHECK(key["alg"] == "EdDSA");
  CHECK_FALSE(key.contains("d"));
  std::string public_key;
  REQUIRE(absl::WebSafeBase64Unescape(key["x"].get<std::string>(), &public_key));
  CHECK(recorder::VerifyEd25519(public_key, token.signed_text, token.signature));
  CHECK_FALSE(recorder::VerifyEd25519(public_key, token.signed_text + "x", token.signature));
}

TEST_CASE("an elliptic curve signature is two numbers side by side, and openssl agrees") {
  for (const KeyKind kind : {KeyKind::kP256, KeyKind::kP256Sec1}) {
    Subject subject(kind);
    const std::string at = subject.directory.path();
    const json key = subject.Keys()[0];
    CHECK(key["crv"] == "P-256");
    CHECK(key["alg"] == "ES256");
    Run(absl::StrCat("openssl pkey -in ", at, "/key.pem -pubout -out ", at, "/public.pem"));
    // Enough for numbers with leading zeros to come up.
    for (int i = 0; i < 300; ++i) {
      const Parts token(subject.Sign({}, kAlice));
      REQUIRE(token.signature.size() == 64);
      if (i > 0) continue;
      WriteFile(at + "/text", token.signed_text);
      WriteFile(at + "/halves", token.signature);
      // The two numbers as DER, which is what openssl takes.
      std::string asn1 = "asn1=SEQUENCE:both\n[both]\nr=INTEGER:0x" +
                         absl::BytesToHexString(token.signature.substr(0, 32)) + "\ns=INTEGER:0x" +
                         absl::BytesToHexString(token.signature.substr(32)) + "\n";
      WriteFile(at + "/asn1", asn1);
      Run(absl::StrCat("openssl asn1parse -genconf ", at, "/asn1 -noout -out ", at, "/der"));
      Run(absl::StrCat("openssl dgst -sha256 -verify ", at, "/public.pem -signature ", at, "/der ", at, "/text"));
    }
  }
}

TEST_CASE("a key's id is its RFC 7638 thumbprint") {
  Subject subject(KeyKind::kEd25519);
  const json key = subject.Keys()[0];
  const std::string canonical = R"({"crv":"Ed25519","kty":"OKP","x":")" + key["x"].get<std::string>() + "\"}";
  CHECK(key["kid"] == absl::WebSafeBase64Escape(std::string(recorder::AsText(recorder::Sha256({canonical})))));
  // The example of RFC 8037, A.3.
  const auto published = PublishedKeyFromPem(
      "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
      "-----END PUBLIC KEY-----\n");
  REQUIRE(published.ok());
  CHECK(published->id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

TEST_CASE("a key that is replaced signs from the next second on, and the one before is served while its tokens live") {
  Subject subject(KeyKind::kEd25519);
  const std::string first = Parts(subject.Sign({}, kAlice)).header["kid"];
  MakeKey(subject.options.key_file, KeyKind::kP256);
  CHECK(Parts(subject.Sign({}, kAlice)).header["kid"] == first);
  subject.now += absl::Seconds(1);
  const Parts token(subject.Sign({}, kAlice));
  const std::string second = token.header["kid"];
  CHECK(second != first);
  CHECK(token.header["alg"] == "ES256");
  CHECK(subject.KeyIds() == std::set<std::string>{first, second});
  CHECK(subject.Keys()[0]["kid"] == second);
  subject.now += TokenSigner::kLongestLife;
  CHECK(subject.KeyIds() == std::set<std::string>{first, second});
  subject.now += absl::Minutes(1);
  CHECK(subject.KeyIds() == std::set<std::string>{second});
}

TEST_CASE("a key file that turns bad leaves the gateway with the key it has") {
  Subject subject(KeyKind::kEd25519);
  const std::string first = Parts(subject.Sign({}, kAlice)).header["kid"];
  for (const char* bad : {"", "rubbish", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    WriteFile(subject.options.key_file, bad);
    subject.now += absl::Seconds(2);
    CHECK(Parts(subject.Sign({}, kAlice)).header["kid"] == first);
  }
  MakeKey(subject.options.key_file, KeyKind::kEd25519);
  subject.now += absl::Seconds(2);
  CHECK(Parts(subject.Sign({}, kAlice)).header["kid"] != first);
}

TEST_CASE("keys of other gateways are served too, each once") {
  Subject subject(KeyKind::kEd25519);
  const std::string at = subject.directory.path();
  MakeKey(at + "/other.pem", KeyKind::kP256);
  Run("openssl pkey -in " + at + "/other.pem -pubout -out " + at + "/other.pub");
  Run("openssl pkey -in " + at + "/key.pem -pubout -out " + at + "/own.pub");
  subject.options.also_served_files = {at + "/other.pub", at + "/own.pub"};
  CHECK(subject.Keys().size() == 2);
  CHECK(subject.KeyIds().size() == 2);
}

TEST_CASE("other keys, and files that are none, are refused by name") {
  for (const KeyKind kind : {KeyKind::kP384, KeyKind::kRsa, KeyKind::kEncrypted}) {
    Subject subject(kind);
    const auto signer = TokenSigner::Create(subject.options, subject.now);
    REQUIRE_FALSE(signer.ok());
    CHECK(Contains(std::string(signer.status().message()), subject.options.key_file));
  }
  Subject subject(KeyKind::kEd25519);
  const std::string private_key = Run("cat " + subject.options.key_file);
  for (const std::string& bad : {std::string(), std::string("canary"), private_key}) {
    CHECK_FALSE(PublishedKeyFromPem(bad).ok());
  }
  subject.options.also_served_files = {subject.directory.path() + "/none"};
  CHECK(absl::IsNotFound(TokenSigner::Create(subject.options, subject.now).status()));
  subject.options.key_file = subject.directory.path() + "/none";
  CHECK(absl::IsNotFound(TokenSigner::Create(subject.options, subject.now).status()));
}

TEST_CASE("who cannot be named in a token gets none") {
  Subject subject(KeyKind::kEd25519);
  const auto sign = [&](const TokenSubject& who) { return subject.signer().Sign({}, who, subject.now).status(); };
  CHECK(absl::IsInvalidArgument(sign({"", "\xff\xfe", {}, "mtls"})));
  CHECK(absl::IsInvalidArgument(sign({"", "a", {"\xc0\xaf"}, "mtls"})));
  CHECK(absl::IsInvalidArgument(sign({"", "a", std::vector<std::string>(1000, "group-name"), "jwt"})));
  // What JSON escapes is fine.
  const Parts odd(subject.Sign({}, {"", "a\"b\\c\n\x01", {}, "mtls"}));
  CHECK(odd.claims["sub"] == "a\"b\\c\n\x01");
}

TEST_CASE("verifiers find the keys by the issuer's URL") {
  Subject subject(KeyKind::kEd25519);
  subject.options.issuer = "https://gateway.example/sallyport/";
  const json metadata = json::parse(subject.signer().ProviderMetadata());
  CHECK(metadata["issuer"] == "https://gateway.example/sallyport/");
  CHECK(metadata["jwks_uri"] == "https://gateway.example/sallyport/.well-known/jwks.json");
  CHECK(metadata["id_token_signing_alg_values_supported"] == json::array({"ES256", "EdDSA"}));
}

}  // namespace
}  // namespace sallyport::gateway
