#include "absl/strings/str_cat.h"
#include "tests/gateway/identity/jwt/bad_tokens.h"
#include "tests/gateway/identity/jwt/key_ring.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

const int64_t kSeconds = absl::ToUnixSeconds(kNow);
constexpr int64_t kSkew = 30;
constexpr int64_t kDay = 86400;

std::string Sign(const json& claims) {
  return Signed(Unsigned(Header("ES256", "p256"), claims), "ES256", Keys().at("p256"));
}

// Collects tokens that are good but for some claims.
class Collection {
 public:
  void Add(const char* name, const json& value, TokenFault fault) {
    json claims = Claims();
    claims[name] = value;
    AddWhole(absl::StrCat(name, " ", value.dump().substr(0, 60)), claims, fault);
  }
  void AddWithout(const char* name, TokenFault fault) {
    json claims = Claims();
    claims.erase(name);
    AddWhole(absl::StrCat("no ", name), claims, fault);
  }
  void AddWhole(const std::string& name, const json& claims, TokenFault fault) {
    bad_.push_back({name, Sign(claims), fault});
  }
  std::vector<BadToken> Take() { return std::move(bad_); }

 private:
  std::vector<BadToken> bad_;
};

// Values that are no text.
const json kNoText[] = {nullptr, true, false, 0, 17, 1.5, json::object(), json::array()};

// What shows as `text` or nearly so, and is not.
std::vector<std::string> LooksLike(const std::string& text) {
  return {text + " ",          " " + text,
          text + "\n",         "\t" + text,
          text + "\x7f",       text + "\u0085",
          text + "\u00a0",     text + "\u00ad",
          text + "\u200b",     text + "\u200d",
          "\u200e" + text,     "\u202e" + text,
          text + "\u2028",     "\u2066" + text,
          "\ufeff" + text,     text + "\ufe0f",
          text + "\ufff9",     text + "\u3164",
          text + "\ufdd0",     text + "\U000e0061",
          text + "\U0010ffff", text + std::string(1, '\0'),
          text + "\x1b[31m",   text + "\u2003",
          text + "\u3000"};
}

void AddIssuers(Collection& bad) {
  bad.AddWithout("iss", TokenFault::kIssuer);
  for (const json& value : kNoText) bad.Add("iss", value, TokenFault::kIssuer);
  bad.Add("iss", json::array({kIssuer}), TokenFault::kIssuer);
  for (const std::string& issuer : LooksLike(kIssuer)) bad.Add("iss", issuer, TokenFault::kIssuer);
  for (const char* issuer :
       {"", "https://idp.example/realms/prod/", "https://idp.example/realms/Prod", "https://IDP.example/realms/prod",
        "http://idp.example/realms/prod", "https://idp.example:443/realms/prod", "https://idp.example/realms/pro",
        "https://idp.example/realms/prod2", "https://idp.example//realms/prod", "https://idp.example/realms/prod#x",
        "https://idp.example/realms/prod?x", "https://idp.example/realms/./prod", "https://evil.example/realms/prod",
        "https://idp.example@evil.example/realms/prod", "https://ıdp.example/realms/prod", "idp.example/realms/prod",
        "https://idp.example/realms/pr%6fd", "sallyport", "null"}) {
    bad.Add("iss", issuer, TokenFault::kIssuer);
  }
}

void AddAudiences(Collection& bad) {
  bad.AddWithout("aud", TokenFault::kAudience);
  for (const json& value : kNoText) bad.Add("aud", value, TokenFault::kAudience);
  for (const std::string& audience : LooksLike(kAudience)) bad.Add("aud", audience, TokenFault::kAudience);
  for (const char* audience : {"", "Sallyport", "SALLYPORT", "sallypor", "sallyport2", "sally port", "*",
                               "https://sallyport", "other-gateway,sallyport", "[\"sallyport\"]", "ѕallyport"}) {
    bad.Add("aud", audience, TokenFault::kAudience);
    bad.Add("aud", json::array({audience}), TokenFault::kAudience);
  }
  bad.Add("aud", json::array({kAudience, 5}), TokenFault::kAudience);
  bad.Add("aud", json::array({nullptr, kAudience}), TokenFault::kAudience);
  bad.Add("aud", json::array({json::array({kAudience})}), TokenFault::kAudience);
  bad.Add("aud", {{"sallyport", true}}, TokenFault::kAudience);
  json many = json::array();
  for (int i = 0; i < 64; ++i) many.push_back("a");
  many.push_back(kAudience);
  bad.Add("aud", many, TokenFault::kAudience);
}

void AddTimes(Collection& bad) {
  bad.AddWithout("exp", TokenFault::kClaim);
  bad.AddWithout("iat", TokenFault::kClaim);
  for (const char* name : {"exp", "iat", "nbf"}) {
    for (const json& value : {json(nullptr), json(true), json("1800000100"), json(""), json("never"), json::array(),
                              json::array({kSeconds}), json::object(), json(-1), json(-1e9), json(253402300800),
                              json(1e18), json(1e300), json(uint64_t{18446744073709551615U})}) {
      bad.Add(name, value, TokenFault::kClaim);
    }
  }
  for (const int64_t ago : {kSkew, kSkew + 1, int64_t{60}, int64_t{3600}, kDay, 365 * kDay}) {
    json claims = Claims();
    claims["exp"] = kSeconds - ago;
    claims["iat"] = kSeconds - ago - 60;
    bad.AddWhole(absl::StrCat("expired ", ago, " s ago"), claims, TokenFault::kExpired);
  }
  bad.Add("exp", 0, TokenFault::kExpired);
  bad.Add("exp", 1, TokenFault::kExpired);
  bad.Add("exp", static_cast<double>(kSeconds) - 30.25, TokenFault::kExpired);
  for (const int64_t ahead : {kSkew + 1, int64_t{61}, int64_t{200}, kDay, 10000 * kDay}) {
    bad.Add("nbf", kSeconds + ahead, TokenFault::kNotYetValid);
    json claims = Claims();
    claims["iat"] = kSeconds + ahead;
    claims["exp"] = kSeconds + ahead + 60;
    bad.AddWhole(absl::StrCat("issued in ", ahead, " s"), claims, TokenFault::kNotYetValid);
  }
  bad.Add("nbf", static_cast<double>(kSeconds) + 30.5, TokenFault::kNotYetValid);
  for (const int64_t length : {kDay + 1, 2 * kDay, 365 * kDay}) {
    bad.Add("exp", kSeconds - 10 + length, TokenFault::kLifetime);
  }
  bad.Add("exp", int64_t{253402300799}, TokenFault::kLifetime);
  bad.Add("iat", 0, TokenFault::kLifetime);
  bad.Add("iat", kSeconds - kDay, TokenFault::kLifetime);
  json backwards = Claims();
  backwards["iat"] = kSeconds + 20;
  backwards["exp"] = kSeconds + 10;
  bad.AddWhole("issued after it expires", backwards, TokenFault::kLifetime);
  backwards["exp"] = kSeconds + 20;
  bad.AddWhole("issued when it expires", backwards, TokenFault::kLifetime);
}

void AddSubjects(Collection& bad) {
  bad.AddWithout("sub", TokenFault::kClaim);
  for (const json& value : kNoText) bad.Add("sub", value, TokenFault::kClaim);
  bad.Add("sub", json::array({"ada"}), TokenFault::kClaim);
  bad.Add("sub", "", TokenFault::kClaim);
  bad.Add("sub", " ", TokenFault::kClaim);
  bad.Add("sub", std::string(513, 's'), TokenFault::kClaim);
  bad.Add("sub", std::string(4000, 's'), TokenFault::kClaim);
  for (const std::string& subject : LooksLike("ada")) bad.Add("sub", subject, TokenFault::kClaim);
}

void AddGroups(Collection& bad) {
  for (const json& value :
       {json(nullptr), json(true), json(5), json(1.5), json::object(), json({{"dev", true}}), json("")}) {
    bad.Add("groups", value, TokenFault::kClaim);
    bad.Add("groups", json::array({"dev", value}), TokenFault::kClaim);
  }
  bad.Add("groups", json::array({json::array({"dev"})}), TokenFault::kClaim);
  bad.Add("groups", json::array({"dev", std::string(257, 'g')}), TokenFault::kClaim);
  bad.Add("groups", std::string(257, 'g'), TokenFault::kClaim);
  for (const std::string& group : LooksLike("dev")) bad.Add("groups", json::array({"ops", group}), TokenFault::kClaim);
  json many = json::array();
  for (int i = 0; i < 257; ++i) many.push_back(absl::StrCat("g", i));
  bad.Add("groups", many, TokenFault::kClaim);
  json elsewhere = Claims();
  elsewhere.erase("groups");
  elsewhere["_claim_names"] = {{"groups", "src1"}};
  elsewhere["_claim_sources"] = {{"src1", {{"endpoint", "https://graph.example/groups"}}}};
  bad.AddWhole("groups that are elsewhere", elsewhere, TokenFault::kClaim);
}

void AddOthers(Collection& bad) {
  bad.Add("cnf", {{"jkt", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, TokenFault::kClaim);
  bad.Add("cnf", {{"x5t#S256", "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}, TokenFault::kClaim);
  bad.Add("cnf", nullptr, TokenFault::kClaim);
  for (const json& value : kNoText) bad.Add("jti", value, TokenFault::kClaim);
  bad.Add("jti", "", TokenFault::kClaim);
  bad.Add("jti", std::string(257, 'j'), TokenFault::kClaim);
  bad.Add("jti", "t-1\r\nx: y", TokenFault::kClaim);
  bad.AddWhole("nothing at all", json::object(), TokenFault::kIssuer);
}

}  // namespace

std::vector<BadToken> BadClaims() {
  Collection bad;
  AddIssuers(bad);
  AddAudiences(bad);
  AddTimes(bad);
  AddSubjects(bad);
  AddGroups(bad);
  AddOthers(bad);
  return bad.Take();
}

}  // namespace sallyport::gateway
