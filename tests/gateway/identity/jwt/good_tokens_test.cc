#include <cjose/cjose.h>

#include <catch2/catch.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "gateway/identity/jwt/jwt.h"
#include "gateway/identity/jwt/token_fault.h"
#include "tests/gateway/identity/jwt/key_ring.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

ProofResult Verify(Rig& rig, const json& header, const json& claims) {
  const Signing signing = {"ES256", "p256"};
  return *rig.verifier->VerifyNow(Signed(Unsigned(header, claims), signing.algorithm, Keys().at(signing.key)), kNow);
}
ProofResult Verify(Rig& rig, const json& claims) { return Verify(rig, Header("ES256", "p256"), claims); }

// A second opinion.
bool CjoseVerifies(const std::string& token, const json& jwk) {
  cjose_err error = {};
  const std::string text = jwk.dump();
  const std::unique_ptr<cjose_jwk_t, void (*)(cjose_jwk_t*)> key(cjose_jwk_import(text.data(), text.size(), &error),
                                                                 [](cjose_jwk_t* owned) { cjose_jwk_release(owned); });
  const std::unique_ptr<cjose_jws_t, void (*)(cjose_jws_t*)> jws(cjose_jws_import(token.data(), token.size(), &error),
                                                                 &cjose_jws_release);
  return key != nullptr && jws != nullptr && cjose_jws_verify(jws.get(), key.get(), &error);
}

struct CjoseToken {
  json jwk;
  std::string token;
};
CjoseToken CjoseSigns(cjose_jwk_t* made, const std::string& algorithm, const std::string& id) {
  cjose_err error = {};
  const std::unique_ptr<cjose_jwk_t, void (*)(cjose_jwk_t*)> key(made,
                                                                 [](cjose_jwk_t* owned) { cjose_jwk_release(owned); });
  REQUIRE(key != nullptr);
  REQUIRE(cjose_jwk_set_kid(key.get(), id.data(), id.size(), &error));
  const std::unique_ptr<cjose_header_t, void (*)(cjose_header_t*)> header(cjose_header_new(&error),
                                                                          &cjose_header_release);
  REQUIRE(cjose_header_set(header.get(), CJOSE_HDR_ALG, algorithm.c_str(), &error));
  REQUIRE(cjose_header_set(header.get(), CJOSE_HDR_KID, id.c_str(), &error));
  const std::string claims = Claims().dump();
  const std::unique_ptr<cjose_jws_t, void (*)(cjose_jws_t*)> jws(
      cjose_jws_sign(key.get(), header.get(), reinterpret_cast<const uint8_t*>(claims.data()), claims.size(), &error),
      &cjose_jws_release);
  REQUIRE(jws != nullptr);
  const char* token = nullptr;
  REQUIRE(cjose_jws_export(jws.get(), &token, &error));
  char* jwk = cjose_jwk_to_json(key.get(), false, &error);
  REQUIRE(jwk != nullptr);
  CjoseToken signed_token{json::parse(jwk), token};
  cjose_get_dealloc()(jwk);
  return signed_token;
}

}  // namespace

TEST_CASE("a token of each algorithm names its caller") {
  Rig rig;
  for (const Signing& signing : kSignings) {
    INFO(signing.algorithm << ' ' << signing.key);
    const ProofResult result = *rig.verifier->VerifyNow(GoodToken(signing), kNow);
    REQUIRE(result.ok());
    CHECK((*result)->kind == ProofKind::kJwt);
    CHECK((*result)->issuer == kIssuer);
    CHECK((*result)->subject == "ada");
    CHECK((*result)->groups == std::vector<std::string>{"dev", "ops"});
    CHECK((*result)->credential == absl::StrCat("kid=", signing.key, " jti=t-1"));
    CHECK((*result)->expires == kNow + absl::Seconds(290 + 30));
  }
}

TEST_CASE("cjose takes the tokens that are taken here") {
  for (const Signing& signing : kSignings) {
    if (std::string(signing.algorithm) == "EdDSA") continue;  // which it does not know
    INFO(signing.algorithm);
    CHECK(CjoseVerifies(GoodToken(signing), Keys().at(signing.key).Jwk(signing.key)));
    std::string bad = GoodToken(signing);
    bad[bad.size() / 2] = bad[bad.size() / 2] == 'A' ? 'B' : 'A';
    CHECK_FALSE(CjoseVerifies(bad, Keys().at(signing.key).Jwk(signing.key)));
  }
}

TEST_CASE("tokens that cjose signed are taken") {
  cjose_err error = {};
  std::vector<json> keys;
  std::vector<std::string> tokens;
  const uint8_t exponent[] = {1, 0, 1};
  const auto sign = [&](cjose_jwk_t* key, const std::string& algorithm) {
    CjoseToken made = CjoseSigns(key, algorithm, "cjose-" + algorithm);
    keys.push_back(std::move(made.jwk));
    tokens.push_back(std::move(made.token));
  };
  for (const char* algorithm : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) {
    sign(cjose_jwk_create_RSA_random(2048, exponent, sizeof(exponent), &error), algorithm);
  }
  sign(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error), "ES256");
  sign(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_384, &error), "ES384");
  sign(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_521, &error), "ES512");
  FakeProvider provider;
  provider.Says(kJwksUrl, JwksText(keys));
  const std::unique_ptr<TokenVerifier> verifier = MakeVerifier(IssuerOptions(), provider.Environment(&kNow));
  verifier->DoWhatIsDue();
  for (size_t i = 0; i < tokens.size(); ++i) {
    INFO(keys[i].dump());
    CHECK(verifier->VerifyNow(tokens[i], kNow)->ok());
  }
}

TEST_CASE("what standards leave open is taken") {
  Rig rig;
  for (const char* type : {"JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"}) {
    json header = Header("ES256", "p256");
    header["typ"] = type;
    INFO(type);
    CHECK(Verify(rig, header, Claims()).ok());
  }
  json header = {{"alg", "ES256"}, {"kid", "p256"}, {"x5t", "abc"}, {"nonce", "n"}};
  CHECK(Verify(rig, header, Claims()).ok());
  header.erase("kid");
  CHECK(Verify(rig, header, Claims()).ok());
  json claims = Claims();
  claims["aud"] = {"x", "sallyport", "y"};
  CHECK(Verify(rig, claims).ok());
  claims["aud"] = json::array({"other-gateway"});
  CHECK(Verify(rig, claims).ok());
  claims["exp"] = static_cast<double>(absl::ToUnixSeconds(kNow)) + 10.5;
  claims["nbf"] = claims["iat"];
  CHECK((*Verify(rig, claims))->expires == kNow + absl::Milliseconds(40500));
  claims["nested"] = {{"a", json::parse(std::string(13, '[') + std::string(13, ']'))}};
  claims["text"] = "\u00e4\u20ac\U0001f600 \"\\\n";
  CHECK(Verify(rig, claims).ok());
  const std::string spaced = UnsignedText(" {\n\t\"alg\": \"ES256\", \"\\u006bid\": \"p256\" }\r\n", claims.dump(2));
  CHECK(rig.verifier->VerifyNow(Signed(spaced, "ES256", Keys().at("p256")), kNow)->ok());
}

TEST_CASE("clocks may differ by the skew and no more") {
  Rig rig;
  const int64_t seconds = absl::ToUnixSeconds(kNow);
  json claims = Claims();
  claims["exp"] = seconds - 29;
  claims["iat"] = seconds - 100;
  CHECK(Verify(rig, claims).ok());
  claims["exp"] = seconds + 60;
  claims["iat"] = seconds + 30;
  claims["nbf"] = seconds + 30;
  CHECK(Verify(rig, claims).ok());
  claims["nbf"] = seconds + 31;
  CHECK(FaultOf(Verify(rig, claims).status()) == TokenFault::kNotYetValid);
}

TEST_CASE("names are taken from where the configuration says") {
  OidcIssuerOptions options = IssuerOptions();
  options.rules.subject = *ClaimPath::Parse("user.name");
  options.rules.groups = *ClaimPath::Parse(R"(resources.sallyport\.example.roles)");
  Rig rig(options);
  json claims = Claims();
  CHECK(FaultOf(Verify(rig, claims).status()) == TokenFault::kClaim);
  claims["user"] = {{"name", "Gr\u00e4fin Ada"}};
  CHECK((*Verify(rig, claims))->subject == "Gr\u00e4fin Ada");
  CHECK((*Verify(rig, claims))->groups.empty());
  claims["resources"] = {{"sallyport.example", {{"roles", {"a", "b", "a"}}}}};
  CHECK((*Verify(rig, claims))->groups == std::vector<std::string>{"a", "b"});
  claims["resources"] = {{"sallyport.example", {{"roles", "only one"}}}};
  CHECK((*Verify(rig, claims))->groups == std::vector<std::string>{"only one"});
  claims["resources"] = "text";
  CHECK((*Verify(rig, claims))->groups.empty());
}

TEST_CASE("claims that are required have to be there and match") {
  OidcIssuerOptions options = IssuerOptions();
  options.rules.required = {{*ClaimPath::Parse("email_verified"), "true"},
                            {*ClaimPath::Parse("tid"), "7"},
                            {*ClaimPath::Parse("scp"), "gateway.*"},
                            {*ClaimPath::Parse("a.b"), "*"}};
  Rig rig(options);
  json claims = Claims();
  claims["email_verified"] = true;
  claims["tid"] = 7;
  claims["scp"] = {"x", "gateway.call"};
  claims["a"] = {{"b", "anything"}};
  REQUIRE(Verify(rig, claims).ok());
  const std::pair<const char*, json> wrong[] = {{"email_verified", false},
                                                {"email_verified", nullptr},
                                                {"email_verified", json::object()},
                                                {"tid", 70},
                                                {"tid", 7.5},
                                                {"scp", json::array({"x"})},
                                                {"scp", json::array()},
                                                {"scp", {{"gateway.call", true}}},
                                                {"scp", json::array({json::array({"gateway.call"})})},
                                                {"a", "anything"},
                                                {"a", json::array({"anything"})},
                                                {"a", {{"b", json::object()}}}};
  for (const auto& [name, value] : wrong) {
    json other = claims;
    other[name] = value;
    INFO(name << ' ' << value.dump());
    CHECK(FaultOf(Verify(rig, other).status()) == TokenFault::kClaim);
  }
  for (const char* name : {"email_verified", "tid", "scp", "a"}) {
    json other = claims;
    other.erase(name);
    CHECK(FaultOf(Verify(rig, other).status()) == TokenFault::kClaim);
  }
}

TEST_CASE("a token without kid is tried with a few keys, not with many") {
  std::vector<json> keys;
  for (int i = 0; i < 4; ++i) keys.push_back(TokenKey::Make("P-256").Jwk(absl::StrCat("k", i)));
  keys[3] = Keys().at("p256").Jwk("k3");
  json header = Header("ES256", "");
  header.erase("kid");
  const std::string token = Signed(Unsigned(header, Claims()), "ES256", Keys().at("p256"));
  const absl::StatusOr<ParsedToken> parsed = ParsedToken::Parse(token);
  REQUIRE(parsed.ok());
  CHECK(CheckSignature(*parsed, **KeySet::Parse(JwksText(keys))).ok());
  keys.push_back(TokenKey::Make("P-256").Jwk("k5"));
  CHECK(FaultOf(CheckSignature(*parsed, **KeySet::Parse(JwksText(keys)))) == TokenFault::kHeader);
}

TEST_CASE("several issuers keep to their own keys") {
  FakeProvider provider;
  OidcIssuerOptions first = IssuerOptions();
  OidcIssuerOptions second = IssuerOptions();
  second.rules.issuer = "https://other.example";
  second.keys = {};
  second.keys.jwks_url = "https://other.example/keys";
  provider.Says(kJwksUrl, JwksText({Keys().at("p256").Jwk("k")}));
  provider.Says(second.keys.jwks_url, JwksText({Keys().at("ed25519").Jwk("k")}));
  auto verifier = TokenVerifier::Create({first, second}, provider.Environment(&kNow));
  REQUIRE(verifier.ok());
  (*verifier)->DoWhatIsDue();
  json claims = Claims();
  CHECK((*verifier)->VerifyNow(Signed(Unsigned(Header("ES256", "k"), claims), "ES256", Keys().at("p256")), kNow)->ok());
  claims["iss"] = "https://other.example";
  CHECK((*verifier)
            ->VerifyNow(Signed(Unsigned(Header("EdDSA", "k"), claims), "EdDSA", Keys().at("ed25519")), kNow)
            ->ok());
  // Signed by the first, said to be from the second.
  CHECK(FaultOf((*verifier)
                    ->VerifyNow(Signed(Unsigned(Header("ES256", "k"), claims), "ES256", Keys().at("p256")), kNow)
                    ->status()) == TokenFault::kAlgorithm);
}

TEST_CASE("the scheme of a bearer token is read by any case") {
  CHECK(BearerToken("Bearer abc") == "abc");
  CHECK(BearerToken("bEARER   abc") == "abc");
  CHECK(BearerToken("Bearer ") == "");
  for (const char* other : {"", "Bearer", "Bearer\tabc", "Basic abc", "abc", " Bearer abc", "Bearers abc"}) {
    CHECK_FALSE(BearerToken(other).has_value());
  }
}

TEST_CASE("a token that was taken before is known again without its signature, one that was not is not") {
  Rig rig;
  const std::string token = GoodToken(kSignings[0]);
  CHECK_FALSE(rig.verifier->Recall(token, kNow).has_value());
  REQUIRE(rig.verifier->VerifyNow(token, kNow)->ok());
  const std::optional<ProofResult> known = rig.verifier->Recall(token, kNow);
  REQUIRE(known.has_value());
  REQUIRE(known->ok());
  CHECK((**known)->subject == "ada");
  CHECK_FALSE(rig.verifier->Recall(token + "A", kNow).has_value());
  CHECK_FALSE(rig.verifier->Recall(std::string(100'000, 'A'), kNow).has_value());
  // Nor is it, once it has expired.
  CHECK_FALSE(rig.verifier->Recall(token, kNow + absl::Hours(1)).has_value());
}

}  // namespace sallyport::gateway
