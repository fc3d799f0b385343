// One key of each kind that tokens may be signed with, and the verifier that knows them.
#ifndef SALLYPORT_TESTS_GATEWAY_IDENTITY_JWT_KEY_RING_H_
#define SALLYPORT_TESTS_GATEWAY_IDENTITY_JWT_KEY_RING_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/gateway/identity/oidc/fake_provider.h"

namespace sallyport::gateway {

// Ids are "rsa", "p256", "p384", "p521", "ed25519" and "ed448". Made once, for it takes a while.
inline const std::map<std::string, TokenKey>& Keys() {
  static const std::map<std::string, TokenKey> keys = {
      {"rsa", TokenKey::Make("RSA-2048")}, {"p256", TokenKey::Make("P-256")},      {"p384", TokenKey::Make("P-384")},
      {"p521", TokenKey::Make("P-521")},   {"ed25519", TokenKey::Make("Ed25519")}, {"ed448", TokenKey::Make("Ed448")}};
  return keys;
}

struct Signing {
  const char* algorithm;
  const char* key;  // its id
};
inline constexpr Signing kSignings[] = {{"RS256", "rsa"},  {"RS384", "rsa"},     {"RS512", "rsa"},  {"PS256", "rsa"},
                                        {"PS384", "rsa"},  {"PS512", "rsa"},     {"ES256", "p256"}, {"ES384", "p384"},
                                        {"ES512", "p521"}, {"EdDSA", "ed25519"}, {"EdDSA", "ed448"}};

// A good token; and what makes it one.
inline std::string GoodPart(const Signing& signing) {
  return Unsigned(Header(signing.algorithm, signing.key), Claims());
}
inline std::string GoodToken(const Signing& signing) {
  return Signed(GoodPart(signing), signing.algorithm, Keys().at(signing.key));
}

// A verifier that has fetched the keys of the ring a second ago, and some that are not to be used: "encryption" is for
// encryption, "rs256-only" says so.
struct Rig {
  explicit Rig(OidcIssuerOptions options = IssuerOptions()) {
    std::vector<nlohmann::json> keys;
    for (const auto& [id, key] : Keys()) keys.push_back(key.Jwk(id));
    nlohmann::json encryption = Keys().at("rsa").Jwk("encryption");
    encryption["use"] = "enc";
    nlohmann::json narrow = Keys().at("rsa").Jwk("rs256-only");
    narrow["alg"] = "RS256";
    keys.push_back(encryption);
    keys.push_back(narrow);
    provider.Says(kJwksUrl, JwksText(keys));
    now = kNow - absl::Seconds(1);
    verifier = MakeVerifier(std::move(options), provider.Environment(&now));
    verifier->DoWhatIsDue();
    now = kNow;
  }

  FakeProvider provider;
  absl::Time now;
  std::unique_ptr<TokenVerifier> verifier;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_TESTS_GATEWAY_IDENTITY_JWT_KEY_RING_H_
