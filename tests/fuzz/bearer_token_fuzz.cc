// Bearer tokens. The first byte says what the rest is: a whole token, or a header or claims to put into one that is
// otherwise fine. What is taken has one reading, names somebody who can be printed, and still needs the key.
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/identity/jwt/claims.h"
#include "gateway/identity/jwt/jwks.h"
#include "gateway/identity/jwt/jwt.h"
#include "gateway/identity/jwt/strict_json.h"
#include "gateway/identity/jwt/token_fault.h"
#include "gateway/identity/printable_text.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

constexpr char kHeader[] = R"({"alg":"ES256","kid":"k","typ":"at+jwt"})";
constexpr char kClaims[] =
    R"({"iss":"https://idp.example","sub":"ada","aud":"sallyport","iat":1799999990,"exp":1800000290,"groups":["dev"]})";
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string Base64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

std::string TokenFrom(std::string_view input) {
  const char kind = input.empty() ? 't' : input.front();
  if (!input.empty()) input.remove_prefix(1);
  const std::string signature = Base64Url(std::string(64, 's'));
  if (kind == 'h') return absl::StrCat(Base64Url(input), ".", Base64Url(kClaims), ".", signature);
  if (kind == 'c') return absl::StrCat(Base64Url(kHeader), ".", Base64Url(input), ".", signature);
  return std::string(input);
}

const gateway::TokenRules& Rules() {
  static const gateway::TokenRules rules = [] {
    gateway::TokenRules made;
    made.issuer = "https://idp.example";
    made.audiences = {"sallyport"};
    made.algorithms = {gateway::SignatureAlgorithm::kES256, gateway::SignatureAlgorithm::kRS256};
    made.groups = *gateway::ClaimPath::Parse("groups");
    made.required = {{*gateway::ClaimPath::Parse("exp"), "1*"}};
    return made;
  }();
  return rules;
}

// The key of RFC 7515's example A.3, whose private half is known, but not to whoever makes inputs here.
const gateway::KeySet& Keys() {
  static const std::shared_ptr<const gateway::KeySet> keys = *gateway::KeySet::Parse(
      R"({"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  return *keys;
}

}  // namespace

void FuzzBearerToken(std::string_view input) {
  const std::string text = TokenFrom(input);
  const absl::StatusOr<gateway::ParsedToken> token = gateway::ParsedToken::Parse(text);
  if (!token.ok()) {
    Require(gateway::FaultOf(token.status()).has_value(), "a refusal has a reason");
    return;
  }
  Require(text.size() <= gateway::ParsedToken::kMostBytes, "a token is bounded");
  Require(absl::StrCat(std::string(token->signed_part), ".", Base64Url(token->signature)) == text,
          "a token has one spelling");
  const absl::StatusOr<nlohmann::json> again = gateway::ParseStrictObject(token->claims.dump());
  Require(again.ok() && *again == token->claims, "claims have one reading");
  const absl::StatusOr<gateway::ProvedIdentity> identity = gateway::CheckClaims(*token, Rules(), kNow);
  if (identity.ok()) {
    Require(gateway::IsPrintable(identity->subject, 512), "a subject can be printed");
    Require(gateway::IsPrintable(identity->credential, 1024), "a credential can be printed");
    for (const std::string& group : identity->groups)
      Require(gateway::IsPrintable(group, 256), "groups can be printed");
    Require(identity->expires > kNow, "what has expired is refused");
    Require(identity->expires <= kNow + absl::Hours(24) + 2 * Rules().skew, "lifetimes are bounded");
  } else {
    Require(gateway::FaultOf(identity.status()).has_value(), "a refusal has a reason");
  }
  const absl::Status signature = gateway::CheckSignature(*token, Keys());
  Require(!signature.ok() && gateway::FaultOf(signature).has_value(), "a signature needs the key");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzBearerToken)
