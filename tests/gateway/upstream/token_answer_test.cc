#include "gateway/upstream/credentials/token_answer.h"

#include "tests/gateway/upstream/credentials_fixture.h"

namespace sallyport::gateway {
namespace {

absl::StatusOr<TokenAnswer> Parse(const std::string& body, TokenGrant grant = TokenGrant::kClientCredentials) {
  return ParseTokenAnswer(body, grant);
}

TEST_CASE("a token comes with its lifetime") {
  const auto answer = Parse(
      R"({"access_token":"t0ken","token_type":"Bearer","expires_in":3600,"scope":"a b","x":{"access_token":[1]}})");
  REQUIRE(answer.ok());
  CHECK(answer->access_token.view() == "t0ken");
  CHECK(answer->lifetime == absl::Hours(1));
  CHECK(Parse(R"({"token_type":"bearer","access_token":"t"})")->lifetime == std::nullopt);
  // Some providers write it as a string.
  CHECK(Parse(R"({"access_token":"t","token_type":"BEARER","expires_in":"60"})")->lifetime == absl::Minutes(1));
  CHECK(Parse(R"({"access_token":"t","token_type":"Bearer","expires_in":99999999999})")->lifetime ==
        absl::Hours(24 * 30));
  CHECK(Parse(R"({"access_token":"\u0074\u002f","token_type":"Bearer"})")->access_token.view() == "t/");
}

TEST_CASE("only exchanges may give tokens that are no bearer tokens by name") {
  const std::string body = R"({"access_token":"t","token_type":"N_A","issued_token_type":"urn:x"})";
  CHECK(Parse(body, TokenGrant::kExchange).ok());
  CHECK_FALSE(Parse(body).ok());
}

TEST_CASE("nonsense from a token endpoint is refused, and nothing of it repeated") {
  const std::string head = R"({"token_type":"Bearer","access_token":)";
  for (const std::string& bad : {
           std::string(),
           std::string("canary"),
           std::string("null"),
           std::string("\"canary\""),
           std::string("[]"),
           std::string(R"([{"access_token":"canary","token_type":"Bearer"}])"),
           std::string("<html>canary</html>"),
           std::string("{}"),
           std::string(R"({"token_type":"Bearer"})"),
           std::string(R"({"access_token":"canary"})"),
           std::string(R"({"access_token":"canary","token_type":"mac"})"),
           std::string(R"({"access_token":"canary","token_type":7})"),
           std::string(R"({"access_token":"canary","access_token":"canary2","token_type":"Bearer"})"),
           std::string(R"({"access_token":"canary","token_type":"mac","token_type":"Bearer"})"),
           std::string(R"({"access_token":"canary","token_type":"Bearer")"),
           std::string(R"({"access_token":"canary","token_type":"Bearer"} {})"),
           std::string(R"({'access_token':'canary','token_type':'Bearer'})"),
           head + R"("")" + "}",
           head + R"(" canary")" + "}",
           head + R"("canary\r\nx-admin: 1")" + "}",
           head + R"("canary\u0000")" + "}",
           head + R"("canary\u001b[2J")" + "}",
           head + "\"canary\xc3\xa9\"" + "}",
           head + "\"canary\xff\"" + "}",
           head + "\"canary\ttab\"" + "}",
           head + "17}",
           head + "true}",
           head + "null}",
           head + R"(["canary"]})",
           head + R"({"canary":"canary"}})",
           head + "\"" + std::string(8193, 'c') + "\"}",
           head + R"("canary","expires_in":0})",
           head + R"("canary","expires_in":-1})",
           head + R"("canary","expires_in":-99999999999999999999})",
           head + R"("canary","expires_in":1.5})",
           head + R"("canary","expires_in":1e3})",
           head + R"("canary","expires_in":18446744073709551616})",
           head + R"("canary","expires_in":"canary"})",
           head + R"("canary","expires_in":"-5"})",
           head + R"("canary","expires_in":null})",
           head + R"("canary","expires_in":{}})",
           head + R"("canary","expires_in":60,"expires_in":61})",
           head + R"("canary","x":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
           head + R"("canary","x":)" + std::string(100'000, '['),
       }) {
    const auto answer = Parse(bad);
    INFO(bad.substr(0, 200));
    CHECK_FALSE(answer.ok());
    CHECK(absl::IsUnavailable(answer.status()));
    CHECK_FALSE(Contains(std::string(answer.status().message()), "canary"));
    CHECK(answer.status().message().size() < 200);
  }
}

TEST_CASE("an endpoint's error is told if it is one that there is") {
  CHECK(TokenErrorOf(R"({"error":"invalid_client","error_description":"canary"})") == "invalid_client");
  CHECK(TokenErrorOf(R"({"error":"slow_down"})") == "slow_down");
  for (const char* other : {R"({"error":"canary"})", R"({"error":7})", R"({"error":"invalid_client\n"})", "canary", "",
                            R"({"error":"invalid_client","error":"invalid_grant"})", R"(["invalid_client"])"}) {
    CHECK(TokenErrorOf(other).empty());
  }
}

}  // namespace
}  // namespace sallyport::gateway
