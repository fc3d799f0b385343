#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/gateway/identity/jwt/bad_tokens.h"
#include "tests/gateway/identity/jwt/key_ring.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

constexpr char kP256Order[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
constexpr char kEd25519Order[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";  // little-endian

// Somebody else's keys of the same kinds.
const std::map<std::string, TokenKey>& Strangers() {
  static const std::map<std::string, TokenKey> keys = {
      {"rsa", TokenKey::Make("RSA-2048")}, {"p256", TokenKey::Make("P-256")},      {"p384", TokenKey::Make("P-384")},
      {"p521", TokenKey::Make("P-521")},   {"ed25519", TokenKey::Make("Ed25519")}, {"ed448", TokenKey::Make("Ed448")}};
  return keys;
}

void AddForAll(std::vector<BadToken>& bad) {
  for (const Signing& signing : kSignings) {
    const std::string part = GoodPart(signing);
    const TokenKey& key = Keys().at(signing.key);
    const std::string good = key.Sign(signing.algorithm, part);
    const size_t size = good.size();
    json raised = Claims();
    raised["groups"] = {"admin"};
    const std::string other = Unsigned(Header(signing.algorithm, signing.key), raised);
    std::string flipped = good;
    flipped[size / 2] ^= 1;
    std::string first = good;
    first[0] ^= static_cast<char>(0x80);
    std::string last = good;
    last[size - 1] ^= 1;
    const std::pair<const char*, std::string> signatures[] = {
        {"none", ""},
        {"zeros", std::string(size, '\0')},
        {"ones", std::string(size, '\xff')},
        {"a one", std::string(size - 1, '\0') + "\x01"},
        {"a byte short", good.substr(0, size - 1)},
        {"a byte short in front", good.substr(1)},
        {"a byte long", good + std::string(1, '\0')},
        {"a byte long in front", std::string(1, '\0') + good},
        {"half", good.substr(0, size / 2)},
        {"twice", good + good},
        {"reversed", std::string(good.rbegin(), good.rend())},
        {"a bit flipped", flipped},
        {"the first bit flipped", first},
        {"the last bit flipped", last},
        {"in hexadecimal", absl::BytesToHexString(good)},
        {"in base64url again", Base64Url(good)},
        {"a stranger's", Strangers().at(signing.key).Sign(signing.algorithm, part)},
        {"of other claims", key.Sign(signing.algorithm, other)},
        {"of the header only", key.Sign(signing.algorithm, part.substr(0, part.find('.')))},
        {"of the claims only", key.Sign(signing.algorithm, part.substr(part.find('.') + 1))},
        {"of nothing", key.Sign(signing.algorithm, "")},
        {"the public key as an HMAC secret", Hmac(key.PublicPem(), part)},
    };
    for (const auto& [what, signature] : signatures) {
      bad.push_back({absl::StrCat(signing.algorithm, " ", signing.key, ", signature: ", what),
                     WithSignature(part, signature), TokenFault::kSignature});
    }
    bad.push_back({absl::StrCat(signing.algorithm, " ", signing.key, ", other claims under a good signature"),
                   WithSignature(other, good), TokenFault::kSignature});
  }
}

void AddEcdsa(std::vector<BadToken>& bad) {
  const Signing signing = {"ES256", "p256"};
  const std::string part = GoodPart(signing);
  const TokenKey& key = Keys().at("p256");
  const std::string good = key.Sign("ES256", part);
  const std::string r = good.substr(0, 32);
  const std::string s = good.substr(32);
  const std::string zero(32, '\0');
  const std::string one = std::string(31, '\0') + "\x01";
  const std::string order = absl::HexStringToBytes(kP256Order);
  const std::string wide(16, '\0');
  const std::pair<const char*, std::string> signatures[] = {
      {"in DER", ToDer(good)},
      {"in DER, padded", ToDer(good) + std::string(8, '\0')},
      {"r is 0", zero + s},
      {"s is 0", r + zero},
      {"both 0", zero + zero},
      {"r is 1", one + s},
      {"s is 1", r + one},
      {"both 1", one + one},
      {"r is the order", order + s},
      {"s is the order", r + order},
      {"both the order", order + order},
      {"r is 0, s the order", zero + order},
      {"swapped", s + r},
      {"r twice", r + r},
      {"of the length of P-384", wide + r + wide + s},
      {"of the length of P-521", std::string(34, '\0') + r + std::string(34, '\0') + s},
      {"of one number", r},
      {"short numbers", r.substr(1) + s.substr(1)},
  };
  for (const auto& [what, signature] : signatures) {
    bad.push_back({absl::StrCat("ECDSA signature ", what), WithSignature(part, signature), TokenFault::kSignature});
  }
  for (const char* digest : {"ES384", "ES512", "SHA1"}) {
    bad.push_back({absl::StrCat("ECDSA with the digest of ", digest), WithSignature(part, key.Sign(digest, part)),
                   TokenFault::kSignature});
  }
}

void AddRsa(std::vector<BadToken>& bad) {
  const TokenKey& key = Keys().at("rsa");
  const auto add = [&](const char* algorithm, const std::string& what, const auto& sign) {
    const std::string part = GoodPart({algorithm, "rsa"});
    bad.push_back({absl::StrCat(algorithm, " signed ", what), WithSignature(part, sign(part)), TokenFault::kSignature});
  };
  for (const char* other : {"RS384", "RS512", "PS256", "PS384", "PS512", "SHA1"}) {
    add("RS256", absl::StrCat("as ", other), [&](const std::string& part) { return key.Sign(other, part); });
  }
  for (const char* other : {"RS256", "RS384", "PS384", "PS512"}) {
    add("PS256", absl::StrCat("as ", other), [&](const std::string& part) { return key.Sign(other, part); });
  }
  for (const int salt : {0, 1, 20, 31, 33, 48, 64, 222}) {
    add("PS256", absl::StrCat("with a salt of ", salt),
        [&](const std::string& part) { return key.SignPss(part, salt); });
  }
}

void AddEdwards(std::vector<BadToken>& bad) {
  const std::string part = GoodPart({"EdDSA", "ed25519"});
  std::string more = Keys().at("ed25519").Sign("EdDSA", part);
  // S and S plus the order of the group satisfy the same equation; only one of them may pass (RFC 8032 section 5.1.7).
  const std::string order = absl::HexStringToBytes(kEd25519Order);
  int carry = 0;
  for (size_t i = 0; i < 32; ++i) {
    carry += static_cast<unsigned char>(more[32 + i]) + static_cast<unsigned char>(order[i]);
    more[32 + i] = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  bad.push_back({"EdDSA with the order added", WithSignature(part, more), TokenFault::kSignature});
  bad.push_back({"Ed25519 signature under the id of Ed448",
                 Signed(GoodPart({"EdDSA", "ed448"}), "EdDSA", Keys().at("ed25519")), TokenFault::kSignature});
  bad.push_back({"Ed448 signature under the id of Ed25519",
                 Signed(GoodPart({"EdDSA", "ed25519"}), "EdDSA", Keys().at("ed448")), TokenFault::kSignature});
}

void AddNameless(std::vector<BadToken>& bad) {
  for (const Signing& signing : kSignings) {
    json header = Header(signing.algorithm, "");
    header.erase("kid");
    const std::string part = Unsigned(header, Claims());
    bad.push_back({absl::StrCat(signing.algorithm, " by a stranger's ", signing.key, " without kid"),
                   Signed(part, signing.algorithm, Strangers().at(signing.key)), TokenFault::kSignature});
  }
}

}  // namespace

std::vector<BadToken> BadSignatures() {
  std::vector<BadToken> bad;
  AddForAll(bad);
  AddEcdsa(bad);
  AddRsa(bad);
  AddEdwards(bad);
  AddNameless(bad);
  return bad;
}

}  // namespace sallyport::gateway
