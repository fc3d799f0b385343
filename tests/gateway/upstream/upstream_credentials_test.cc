#include "gateway/upstream/credentials/upstream_credentials.h"

#include <future>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gateway/upstream/credentials/credential_source.h"
#include "gateway/upstream/credentials/token_endpoint.h"
#include "gateway/upstream/credentials/token_signer.h"
#include "recorder/system/command_process.h"
#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/upstream/credentials_fixture.h"

namespace sallyport::gateway {
namespace {

using Pairs = std::map<std::string, std::string>;

// A source that fetches when the test says so.
struct Held {
  HeldClock clock;
  HeldRunner runner;
  HttpScript script;
  SourceContext context{"credentials of a test", clock.function(), &runner};
  std::unique_ptr<CredentialSource> source;
  std::vector<std::string> told;
  std::shared_ptr<RefreshedSecret> origin;
  SharedSecret shown;

  std::string Note(const absl::StatusOr<CredentialSource::Credential>& credential) {
    if (!credential.ok()) return credential.status().ToString();
    origin = credential->origin;
    shown = credential->value;
    return std::string(shown->view());
  }
  std::string Ask(const CallerView& caller = {}) {
    auto at_once = source->Get(caller, clock.now, [this](auto later) { told.push_back(Note(later)); });
    return at_once.has_value() ? Note(*at_once) : "";
  }
  std::string AskAndWait(const CallerView& caller = {}) {
    const std::string at_once = Ask(caller);
    if (!at_once.empty()) return at_once;
    runner.RunOne();
    return told.back();
  }
  void SayToken(const std::string& token, int lives = 100) {
    script.Say(
        200, R"({"token_type":"Bearer","access_token":")" + token + R"(","expires_in":)" + std::to_string(lives) + "}");
  }
  std::unique_ptr<TokenEndpoint> Endpoint() {
    TokenEndpointOptions options;
    options.url = "https://idp.example/token";
    options.auth = ClientAuth::kNone;
    return std::make_unique<TokenEndpoint>(options, ClientsOf(script));
  }
};

CallerView Bearer(std::string_view token) {
  CallerView caller;
  caller.bearer_token = token;
  return caller;
}

// What a call of `caller` carries; an error's text under "error".
Pairs ShownTo(UpstreamCredentials& credentials, const CallerView& caller = {}) {
  std::promise<absl::StatusOr<UpstreamCredentials::Shown>> later;
  auto shown = credentials.Get(caller, absl::Now(), [&](auto result) { later.set_value(std::move(result)); });
  if (!shown.has_value()) shown = later.get_future().get();
  if (!shown->ok()) return {{"error", shown->status().ToString()}};
  Pairs pairs;
  for (const auto& pair : (**shown)->pairs()) pairs[*pair.name] = pair.credential.value->view();
  return pairs;
}

std::unique_ptr<UpstreamCredentials> Make(const UpstreamCredentialsOptions& options, TokenSigner* signer = nullptr) {
  auto credentials = UpstreamCredentials::Create("etcd", options, signer);
  REQUIRE(credentials.ok());
  return *std::move(credentials);
}

SecretOptions File(const std::string& path) { return {SecretOptions::Kind::kFile, path}; }

TEST_CASE("what all callers share tells its age, what is each caller's own does not") {
  Held held;
  held.source = MakeClientCredentialsSource({}, "", held.Endpoint(), held.context);
  REQUIRE(held.source->State().has_value());
  CHECK_FALSE(held.source->State()->fetched.has_value());
  held.SayToken("one");
  CHECK(held.AskAndWait() == "one");
  CHECK(held.source->State()->fetched == held.clock.now);
  const auto exchange = MakeTokenExchangeSource({}, "", held.Endpoint(), held.context);
  CHECK_FALSE(exchange->State().has_value());
}

TEST_CASE("client credentials are one token for all callers, refreshed ahead and after a rejection") {
  Held held;
  ClientCredentialsOptions options;
  options.scope = "read write";
  options.audience = "https://api.example";
  held.source = MakeClientCredentialsSource(options, "Bearer ", held.Endpoint(), held.context);
  held.SayToken("one");
  CHECK(held.AskAndWait(Bearer("alice")) == "Bearer one");
  CHECK(held.Ask(Bearer("bob")) == "Bearer one");
  CHECK(held.script.requests.at(0).body ==
        "grant_type=client_credentials&scope=read+write&audience=https%3A%2F%2Fapi.example");
  held.clock.now += absl::Seconds(80);
  held.SayToken("two");
  CHECK(held.Ask() == "Bearer one");
  held.runner.RunOne();
  CHECK(held.Ask() == "Bearer two");
  held.origin->OnRejected(held.shown.get(), held.clock.now);
  held.SayToken("three");
  CHECK(held.AskAndWait() == "Bearer three");
  CHECK(held.script.requests.size() == 3);
}

TEST_CASE("an exchange gives each caller a token of its own, and keeps so many") {
  Held held;
  TokenExchangeOptions options;
  options.subject_token_type = "urn:ietf:params:oauth:token-type:access_token";
  options.audiences = {"a", "b"};
  options.cache = 2;
  held.source = MakeTokenExchangeSource(options, "", held.Endpoint(), held.context);
  held.SayToken("for alice");
  held.SayToken("for bob");
  CHECK(held.AskAndWait(Bearer("alice's")) == "for alice");
  CHECK(held.AskAndWait(Bearer("bob's")) == "for bob");
  CHECK(held.Ask(Bearer("alice's")) == "for alice");
  CHECK(held.script.requests.at(0).body ==
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=alice%27s&"
        "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&audience=a&audience=b");
  // A third caller makes room for itself: bob asked longest ago.
  held.SayToken("for carol");
  CHECK(held.AskAndWait(Bearer("carol's")) == "for carol");
  CHECK(held.Ask(Bearer("alice's")) == "for alice");
  held.SayToken("for bob again");
  CHECK(held.AskAndWait(Bearer("bob's")) == "for bob again");
}

TEST_CASE("an exchange needs a bearer token, and one caller's refusal is not another's") {
  Held held;
  held.source = MakeTokenExchangeSource({}, "", held.Endpoint(), held.context);
  CHECK(held.Ask().starts_with("UNAUTHENTICATED"));
  CHECK(held.script.requests.empty());
  held.script.Say(400, R"({"error":"invalid_grant"})");
  CHECK(held.AskAndWait(Bearer("mallory's")).starts_with("UNAUTHENTICATED"));
  CHECK(held.Ask(Bearer("mallory's")).starts_with("UNAUTHENTICATED"));
  held.SayToken("for alice");
  CHECK(held.AskAndWait(Bearer("alice's")) == "for alice");
}

TEST_CASE("an exchange for many callers at once does not mix them up") {
  Held held;
  held.source = MakeTokenExchangeSource({}, "", held.Endpoint(), held.context);
  for (int i = 0; i < 100; ++i) {
    held.script.answers.push_back([](const HttpRequest& request) -> absl::StatusOr<HttpResponse> {
      const std::string field = "subject_token=";
      const size_t begin = request.body.find(field) + field.size();
      const std::string token = request.body.substr(begin, request.body.find('&', begin) - begin);
      return HttpResponse{200, "", R"({"token_type":"Bearer","access_token":"for-)" + token + "\"}"};
    });
    CHECK(held.Ask(Bearer("caller-" + std::to_string(i))).empty());
  }
  for (int i = 0; i < 100; ++i) {
    held.runner.RunOne();
    CHECK(held.told.back() == "for-caller-" + std::to_string(i));
  }
}

// The claims of a token.
nlohmann::json ClaimsOf(const std::string& token) {
  const std::vector<std::string> parts = absl::StrSplit(token, '.');
  REQUIRE(parts.size() == 3);
  std::string text;
  REQUIRE(absl::WebSafeBase64Unescape(parts[1], &text));
  return nlohmann::json::parse(text);
}

std::unique_ptr<TokenSigner> Signer(const std::string& directory) {
  const auto made = recorder::RunCommand("openssl genpkey -algorithm ED25519 > " + directory + "/key.pem", "", 100,
                                         absl::Seconds(60));
  REQUIRE(made.ok());
  auto signer = TokenSigner::Create({"https://gateway.example", directory + "/key.pem", {}}, absl::Now());
  REQUIRE(signer.ok());
  return *std::move(signer);
}

TEST_CASE("no two callers share a signed token, however alike what is known of them reads together") {
  testing::TemporaryDirectory directory;
  Held held;
  const auto signer = Signer(directory.path());
  SignedTokenOptions options;
  options.audiences = {"etcd"};
  held.source = MakeSignedTokenSource(options, "", *signer, held.context);
  // Each text cut into an issuer, a subject and groups in every way.
  const std::vector<std::string> texts = {"abcd", "a 1 b", "1 2 3", "    "};
  std::map<std::string, std::string> seen;
  for (const std::string& text : texts) {
    for (size_t i = 0; i <= text.size(); ++i) {
      for (size_t j = i; j <= text.size(); ++j) {
        for (size_t k = j; k <= text.size(); ++k) {
          std::vector<std::string> groups = {text.substr(j, k - j), text.substr(k)};
          for (int form = 0; form < 3; ++form) {
            if (form == 1) groups = {text.substr(j)};
            if (form == 2) groups = {};
            const CallerView caller{ProofKind::kJwt, std::string_view(text).substr(0, i),
                                    std::string_view(text).substr(i, j - i), groups, ""};
            std::string who = absl::StrCat(i, "|", text.substr(0, i), "|", text.substr(i, j - i));
            for (const std::string& group : groups) absl::StrAppend(&who, "|", group.size(), group);
            const std::string token = held.AskAndWait(caller);
            const auto [place, is_new] = seen.emplace(token, who);
            CAPTURE(place->second, who);
            REQUIRE(place->second == who);
            const auto claims = ClaimsOf(token);
            REQUIRE(claims["sub"] == text.substr(i, j - i));
            REQUIRE(claims["groups"] == nlohmann::json(groups));
          }
        }
      }
    }
  }
  CHECK(seen.size() > 100);
}

TEST_CASE("what an upstream says is looked through for each value, with what stands before it or without") {
  const std::string name = "authorization";
  const auto shown = [&](const std::vector<std::string>& values) {
    std::vector<ShownCredentials::Pair> pairs;
    pairs.reserve(values.size());
    for (const std::string& value : values) pairs.push_back({&name, {Secret(value), nullptr}});
    return ShownCredentials(std::move(pairs));
  };
  const ShownCredentials credentials = shown({"Bearer canary-1", "canary-2 of two words", "plain-value"});
  for (const char* text : {"Bearer canary-1", "canary-1", "no such token: canary-1!", "words: \"plain-value\"",
                           "xplain-valuex", "Bearer canary-12"}) {
    CAPTURE(text);
    CHECK(credentials.RepeatedIn(text));
  }
  for (const char* text : {"", "Bearer", "Bearer canary-", "anary-1", "plain-valu", "canary-2", "words"}) {
    CAPTURE(text);
    CHECK_FALSE(credentials.RepeatedIn(text));
  }
  // Eight characters tell, seven may stand anywhere.
  CHECK(shown({"Bearer 12345678"}).RepeatedIn("12345678"));
  CHECK(shown({"12345678"}).RepeatedIn("12345678"));
  CHECK_FALSE(shown({"Bearer 1234567"}).RepeatedIn("Bearer 1234567"));
  CHECK_FALSE(shown({"1234567"}).RepeatedIn("1234567"));
  CHECK_FALSE(shown({}).RepeatedIn("anything"));
}

TEST_CASE("a signed token is kept for half its life, for the same caller with the same groups only") {
  testing::TemporaryDirectory directory;
  Held held;
  const auto signer = Signer(directory.path());
  SignedTokenOptions options;
  options.audiences = {"etcd"};
  held.source = MakeSignedTokenSource(options, "Bearer ", *signer, held.context);
  const std::vector<std::string> dev = {"dev"};
  const std::vector<std::string> both = {"dev", "sre"};
  CallerView alice{ProofKind::kJwt, "https://idp.example", "alice", dev, ""};
  const std::string first = held.AskAndWait(alice);
  CHECK(ClaimsOf(first.substr(7))["sub"] == "alice");
  CHECK(ClaimsOf(first.substr(7))["groups"] == nlohmann::json::array({"dev"}));
  CHECK(held.Ask(alice) == first);

  std::vector<std::string> others;
  for (const CallerView& other : {CallerView{ProofKind::kJwt, "https://idp.example", "alice", both, ""},
                                  CallerView{ProofKind::kJwt, "https://other.example", "alice", dev, ""},
                                  CallerView{ProofKind::kMtls, "https://idp.example", "alice", dev, ""},
                                  CallerView{ProofKind::kJwt, "https://idp.example", "bob", dev, ""}, CallerView{}}) {
    CHECK(held.Ask(other).empty());
    held.runner.RunOne();
    others.push_back(held.told.back());
  }
  CHECK(ClaimsOf(others[0].substr(7))["groups"].size() == 2);
  CHECK(ClaimsOf(others[1].substr(7))["caller_issuer"] == "https://other.example");
  CHECK(ClaimsOf(others[2].substr(7))["caller_proof"] == "mtls");
  CHECK(ClaimsOf(others[3].substr(7))["sub"] == "bob");
  CHECK(ClaimsOf(others[4].substr(7))["caller_proof"] == "none");

  held.clock.now += absl::Seconds(149);
  CHECK(held.Ask(alice) == first);
  CHECK(held.runner.held() == 0);
  held.clock.now += absl::Seconds(2);
  CHECK(held.Ask(alice) == first);
  held.runner.RunOne();
  const std::string second = held.Ask(alice);
  CHECK(second != first);
  held.origin->OnRejected(held.shown.get(), held.clock.now);
  CHECK(held.AskAndWait(alice) != second);
}

TEST_CASE("a file that changes is shown within a second, by calls that wait for nothing else") {
  testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/token";
  WriteFile(path, "one");
  Held held;
  held.source = MakeStaticSource(File(path), "Bearer ", held.context);
  CHECK(held.AskAndWait() == "Bearer one");
  WriteFile(path, "two");
  CHECK(held.Ask() == "Bearer one");
  held.clock.now += absl::Milliseconds(1001);
  CHECK(held.AskAndWait() == "Bearer two");
  // Gone: what it held serves for a minute.
  REQUIRE(std::remove(path.c_str()) == 0);
  held.clock.now += absl::Milliseconds(1001);
  CHECK(held.AskAndWait() == "Bearer two");
  held.clock.now += absl::Seconds(57);
  CHECK(held.AskAndWait() == "Bearer two");
  held.clock.now += absl::Seconds(30);
  CHECK(held.AskAndWait().starts_with("NOT_FOUND"));
}

TEST_CASE("a command runs again when its time is over, or when the upstream did not take what it said") {
  testing::TemporaryDirectory directory;
  const std::string count = directory.path() + "/count";
  Held held;
  SecretOptions options{SecretOptions::Kind::kCommand, "echo run >> " + count + "; wc -l < " + count};
  options.refresh = absl::Minutes(10);
  held.source = MakeStaticSource(options, "run ", held.context);
  CHECK(held.AskAndWait() == "run 1");
  CHECK(held.Ask() == "run 1");
  held.origin->OnRejected(held.shown.get(), held.clock.now);
  CHECK(held.AskAndWait() == "run 2");
  held.clock.now += absl::Minutes(10);
  CHECK(held.Ask() == "run 2");
  held.runner.RunOne();
  CHECK(held.Ask() == "run 3");
}

TEST_CASE("callers get the credentials of the first group that has them, or the default") {
  testing::TemporaryDirectory directory;
  const auto secret = [&](const std::string& name) {
    WriteFile(directory.path() + "/" + name, "secret of " + name);
    return CredentialOptions{"authorization", "", File(directory.path() + "/" + name)};
  };
  UpstreamCredentialsOptions options;
  options.by_group = {{{"sre", "root"}, {secret("sre")}}, {{"dev"}, {secret("dev")}}, {{"guest"}, {}}};
  options.otherwise = {secret("others"), {"x-key", "", File(directory.path() + "/dev")}};
  const auto credentials = Make(options);
  const auto shown = [&](const std::vector<std::string>& groups) {
    CallerView caller;
    caller.groups = groups;
    return ShownTo(*credentials, caller);
  };
  CHECK(shown({}) == Pairs{{"authorization", "secret of others"}, {"x-key", "secret of dev"}});
  CHECK(shown({"ops", "dev"}) == Pairs{{"authorization", "secret of dev"}});
  CHECK(shown({"dev", "root"}) == Pairs{{"authorization", "secret of sre"}});
  CHECK(shown({"guest"}).empty());
  CHECK(shown({"DEV"}).size() == 2);
}

TEST_CASE("a group counts only if one of the issuers vouches for it that are named") {
  testing::TemporaryDirectory directory;
  WriteFile(directory.path() + "/sre", "secret of sre");
  UpstreamCredentialsOptions options;
  options.by_group = {
      {{"sre"}, {{"x-key", "", File(directory.path() + "/sre")}}, {"https://idp.example", "spiffe://*"}}};
  const auto credentials = Make(options);
  const auto shown = [&](std::string_view issuer) {
    CallerView caller;
    const std::vector<std::string> groups = {"sre"};
    caller.issuer = issuer;
    caller.groups = groups;
    return ShownTo(*credentials, caller).size();
  };
  CHECK(shown("https://idp.example") == 1);
  CHECK(shown("spiffe://prod.example") == 1);
  CHECK(shown("https://idp.example.evil") == 0);
  CHECK(shown("") == 0);
}

TEST_CASE("who calls is told besides whatever lets the call in") {
  testing::TemporaryDirectory directory;
  const auto signer = Signer(directory.path());
  WriteFile(directory.path() + "/token", "t0ken");
  SignedTokenOptions token;
  token.audiences = {"etcd"};
  UpstreamCredentialsOptions options;
  options.otherwise = {{"authorization", "Bearer ", File(directory.path() + "/token")}};
  options.by_group = {{{"dev"}, {}}};
  options.always = {{"sallyport-identity-token", "", token}};
  const auto credentials = Make(options, signer.get());
  const std::vector<std::string> dev = {"dev"};
  const Pairs others = ShownTo(*credentials, {ProofKind::kMtls, "ca", "alice", {}, ""});
  CHECK(others.at("authorization") == "Bearer t0ken");
  CHECK(ClaimsOf(others.at("sallyport-identity-token"))["sub"] == "alice");
  const Pairs developers = ShownTo(*credentials, {ProofKind::kMtls, "ca", "bob", dev, ""});
  CHECK(developers.size() == 1);
  CHECK(ClaimsOf(developers.at("sallyport-identity-token"))["sub"] == "bob");
}

TEST_CASE("a name is the gateway's in whatever spelling, in any group") {
  testing::TemporaryDirectory directory;
  UpstreamCredentialsOptions options;
  options.by_group = {{{"dev"}, {{"x-api-key", "", File("a")}}}};
  options.otherwise = {{"authorization", "", File("b")}};
  const auto credentials = Make(options);
  for (const char* name : {"authorization", "Authorization", "authorization-bin", "AUTHORIZATION_BIN", "x-api-key",
                           "x_api_key", "X_Api-Key", "x-api-key-bin"}) {
    INFO(name);
    CHECK(credentials->Owns(name));
  }
  for (const char* name : {"", "-bin", "author", "authorization2", "x.api.key", "xapikey"}) {
    INFO(name);
    CHECK_FALSE(credentials->Owns(name));
  }
}

TEST_CASE("what is wrong with the gateway's credentials is not for callers to know") {
  UpstreamCredentialsOptions options;
  options.otherwise = {{"a", "", SecretOptions{SecretOptions::Kind::kCommand, "echo canary; exit 1"}},
                       {"b", "", File("/canary/none")}};
  const auto credentials = Make(options);
  CHECK(ShownTo(*credentials).at("error") ==
        "UNAVAILABLE: the gateway cannot obtain its credentials for upstream etcd; its log says why");
}

TEST_CASE("credentials that go while fetches are under way wait for them") {
  UpstreamCredentialsOptions options;
  options.otherwise = {{"a", "", SecretOptions{SecretOptions::Kind::kCommand, "sleep 0.2; echo secret"}}};
  std::promise<std::string> told;
  {
    const auto credentials = Make(options);
    auto shown = credentials->Get({}, absl::Now(), [&](auto result) {
      told.set_value(result.ok() ? std::string((*result)->pairs()[0].credential.value->view()) : "");
    });
    CHECK_FALSE(shown.has_value());
  }
  CHECK(told.get_future().get() == "secret");
}

}  // namespace
}  // namespace sallyport::gateway
