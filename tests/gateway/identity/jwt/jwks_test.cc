#include "gateway/identity/jwt/jwks.h"

#include <catch2/catch.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/gateway/identity/jwt/key_ring.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

// Why the one key of a set is not taken.
std::string Refusal(const json& key) {
  const auto set = KeySet::Parse(JwksText({key}));
  REQUIRE_FALSE(set.ok());
  CHECK(absl::IsInvalidArgument(set.status()));
  return std::string(set.status().message());
}
json With(json key, const char* name, const json& value) {
  key[name] = value;
  return key;
}
json Without(json key, const char* name) {
  key.erase(name);
  return key;
}

}  // namespace

TEST_CASE("keys of every kind are taken, and odd ones skipped with a reason") {
  std::vector<json> keys;
  for (const auto& [id, key] : Keys()) keys.push_back(key.Jwk(id));
  keys.push_back({{"kty", "oct"}, {"k", "c2VjcmV0"}, {"kid", "shared"}});
  keys.push_back(5);
  keys.push_back(With(Keys().at("rsa").Jwk("enc"), "use", "enc"));
  const auto set = KeySet::Parse(JwksText(keys));
  REQUIRE(set.ok());
  CHECK((*set)->keys().size() == 6);
  REQUIRE((*set)->skipped().size() == 3);
  CHECK((*set)->skipped()[0] == "key 6 (kid shared): its private half is published with it");
  CHECK((*set)->skipped()[1] == "key 7: it is no object");
  CHECK((*set)->skipped()[2] == "key 8 (kid enc): it is not for signatures");
  CHECK((*set)->Find("rsa", SignatureAlgorithm::kPS384).size() == 1);
  CHECK((*set)->Find("rsa", SignatureAlgorithm::kES256).empty());
  CHECK((*set)->Find(std::nullopt, SignatureAlgorithm::kEdDSA).size() == 2);
  CHECK((*set)->Find("enc", SignatureAlgorithm::kRS256).empty());
}

TEST_CASE("no key is taken that is weak, broken or for something else") {
  const json rsa = Keys().at("rsa").Jwk("k");
  const json p256 = Keys().at("p256").Jwk("k");
  const json ed = Keys().at("ed25519").Jwk("k");
  const std::pair<json, const char*> cases[] = {
      {TokenKey::Make("RSA-1024").Jwk("k"), "1024 bits"},
      {TokenKey::Make("RSA-2040").Jwk("k"), "2040 bits"},
      {With(rsa, "n", Base64Url(std::string(1025, '\x55'))), "more than 8192 bits"},
      {With(rsa, "n", Base64Url(std::string(256, '\x80'))), "even"},
      {With(rsa, "n", Base64Url(std::string(200, '\0') + std::string(56, '\x55'))), "bits, fewer than 2048"},
      {With(rsa, "n", ""), "0 bits"},
      {With(rsa, "n", 5), "its n is no text"},
      {With(rsa, "n", rsa["n"].get<std::string>() + "="), "no base64url"},
      {Without(rsa, "n"), "its n is missing"},
      {Without(rsa, "e"), "its e is missing"},
      {With(rsa, "e", "AQ"), "its exponent"},
      {With(rsa, "e", "Aw"), "its exponent"},
      {With(rsa, "e", ""), "its exponent"},
      {With(rsa, "e", "AQAA"), "its exponent"},
      {With(rsa, "e", "AQAAAAE"), "its exponent"},
      {With(rsa, "e", "AQAC"), "its exponent"},    // 65538
      {With(rsa, "e", "_____g"), "its exponent"},  // 2^32 - 2
      {With(rsa, "e", "__8"), "its exponent"},     // 65535
      {With(rsa, "d", "AQAB"), "private half"},
      {With(p256, "d", "AQAB"), "private half"},
      {With(ed, "d", "AQAB"), "private half"},
      {With(rsa, "use", "enc"), "not for signatures"},
      {With(rsa, "use", 5), "its use is no text"},
      {With(rsa, "key_ops", json::array({"sign"})), "not for verifying"},
      {With(rsa, "key_ops", "verify"), "not for verifying"},
      {With(rsa, "alg", "ES256"), "its alg is not one for its type"},
      {With(rsa, "alg", "RSA-OAEP"), "its alg is none that is taken"},
      {With(rsa, "alg", "none"), "its alg is none that is taken"},
      {With(p256, "alg", "ES384"), "its alg is not one for its type"},
      {With(ed, "alg", "ES256"), "its alg is not one for its type"},
      {With(rsa, "kty", "rsa"), "its kty"},
      {With(rsa, "kty", nullptr), "its kty is no text"},
      {Without(rsa, "kty"), "its kty"},
      {With(p256, "crv", "P-384"), "does not have 48 bytes"},
      {With(p256, "crv", "secp256k1"), "its crv"},
      {With(p256, "crv", "Ed25519"), "no curve of EC keys"},
      {With(ed, "crv", "P-256"), "no curve of OKP keys"},
      {With(ed, "crv", "X25519"), "its crv"},
      {With(ed, "crv", "Ed448"), "does not have 57 bytes"},
      {With(p256, "x", p256["y"]), "no point of P-256"},
      {With(p256, "x", Base64Url(std::string(32, '\0'))), "no point of P-256"},
      {With(With(p256, "x", Base64Url(std::string(32, '\0'))), "y", Base64Url(std::string(32, '\0'))), "no point"},
      {With(p256, "x", Base64Url(std::string(32, '\xff'))), "no point of P-256"},
      {With(p256, "x", Base64Url(std::string(31, '\x01'))), "does not have 32 bytes"},
      {With(p256, "x", Base64Url(std::string(33, '\x01'))), "does not have 32 bytes"},
      {Without(p256, "y"), "its y is missing"},
      {With(rsa, "kid", ""), "its kid"},
      {With(rsa, "kid", 5), "its kid is no text"},
      {With(rsa, "kid", "a\nb"), "its kid"},
      {With(rsa, "kid", std::string(257, 'k')), "its kid"},
  };
  for (const auto& [key, why] : cases) {
    const std::string refusal = Refusal(key);
    INFO(refusal);
    CHECK(absl::StrContains(refusal, why));
  }
}

TEST_CASE("what is no key set is refused whole") {
  const std::string key = Keys().at("p256").Jwk("k").dump();
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("[]"), std::string("{}"), std::string(R"({"keys":{}})"),
        std::string(R"({"keys":null})"), std::string(R"({"keys":[]})"), R"({"keys":[)" + key, R"([)" + key + "]",
        R"({"keys":[)" + key + R"(],"keys":[]})", R"({"keys":[)" + key + "]} x", "\xef\xbb\xbf{\"keys\":[" + key + "]}",
        std::string("<html>not found</html>"),
        R"({"keys":[)" + key + "]," + R"("x":")" + std::string(KeySet::kMostBytes, 'x') + "\"}"}) {
    INFO(text.substr(0, 80));
    CHECK(absl::IsInvalidArgument(KeySet::Parse(text).status()));
  }
  const std::vector<json> most(KeySet::kMostKeys, Keys().at("p256").Jwk("k"));
  CHECK(KeySet::Parse(JwksText(most)).ok());
  std::vector<json> more = most;
  more.push_back(most.front());
  CHECK(absl::StrContains(KeySet::Parse(JwksText(more)).status().message(), "more than 128 keys"));
}

}  // namespace sallyport::gateway
