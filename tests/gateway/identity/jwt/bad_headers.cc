#include "absl/strings/str_cat.h"
#include "tests/gateway/identity/jwt/bad_tokens.h"
#include "tests/gateway/identity/jwt/key_ring.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

std::string Sign(const json& header) { return Signed(Unsigned(header, Claims()), "ES256", Keys().at("p256")); }
json With(const char* name, const json& value) {
  json header = Header("ES256", "p256");
  header[name] = value;
  return header;
}

// Names that are no algorithm here, each with every signature that a careless reader might take for a good one.
void AddUnknownAlgorithms(std::vector<BadToken>& bad) {
  const TokenKey& key = Keys().at("p256");
  for (const char* name :
       {"none",    "None",   "NONE",   "nOnE",       "",
        " none",   "none ",  "HS256",  "HS384",      "HS512",
        "hs256",   "RS1",    "rs256",  "es256",      "Es256",
        "ES256 ",  " ES256", "ES256K", "ES257",      "ES",
        "EDDSA",   "eddsa",  "RSA",    "ECDSA",      "PS1",
        "A128KW",  "dir",    "RSA1_5", "RSA-OAEP",   "ECDH-ES",
        "SHA256",  "MD5",    "null",   "RS256,none", "RS256\nnone",
        "ES256-R", "ESP256", "HMAC",   "0",          "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"}) {
    const std::string part = Unsigned(Header(name, "p256"), Claims());
    const std::pair<const char*, std::string> signatures[] = {
        {"no signature", ""},
        {"a good signature", key.Sign("ES256", part)},
        {"the public key as an HMAC secret", Hmac(key.PublicPem(), part)},
        {"the JWK as an HMAC secret", Hmac(key.Jwk("p256").dump(), part)},
        {"an empty HMAC secret", Hmac("", part)},
    };
    for (const auto& [what, signature] : signatures) {
      bad.push_back(
          {absl::StrCat("alg \"", name, "\", ", what), WithSignature(part, signature), TokenFault::kAlgorithm});
    }
  }
  for (const char* end : {R"(\u0000)", R"(\u0000none)", R"(\u200b)", R"(\ufeff)", R"(\n)"}) {
    const std::string header = absl::StrCat(R"({"alg":"ES256)", end, R"(","kid":"p256"})");
    const std::string part = UnsignedText(header, Claims().dump());
    bad.push_back({absl::StrCat("alg ES256 and ", end), Signed(part, "ES256", key), TokenFault::kAlgorithm});
  }
}

// Algorithms that are taken, with a key of the issuer that they are not for.
void AddMisfits(std::vector<BadToken>& bad) {
  for (const Signing& signing : kSignings) {
    for (const auto& [id, key] : Keys()) {
      const std::string algorithm = signing.algorithm;
      const std::string type = id.substr(0, 2);
      const bool fits = id == signing.key || (algorithm == "EdDSA" && type == "ed");
      if (fits) continue;
      const std::string part = Unsigned(Header(algorithm, id), Claims());
      bad.push_back({absl::StrCat(algorithm, " with the id of ", id, ", signed by ", signing.key),
                     Signed(part, algorithm, Keys().at(signing.key)), TokenFault::kAlgorithm});
    }
  }
  for (const char* algorithm : {"PS256", "RS384", "RS512"}) {
    const std::string part = Unsigned(Header(algorithm, "rs256-only"), Claims());
    bad.push_back({absl::StrCat(algorithm, " with a key for RS256"), Signed(part, algorithm, Keys().at("rsa")),
                   TokenFault::kAlgorithm});
  }
}

void AddKinds(std::vector<BadToken>& bad) {
  const json wrong[] = {nullptr, true, 5, 1.5, json::array(), json::array({"ES256"}), json::object()};
  for (const char* name : {"alg", "kid", "typ"}) {
    for (const json& value : wrong) {
      bad.push_back({absl::StrCat(name, " is ", value.dump()), Sign(With(name, value)), TokenFault::kHeader});
    }
  }
  json nameless = Header("ES256", "p256");
  nameless.erase("alg");
  bad.push_back({"no alg", Sign(nameless), TokenFault::kHeader});
  bad.push_back({"an empty header", Sign(json::object()), TokenFault::kHeader});
  for (const char* type : {"",
                           "ID",
                           "id_token",
                           "logout+jwt",
                           "dpop+jwt",
                           "secevent+jwt",
                           "token-introspection+jwt",
                           "oauth-authz-req+jwt",
                           "kb+jwt",
                           "JOSE",
                           "JOSE+JSON",
                           "JWE",
                           "JWS",
                           "jwt2",
                           "J WT",
                           " JWT",
                           "JWT ",
                           "at+jwt;x",
                           "application/",
                           "application/logout+jwt",
                           "application/application/jwt",
                           "text/jwt",
                           "jwt\n",
                           "refresh+jwt"}) {
    bad.push_back({absl::StrCat("typ \"", type, "\""), Sign(With("typ", type)), TokenFault::kHeader});
  }
}

// What tells the reader to do something else than it does.
void AddExtensions(std::vector<BadToken>& bad) {
  for (const json& value :
       {json::array(), json::array({"exp"}), json::array({"b64"}), json::array({"alg"}),
        json::array({"http://example.invalid/UNDEFINED"}), json("exp"), json(nullptr), json(false)}) {
    bad.push_back({absl::StrCat("crit ", value.dump()), Sign(With("crit", value)), TokenFault::kHeader});
  }
  json unencoded = With("crit", json::array({"b64"}));
  unencoded["b64"] = false;
  bad.push_back({"b64 with crit", Sign(unencoded), TokenFault::kHeader});
  for (const json& value : {json(false), json(true), json(nullptr)}) {
    bad.push_back({absl::StrCat("b64 ", value.dump()), Sign(With("b64", value)), TokenFault::kHeader});
  }
  bad.push_back({"zip", Sign(With("zip", "DEF")), TokenFault::kHeader});
  bad.push_back({"enc", Sign(With("enc", "A128GCM")), TokenFault::kHeader});
  json nested = With("cty", "JWT");
  const std::string inner = GoodToken({"ES256", "p256"});
  bad.push_back({"cty", Sign(nested), TokenFault::kHeader});
  bad.push_back({"a token in a token", Signed(UnsignedText(nested.dump(), inner), "ES256", Keys().at("p256")),
                 TokenFault::kHeader});
  bad.push_back({"a token in a token, unannounced",
                 Signed(UnsignedText(Header("ES256", "p256").dump(), inner), "ES256", Keys().at("p256")),
                 TokenFault::kMalformed});
}

// Keys that the token brings along, or tells where to find.
void AddOwnKeys(std::vector<BadToken>& bad) {
  static const TokenKey thief = TokenKey::Make("P-256");
  const std::pair<const char*, json> members[] = {
      {"jwk", thief.Jwk("p256")},
      {"jwk", Keys().at("p256").Jwk("p256")},
      {"jwk", {{"kty", "oct"}, {"k", "AA"}}},
      {"jwk", nullptr},
      {"jwk", json::object()},
      {"jku", "https://evil.example/keys"},
      {"jku", kJwksUrl},
      {"jku", "file:///etc/passwd"},
      {"jku", nullptr},
      {"x5u", "https://evil.example/chain.pem"},
      {"x5u", nullptr},
      {"x5c", json::array({"MIIB"})},
      {"x5c", json::array()},
      {"x5c", nullptr},
  };
  int number = 0;
  for (const auto& [name, value] : members) {
    const std::string part = Unsigned(With(name, value), Claims());
    bad.push_back(
        {absl::StrCat(name, " ", ++number, ", signed by a thief"), Signed(part, "ES256", thief), TokenFault::kHeader});
    bad.push_back({absl::StrCat(name, " ", number, ", well signed"), Sign(With(name, value)), TokenFault::kHeader});
  }
}

void AddKeyIds(std::vector<BadToken>& bad) {
  for (const std::string id : {"", " p256", "p256 ", "p256\n", "p2\t56", "p256\x01", "p256\x7f", "p256\u200b",
                               "p256\u202e", "\ufeffp256", "p\u00ad256"}) {
    bad.push_back({absl::StrCat("kid ", json(id).dump()), Sign(With("kid", id)), TokenFault::kHeader});
  }
  bad.push_back({"kid of 257 bytes", Sign(With("kid", std::string(257, 'k'))), TokenFault::kHeader});
  bad.push_back({"kid with a NUL", Sign(With("kid", std::string("p256\0", 5))), TokenFault::kHeader});
  for (const char* id : {"P256", "p25", "p2566", "encryption", "../../dev/null", "/dev/null", "' OR 1=1 --",
                         "${jndi:ldap://x}", "http://evil.example/k", "0", "null", "р256"}) {
    bad.push_back({absl::StrCat("kid ", id, ", which is unknown"), Sign(With("kid", id)), TokenFault::kKey});
    const std::string part = Unsigned(With("kid", id), Claims());
    bad.push_back(
        {absl::StrCat("kid ", id, ", signed with nothing"), WithSignature(part, Hmac("", part)), TokenFault::kKey});
  }
}

}  // namespace

std::vector<BadToken> BadHeaders() {
  std::vector<BadToken> bad;
  AddUnknownAlgorithms(bad);
  AddMisfits(bad);
  AddKinds(bad);
  AddExtensions(bad);
  AddOwnKeys(bad);
  AddKeyIds(bad);
  return bad;
}

}  // namespace sallyport::gateway
