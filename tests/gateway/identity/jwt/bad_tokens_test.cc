#include "tests/gateway/identity/jwt/bad_tokens.h"

#include <catch2/catch.hpp>
#include <iostream>
#include <set>

#include "absl/strings/match.h"
#include "tests/gateway/identity/jwt/key_ring.h"

namespace sallyport::gateway {
namespace {

// Twice, for nothing of a refused token may be remembered as good.
void RequireRefused(Rig& rig, const BadToken& bad) {
  for (int i = 0; i < 2; ++i) {
    const std::optional<ProofResult> result = rig.verifier->VerifyNow(bad.token, kNow);
    INFO(bad.name);
    REQUIRE(result.has_value());
    REQUIRE_FALSE(result->ok());
    INFO(result->status().ToString());
    REQUIRE(absl::IsUnauthenticated(result->status()));
    REQUIRE(FaultOf(result->status()) == bad.fault);
  }
}

void RequireAllRefused(const std::vector<BadToken>& tokens, size_t least) {
  Rig rig;
  // The rig takes good ones, so that bad ones are not refused for its sake.
  for (const Signing& signing : kSignings) REQUIRE(rig.verifier->VerifyNow(GoodToken(signing), kNow)->ok());
  std::set<std::string> distinct;
  for (const BadToken& bad : tokens) {
    RequireRefused(rig, bad);
    distinct.insert(bad.token);
  }
  std::cout << distinct.size() << " bad tokens refused for the right reason\n";
  CHECK(distinct.size() >= least);
}

}  // namespace

TEST_CASE("tokens of a bad form are refused") { RequireAllRefused(BadForms(), 150); }
TEST_CASE("tokens with bad headers are refused") { RequireAllRefused(BadHeaders(), 300); }
TEST_CASE("tokens with bad claims are refused") { RequireAllRefused(BadClaims(), 240); }
TEST_CASE("tokens with bad signatures are refused") { RequireAllRefused(BadSignatures(), 250); }

TEST_CASE("algorithms that an issuer does not use are refused, however well they signed") {
  OidcIssuerOptions options = IssuerOptions();
  options.rules.algorithms = {SignatureAlgorithm::kRS256, SignatureAlgorithm::kES256};
  Rig rig(options);
  for (const Signing& signing : kSignings) {
    INFO(signing.algorithm);
    const ProofResult result = *rig.verifier->VerifyNow(GoodToken(signing), kNow);
    const std::string algorithm = signing.algorithm;
    if (algorithm == "RS256" || algorithm == "ES256") {
      CHECK(result.ok());
    } else {
      CHECK(FaultOf(result.status()) == TokenFault::kAlgorithm);
    }
  }
}

TEST_CASE("no byte of a token can be changed, left out or added") {
  Rig rig;
  for (const Signing& signing : {Signing{"ES256", "p256"}, Signing{"EdDSA", "ed25519"}, Signing{"RS256", "rsa"}}) {
    const std::string good = GoodToken(signing);
    for (size_t i = 0; i < good.size(); ++i) {
      std::string cut = good;
      cut.erase(i, 1);
      REQUIRE_FALSE(rig.verifier->VerifyNow(cut, kNow)->ok());
      REQUIRE_FALSE(rig.verifier->VerifyNow(good.substr(0, i), kNow)->ok());
      for (const char other : {'A', 'B', '_', '.', '=', '\0'}) {
        std::string changed = good;
        changed[i] = other;
        if (changed != good) REQUIRE_FALSE(rig.verifier->VerifyNow(changed, kNow)->ok());
        std::string longer = good;
        longer.insert(i, 1, other);
        REQUIRE_FALSE(rig.verifier->VerifyNow(longer, kNow)->ok());
      }
    }
    REQUIRE(rig.verifier->VerifyNow(good, kNow)->ok());
  }
}

TEST_CASE("refusals repeat nothing of the token") {
  Rig rig;
  for (const char* name : {"iss", "sub", "aud", "jti", "groups"}) {
    nlohmann::json claims = Claims();
    claims[name] = "CANARY\x7f";
    const std::string token = Signed(Unsigned(Header("ES256", "p256"), claims), "ES256", Keys().at("p256"));
    const ProofResult result = *rig.verifier->VerifyNow(token, kNow);
    REQUIRE_FALSE(result.ok());
    CHECK_FALSE(absl::StrContains(result.status().ToString(), "CANARY"));
  }
  for (const char* name : {"alg", "typ", "kid"}) {
    nlohmann::json header = Header("ES256", "p256");
    header[name] = "CANARY";
    const std::string token = Signed(Unsigned(header, Claims()), "ES256", Keys().at("p256"));
    const ProofResult result = *rig.verifier->VerifyNow(token, kNow);
    REQUIRE_FALSE(result.ok());
    CHECK_FALSE(absl::StrContains(result.status().ToString(), "CANARY"));
  }
}

}  // namespace sallyport::gateway
