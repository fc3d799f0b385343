#include "gateway/upstream/credentials/token_endpoint.h"

#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/upstream/credentials_fixture.h"

namespace sallyport::gateway {
namespace {

constexpr char kGood[] = R"({"access_token":"t0ken","token_type":"Bearer","expires_in":100})";

struct Subject {
  explicit Subject(ClientAuth auth) {
    WriteFile(secret_file, "s3cret/+ :\n");
    options.url = "https://user:canary@idp.example:8443/token?key=canary";
    options.client_id = "gate:way";
    options.auth = auth;
    if (auth != ClientAuth::kNone) options.client_secret = SecretOptions{SecretOptions::Kind::kFile, secret_file};
    endpoint = std::make_unique<TokenEndpoint>(options, ClientsOf(script));
  }

  absl::StatusOr<RefreshedSecret::Fetched> Ask(TokenGrant grant = TokenGrant::kClientCredentials) {
    return endpoint->Ask({{"grant_type", "client_credentials"}, {"scope", "a b"}}, grant, "Bearer ", clock.now);
  }
  // What asking fails with; no secret may be in it.
  std::string Failure(TokenGrant grant = TokenGrant::kClientCredentials) {
    const auto fetched = Ask(grant);
    CHECK_FALSE(fetched.ok());
    for (const char* secret : {"canary", "s3cret", "t0ken"})
      CHECK_FALSE(Contains(std::string(fetched.status().message()), secret));
    return fetched.status().ToString();
  }

  testing::TemporaryDirectory directory;
  const std::string secret_file = directory.path() + "/secret";
  HeldClock clock;
  HttpScript script;
  TokenEndpointOptions options;
  std::unique_ptr<TokenEndpoint> endpoint;
};

TEST_CASE("a form is encoded as the URL standard says") {
  const std::string value = "a b+c/%\xc3\xa9~*-._";
  CHECK(EncodeForm({{"grant_type", "x"}, {"v", value}, {"empty", ""}}).view() ==
        "grant_type=x&v=a+b%2Bc%2F%25%C3%A9%7E*-._&empty=");
}

TEST_CASE("the client shows itself by basic authorization") {
  Subject subject(ClientAuth::kBasic);
  subject.script.Say(200, kGood);
  const auto fetched = subject.Ask();
  REQUIRE(fetched.ok());
  CHECK(fetched->value->view() == "Bearer t0ken");
  CHECK(fetched->due == subject.clock.now + absl::Seconds(80));
  CHECK(fetched->expires == subject.clock.now + absl::Seconds(95));
  const HttpRequest& request = subject.script.requests.at(0);
  CHECK(request.method == HttpMethod::kPost);
  CHECK(request.url == subject.options.url);
  CHECK(request.body == "grant_type=client_credentials&scope=a+b");
  CHECK(subject.script.HeaderOf(0, "Content-Type") == "application/x-www-form-urlencoded");
  CHECK(subject.script.HeaderOf(0, "Accept") == "application/json");
  // base64 of "gate%3Away:s3cret%2F%2B+%3A": both parts form-encoded (RFC 6749, 2.3.1).
  CHECK(subject.script.HeaderOf(0, "Authorization") == "Basic Z2F0ZSUzQXdheTpzM2NyZXQlMkYlMkIrJTNB");
}

TEST_CASE("the client shows itself in the form, or not at all") {
  Subject post(ClientAuth::kPost);
  post.script.Say(200, kGood);
  REQUIRE(post.Ask().ok());
  CHECK(post.script.requests.at(0).body ==
        "grant_type=client_credentials&scope=a+b&client_id=gate%3Away&client_secret=s3cret%2F%2B+%3A");
  CHECK(post.script.HeaderOf(0, "Authorization").empty());
  Subject none(ClientAuth::kNone);
  none.script.Say(200, kGood);
  REQUIRE(none.Ask().ok());
  CHECK(none.script.requests.at(0).body == "grant_type=client_credentials&scope=a+b");
  CHECK(none.script.HeaderOf(0, "Authorization").empty());
}

TEST_CASE("a client's secret that changes is used from the next second on, and at once when it was refused") {
  Subject subject(ClientAuth::kPost);
  const auto sent = [&] {
    const std::string& body = subject.script.requests.back().body;
    return body.substr(body.rfind('=') + 1);
  };
  subject.script.Say(200, kGood);
  REQUIRE(subject.Ask().ok());
  WriteFile(subject.secret_file, "second");
  subject.script.Say(200, kGood);
  REQUIRE(subject.Ask().ok());
  CHECK(sent() == "s3cret%2F%2B+%3A");
  subject.clock.now += absl::Seconds(1);
  subject.script.Say(200, kGood);
  REQUIRE(subject.Ask().ok());
  CHECK(sent() == "second");
  WriteFile(subject.secret_file, "third!");
  subject.script.Say(401, R"({"error":"invalid_client"})");
  CHECK(subject.Failure() == "UNAVAILABLE: https://idp.example:8443: HTTP status 401, invalid_client");
  subject.script.Say(200, kGood);
  REQUIRE(subject.Ask().ok());
  CHECK(sent() == "third%21");
}

TEST_CASE("what goes wrong at the endpoint is told without what was sent or came back") {
  Subject subject(ClientAuth::kBasic);
  subject.script.Say(400, R"({"error":"canary s3cret","error_description":"s3cret is wrong"})");
  CHECK(subject.Failure() == "UNAVAILABLE: https://idp.example:8443: HTTP status 400");
  subject.script.Say(500, "s3cret canary");
  CHECK(subject.Failure() == "UNAVAILABLE: https://idp.example:8443: HTTP status 500");
  subject.script.Say(302, "");
  CHECK(subject.Failure() == "UNAVAILABLE: https://idp.example:8443: HTTP status 302");
  subject.script.Say(200, "canary");
  CHECK(Contains(subject.Failure(), "is no JSON object"));
  subject.script.Say(201, kGood);
  CHECK(Contains(subject.Failure(), "HTTP status 201"));
  subject.script.Fail(absl::UnavailableError("https://idp.example:8443: the answer is too long"));
  CHECK(subject.Failure() == "UNAVAILABLE: https://idp.example:8443: the answer is too long");
  WriteFile(subject.secret_file, "");
  subject.clock.now += absl::Hours(1);
  CHECK(Contains(subject.Failure(), subject.secret_file));
}

TEST_CASE("an exchange that is refused for the caller's token is the caller's trouble, any other the gateway's") {
  Subject subject(ClientAuth::kBasic);
  for (const char* error : {"invalid_grant", "invalid_request", "access_denied", "invalid_token"}) {
    subject.script.Say(400, std::string(R"({"error":")") + error + "\"}");
    CHECK(subject.Failure(TokenGrant::kExchange).starts_with("UNAUTHENTICATED"));
    subject.script.Say(400, std::string(R"({"error":")") + error + "\"}");
    CHECK(subject.Failure().starts_with("UNAVAILABLE"));
  }
  for (const char* error : {"invalid_client", "invalid_target", "server_error", "canary"}) {
    subject.script.Say(400, std::string(R"({"error":")") + error + "\"}");
    CHECK(subject.Failure(TokenGrant::kExchange).starts_with("UNAVAILABLE"));
  }
}

TEST_CASE("a token without a lifetime has the configured one, and a short one is not shown in its last moments") {
  Subject subject(ClientAuth::kBasic);
  subject.script.Say(200, R"({"access_token":"t","token_type":"Bearer"})");
  const auto fetched = subject.Ask();
  CHECK(fetched->expires == subject.clock.now + absl::Minutes(5) - absl::Seconds(5));
  subject.script.Say(200, R"({"access_token":"t","token_type":"Bearer","expires_in":10})");
  const auto brief = subject.Ask();
  CHECK(brief->due == subject.clock.now + absl::Seconds(8));
  CHECK(brief->expires == subject.clock.now + absl::Seconds(9));
}

}  // namespace
}  // namespace sallyport::gateway
