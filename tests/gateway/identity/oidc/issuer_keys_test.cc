// What happens between a verifier and the provider of its keys, on a clock that the test holds.
#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/identity/jwt/token_fault.h"
#include "tests/gateway/identity/jwt/key_ring.h"
#include "tests/gateway/temporary_directory.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

// A token that is good at `now` and holds for hours.
std::string TokenAt(absl::Time now, const TokenKey& key, const std::string& id, const std::string& jti = "t") {
  json claims = Claims(now);
  claims["exp"] = absl::ToUnixSeconds(now + absl::Hours(6));
  claims["jti"] = jti;
  return Signed(Unsigned(Header("ES256", id), claims), "ES256", key);
}

// A provider with one key, "first", and a verifier that has asked nobody yet.
struct Scene {
  explicit Scene(OidcIssuerOptions options = IssuerOptions()) {
    Publishes({"first"});
    verifier = MakeVerifier(std::move(options), provider.Environment(&now));
  }
  void Publishes(const std::vector<std::string>& ids) {
    std::vector<json> keys;
    keys.reserve(ids.size());
    for (const std::string& id : ids) keys.push_back(Key(id).Jwk(id));
    provider.Says(kJwksUrl, JwksText(keys));
  }
  TokenKey& Key(const std::string& id) {
    return keys.try_emplace(id, id == "first" ? Keys().at("p256") : TokenKey::Make("P-256")).first->second;
  }
  std::string Token(const std::string& id) { return TokenAt(kNow, Key(id), id); }
  std::optional<ProofResult> Now(const std::string& id) { return verifier->VerifyNow(Token(id), now); }
  // Begins a verification; the answer goes to the last of `answers` unless it is returned.
  std::optional<ProofResult> Begin(const std::string& token) {
    return verifier->Verify(token, now, [this](ProofResult result) { answers.push_back(std::move(result)); });
  }
  void Pass(absl::Duration time) {
    now += time;
    verifier->DoWhatIsDue();
  }
  int fetches() const { return provider.asked(kJwksUrl); }

  std::map<std::string, TokenKey> keys;
  FakeProvider provider;
  absl::Time now = kNow;
  std::vector<ProofResult> answers;
  std::unique_ptr<TokenVerifier> verifier;
};

}  // namespace

TEST_CASE("tokens wait for the first keys, and are answered when they are there") {
  Scene scene;
  CHECK_FALSE(scene.Now("first").has_value());
  CHECK_FALSE(scene.Begin(scene.Token("first")).has_value());
  CHECK_FALSE(scene.Begin(scene.Token("strange")).has_value());
  // What is wrong whatever the keys are is told at once.
  CHECK_FALSE((*scene.Begin("nonsense")).ok());
  CHECK(scene.answers.empty());
  scene.verifier->DoWhatIsDue();
  REQUIRE(scene.answers.size() == 2);
  CHECK(scene.answers[0].ok());
  CHECK(FaultOf(scene.answers[1].status()) == TokenFault::kKey);
  CHECK(scene.fetches() == 1);
  CHECK((*scene.Now("first")).ok());
}

TEST_CASE("a new key is found by the first token that names it") {
  Scene scene;
  scene.verifier->DoWhatIsDue();
  scene.Publishes({"first", "second"});
  // Too soon: a fetch was just made.
  scene.now += absl::Seconds(29);
  CHECK(FaultOf((*scene.Now("second")).status()) == TokenFault::kKey);
  scene.now += absl::Seconds(1);
  CHECK_FALSE(scene.Begin(scene.Token("second")).has_value());
  CHECK_FALSE(scene.Begin(scene.Token("third")).has_value());
  CHECK((*scene.Now("first")).ok());
  scene.verifier->DoWhatIsDue();
  CHECK(scene.fetches() == 2);
  REQUIRE(scene.answers.size() == 2);
  CHECK(scene.answers[0].ok());
  CHECK(FaultOf(scene.answers[1].status()) == TokenFault::kKey);
}

TEST_CASE("tokens of a key that is withdrawn hold no longer than until the next fetch, though they were cached") {
  Scene scene;
  scene.Publishes({"first", "second"});
  scene.verifier->DoWhatIsDue();
  CHECK((*scene.Now("first")).ok());
  CHECK((*scene.Now("second")).ok());
  scene.Publishes({"second"});
  scene.Pass(absl::Minutes(15));
  CHECK(FaultOf((*scene.Now("first")).status()) == TokenFault::kKey);
  CHECK((*scene.Now("second")).ok());
  // And a key that is put in its place under the same id does not make them good.
  json other = scene.Key("other").Jwk("first");
  scene.provider.Says(kJwksUrl, JwksText({other, scene.Key("second").Jwk("second")}));
  scene.Pass(absl::Minutes(15));
  CHECK(FaultOf((*scene.Now("first")).status()) == TokenFault::kSignature);
}

TEST_CASE("keys are fetched again on time, discovery with them") {
  Scene scene;
  scene.verifier->DoWhatIsDue();
  for (int i = 0; i < 14; ++i) scene.Pass(absl::Minutes(1));
  CHECK(scene.fetches() == 1);
  scene.Pass(absl::Minutes(1));
  CHECK(scene.fetches() == 2);
  CHECK(scene.provider.asked(kDiscoveryUrl) == 2);
  // A fetch in between, for an unknown key, does not need it.
  scene.now += absl::Minutes(5);
  CHECK_FALSE(scene.Begin(scene.Token("second")).has_value());
  scene.verifier->DoWhatIsDue();
  CHECK(scene.fetches() == 3);
  CHECK(scene.provider.asked(kDiscoveryUrl) == 2);
}

TEST_CASE("stale keys serve for a while and then no more, though tokens were cached") {
  Scene scene;
  scene.verifier->DoWhatIsDue();
  CHECK((*scene.Now("first")).ok());
  scene.provider.IsAway(kDiscoveryUrl);
  scene.provider.IsAway(kJwksUrl);
  scene.Pass(absl::Minutes(15));
  CHECK((*scene.Now("first")).ok());
  while (scene.now < kNow + absl::Minutes(75) - absl::Seconds(30)) scene.Pass(absl::Seconds(30));
  CHECK((*scene.Now("first")).ok());
  scene.Pass(absl::Seconds(30));
  CHECK(absl::IsUnavailable((*scene.Now("first")).status()));
  CHECK(absl::IsUnavailable(
      (*scene.verifier->VerifyNow(TokenAt(kNow, scene.Key("first"), "first", "new"), scene.now)).status()));
  // It comes back.
  scene.provider.Says(kDiscoveryUrl, json{{"issuer", kIssuer}, {"jwks_uri", kJwksUrl}}.dump());
  scene.Publishes({"first"});
  scene.Pass(absl::Seconds(30));
  CHECK((*scene.Now("first")).ok());
}

TEST_CASE("a provider that is away at the start is asked again soon, then less often") {
  Scene scene;
  scene.provider.IsAway(kDiscoveryUrl);
  CHECK_FALSE(scene.Begin(scene.Token("first")).has_value());
  scene.verifier->DoWhatIsDue();
  REQUIRE(scene.answers.size() == 1);
  CHECK(absl::IsUnavailable(scene.answers[0].status()));
  // Nobody waits for what has just failed.
  CHECK(absl::IsUnavailable((*scene.Now("first")).status()));
  const auto asked = [&] { return scene.provider.asked(kDiscoveryUrl); };
  for (const int seconds : {1, 2, 4, 8, 16, 30, 30, 30}) {
    const int before = asked();
    scene.Pass(absl::Seconds(seconds) - absl::Milliseconds(1));
    CHECK(asked() == before);
    scene.Pass(absl::Milliseconds(1));
    CHECK(asked() == before + 1);
  }
  scene.provider.Says(kDiscoveryUrl, json{{"issuer", kIssuer}, {"jwks_uri", kJwksUrl}}.dump());
  scene.Pass(absl::Seconds(30));
  CHECK((*scene.Now("first")).ok());
}

TEST_CASE("nonsense from a provider changes nothing, and is not believed") {
  const std::string good_keys = JwksText({Keys().at("p256").Jwk("first")});
  const std::string http = "http://idp.example/realms/prod/keys";
  const std::pair<const char*, std::string> nonsense[] = {
      {kDiscoveryUrl, ""},
      {kDiscoveryUrl, "<html>welcome</html>"},
      {kDiscoveryUrl, "[]"},
      {kDiscoveryUrl, "{}"},
      {kDiscoveryUrl, json{{"jwks_uri", kJwksUrl}}.dump()},
      {kDiscoveryUrl, json{{"issuer", kIssuer}}.dump()},
      {kDiscoveryUrl, json{{"issuer", kIssuer}, {"jwks_uri", 5}}.dump()},
      {kDiscoveryUrl, json{{"issuer", kIssuer}, {"jwks_uri", "file:///etc/keys"}}.dump()},
      {kDiscoveryUrl, json{{"issuer", kIssuer}, {"jwks_uri", "/keys"}}.dump()},
      {kDiscoveryUrl, json{{"issuer", kIssuer}, {"jwks_uri", http}}.dump()},
      {kDiscoveryUrl, json{{"issuer", kIssuer}, {"jwks_uri", "https://idp.example/" + std::string(3000, 'k')}}.dump()},
      {kDiscoveryUrl, json{{"issuer", absl::StrCat(kIssuer, "/")}, {"jwks_uri", kJwksUrl}}.dump()},
      {kDiscoveryUrl, json{{"issuer", "https://evil.example"}, {"jwks_uri", kJwksUrl}}.dump()},
      {kDiscoveryUrl, R"({"issuer":"https://evil.example","issuer":")" + std::string(kIssuer) + R"(","jwks_uri":")" +
                          kJwksUrl + R"("})"},
      {kJwksUrl, ""},
      {kJwksUrl, "{}"},
      {kJwksUrl, R"({"keys":[]})"},
      {kJwksUrl, R"({"keys":[{"kty":"oct","k":"AA","kid":"first"}]})"},
      {kJwksUrl, good_keys.substr(0, good_keys.size() - 3)},
      {kJwksUrl, good_keys + good_keys},
  };
  for (const auto& [url, body] : nonsense) {
    INFO(url << ' ' << body.substr(0, 100));
    Scene fresh;
    fresh.provider.Says(http, good_keys);
    fresh.provider.Says(url, body);
    CHECK_FALSE(fresh.Begin(fresh.Token("first")).has_value());
    fresh.verifier->DoWhatIsDue();
    REQUIRE(fresh.answers.size() == 1);
    CHECK(absl::IsUnavailable(fresh.answers[0].status()));

    Scene running;
    running.verifier->DoWhatIsDue();
    running.provider.Says(url, body);
    running.Pass(absl::Minutes(15));
    CHECK((*running.Now("first")).ok());
    // Which may be a new key, for all that is known.
    CHECK(absl::IsUnavailable((*running.Now("second")).status()));
  }
  for (const int status : {204, 301, 302, 404, 500}) {
    Scene scene;
    scene.provider.Says(kJwksUrl, good_keys, status);
    scene.verifier->DoWhatIsDue();
    CHECK(absl::IsUnavailable((*scene.Now("first")).status()));
  }
}

TEST_CASE("keys may move: discovery is asked again when they can't be fetched") {
  Scene scene;
  scene.verifier->DoWhatIsDue();
  scene.provider.Says(kJwksUrl, "gone", 404);
  const std::string moved = "https://keys.example/moved";
  scene.provider.Says(moved, JwksText({scene.Key("second").Jwk("second")}));
  scene.provider.Says(kDiscoveryUrl, json{{"issuer", kIssuer}, {"jwks_uri", moved}}.dump());
  scene.now += absl::Seconds(30);
  CHECK_FALSE(scene.Begin(scene.Token("second")).has_value());
  scene.verifier->DoWhatIsDue();
  scene.Pass(absl::Seconds(30));
  CHECK((*scene.Now("second")).ok());
}

TEST_CASE("a million tokens with random key ids cause two fetches a minute at most, and harm nobody") {
  Scene scene;
  scene.verifier->DoWhatIsDue();
  std::vector<std::string> good;
  good.reserve(100);
  for (int i = 0; i < 100; ++i) good.push_back(TokenAt(kNow, scene.Key("first"), "first", absl::StrCat(i)));
  json said = Claims();
  said["exp"] = absl::ToUnixSeconds(kNow) + 3600;
  const std::string claims = Base64Url(said.dump());
  const std::string signature = Base64Url(std::string(64, 's'));
  std::mt19937_64 random(7);
  constexpr int kTokens = 1'000'000;
  constexpr int kAtOnce = 2000;
  constexpr absl::Duration kStep = absl::Milliseconds(500);  // 500 steps: 250 s
  int refused = 0, unavailable = 0, waited = 0;
  const auto count = [&](const ProofResult& result) {
    REQUIRE((absl::IsUnavailable(result.status()) || FaultOf(result.status()) == TokenFault::kKey));
    ++(absl::IsUnavailable(result.status()) ? unavailable : refused);
  };
  std::vector<absl::Time> fetched = {scene.now};
  for (int i = 0; i < kTokens; ++i) {
    const std::string header = absl::StrCat(R"({"alg":"ES256","kid":")", random(), R"("})");
    const std::string token = absl::StrCat(Base64Url(header), ".", claims, ".", signature);
    const auto known = scene.verifier->Verify(token, scene.now, [&](const ProofResult& result) { count(result); });
    if (known.has_value()) {
      count(*known);
    } else {
      ++waited;
    }
    if (i % 100 == 0) REQUIRE((*scene.verifier->VerifyNow(good[i / 100 % good.size()], scene.now)).ok());
    if (i % kAtOnce == kAtOnce - 1) {
      const int before = scene.fetches();
      scene.Pass(kStep);
      if (scene.fetches() != before) fetched.push_back(scene.now);
    }
  }
  CHECK(refused + unavailable == kTokens);
  CHECK(waited <= static_cast<int>(fetched.size() * OidcIssuer::kMostWaiting));
  CHECK(static_cast<int>(fetched.size()) == scene.fetches());
  for (size_t i = 1; i < fetched.size(); ++i) CHECK(fetched[i] - fetched[i - 1] >= absl::Seconds(30));
  // Two a minute: the clock ran for 250 s.
  CHECK(scene.fetches() >= 5);
  CHECK(scene.fetches() <= 9);
  CHECK(scene.provider.asked(kDiscoveryUrl) == 1);
}

TEST_CASE("no more than a bounded number of calls wait") {
  Scene scene;
  const std::string token = scene.Token("first");
  for (size_t i = 0; i < OidcIssuer::kMostWaiting; ++i) REQUIRE_FALSE(scene.Begin(token).has_value());
  CHECK(absl::IsUnavailable((*scene.Begin(token)).status()));
  scene.verifier->DoWhatIsDue();
  CHECK(scene.answers.size() == OidcIssuer::kMostWaiting);
  for (const ProofResult& answer : scene.answers) REQUIRE(answer.ok());
}

TEST_CASE("calls that wait when the verifier goes are answered") {
  Scene scene;
  CHECK_FALSE(scene.Begin(scene.Token("first")).has_value());
  scene.verifier.reset();
  REQUIRE(scene.answers.size() == 1);
  CHECK(absl::IsUnavailable(scene.answers[0].status()));
}

TEST_CASE("keys in a file are read again when it changes") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/keys.json";
  const auto write = [&path](const std::string& text) { std::ofstream(path) << text; };
  OidcIssuerOptions options = IssuerOptions();
  options.keys = {};
  options.keys.jwks_file = path;
  Scene scene(options);
  write(JwksText({scene.Key("first").Jwk("first")}));
  scene.verifier->DoWhatIsDue();
  CHECK((*scene.Now("first")).ok());
  write(JwksText({scene.Key("second").Jwk("second")}));
  scene.Pass(absl::Seconds(5));
  CHECK((*scene.Now("second")).ok());
  CHECK(FaultOf((*scene.Now("first")).status()) == TokenFault::kKey);
  // Half a file, and none, leave things as they were.
  write("{\"keys\":[");
  scene.Pass(absl::Seconds(5));
  CHECK((*scene.Now("second")).ok());
  REQUIRE(std::remove(path.c_str()) == 0);
  scene.Pass(absl::Seconds(30));
  CHECK((*scene.Now("second")).ok());
  CHECK(scene.provider.requests().empty());
}

TEST_CASE("a clock that is set back or far ahead only costs a fetch") {
  Scene scene;
  scene.verifier->DoWhatIsDue();
  scene.Pass(-absl::Minutes(10));
  CHECK(scene.fetches() == 2);
  CHECK((*scene.verifier->VerifyNow(TokenAt(scene.now, scene.Key("first"), "first"), scene.now)).ok());
  scene.Pass(absl::Hours(1000));
  CHECK(scene.fetches() == 3);
  CHECK((*scene.verifier->VerifyNow(TokenAt(scene.now, scene.Key("first"), "first"), scene.now)).ok());
}

TEST_CASE("the gateway's own token goes nowhere by plain http") {
  const testing::TemporaryDirectory directory;
  OidcIssuerOptions options = IssuerOptions();
  options.keys.token_file = directory.path() + "/token";
  std::ofstream(options.keys.token_file) << "canary\n";
  options.keys.discovery_url.clear();
  options.keys.jwks_url = "http://idp.example/keys";
  Scene scene(options);
  scene.provider.Says(options.keys.jwks_url, JwksText({Keys().at("p256").Jwk("first")}));
  scene.verifier->DoWhatIsDue();
  CHECK(scene.provider.requests().empty());
  CHECK_FALSE(scene.Now("first")->ok());
}

TEST_CASE("the token that a provider wants to see is read for each request") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/token";
  OidcIssuerOptions options = IssuerOptions();
  options.keys.token_file = path;
  Scene scene(options);
  std::ofstream(path) << "one\n";
  scene.verifier->DoWhatIsDue();
  std::ofstream(path) << "two\n";
  scene.Pass(absl::Minutes(15));
  std::vector<std::string> shown;
  for (const HttpRequest& request : scene.provider.requests()) {
    for (const auto& [name, value] : request.headers) {
      if (name == "Authorization") shown.push_back(value);
    }
  }
  CHECK(shown == std::vector<std::string>{"Bearer one", "Bearer one", "Bearer two", "Bearer two"});
}

}  // namespace sallyport::gateway
