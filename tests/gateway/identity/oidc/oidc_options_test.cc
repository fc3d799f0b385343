#include "gateway/identity/oidc/oidc_options.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "protos/yaml_message.h"
#include "sallyport/v1/identity.pb.h"
#include "tests/gateway/identity/jwt/key_ring.h"
#include "tests/gateway/temporary_directory.h"

namespace sallyport::gateway {
namespace {

// A directory with the files that configurations name: a key set, an authority, a token.
struct Files {
  Files() {
    std::ofstream(jwks) << JwksText({Keys().at("p256").Jwk("k")});
    std::ofstream(ca) << "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    std::ofstream(token) << "gateway-token\n";
  }
  testing::TemporaryDirectory directory;
  const std::string jwks = directory.path() + "/keys.json";
  const std::string ca = directory.path() + "/ca.pem";
  const std::string token = directory.path() + "/token";
};

v1::IdentityConfig Read(const std::string& yaml) {
  v1::IdentityConfig config;
  const absl::Status status = ReadYaml(yaml, "test.yaml", &config);
  INFO(status);
  REQUIRE(status.ok());
  return config;
}
CheckedOidc Check(const std::string& yaml) { return CheckOidc(Read(yaml).oidc(), "identity.oidc"); }

constexpr char kLeast[] = "issuer: https://idp.example, audiences: [a]";
// "<key>: <problem>" of the only one.
std::string ProblemOf(const std::string& members) {
  const CheckedOidc checked = Check(absl::StrCat("oidc: [{", members, "}]"));
  INFO(members);
  REQUIRE(checked.problems.size() == 1);
  return absl::StrCat(checked.problems[0].key, ": ", checked.problems[0].problem);
}

}  // namespace

TEST_CASE("an issuer and an audience are enough") {
  const CheckedOidc checked = Check(absl::StrCat("oidc: [{", kLeast, "}]"));
  CHECK(checked.problems.empty());
  CHECK(checked.warnings.empty());
  REQUIRE(checked.issuers.size() == 1);
  const OidcIssuerOptions& options = checked.issuers[0];
  CHECK(options.rules.issuer == "https://idp.example");
  CHECK(options.rules.audiences == std::vector<std::string>{"a"});
  CHECK(options.rules.algorithms == std::vector{SignatureAlgorithm::kRS256, SignatureAlgorithm::kES256});
  CHECK_FALSE(options.rules.subject.has_value());
  CHECK_FALSE(options.rules.groups.has_value());
  CHECK(options.rules.types == std::vector<std::string>{"jwt", "at+jwt", ""});
  CHECK(options.rules.skew == absl::Seconds(30));
  CHECK(options.rules.max_lifetime == absl::Hours(24));
  CHECK(options.keys.discovery_url == "https://idp.example/.well-known/openid-configuration");
  CHECK(options.keys.refresh == absl::Minutes(15));
  CHECK(options.keys.stale == absl::Hours(1));
  CHECK_FALSE(options.review.has_value());
}

TEST_CASE("everything that can be said is read") {
  const Files files;
  const CheckedOidc checked = Check(absl::StrCat(R"(
oidc:
  - issuer: https://idp.example/realms/a/
    audiences: [a, b]
    algorithms: [PS512, EdDSA]
    subject_claim: email
    groups_claim: 'resource_access.my\.app.roles'
    types: [application/AT+JWT, ""]
    skew: 5s
    max_lifetime: 90m
    refresh: 1m
    stale: 0s
    ca: )",
                                                 files.ca, R"(
    token_file: )",
                                                 files.token, R"(
    required: {scope: "*call*", 'x\\y': z}
  - issuer: kubernetes/serviceaccount
    audiences: a
    jwks_file: )",
                                                 files.jwks, R"(
    token_review: {url: "https://cluster.example/", ca: )",
                                                 files.ca, ", token_file: ", files.token, ", cache: 1m}\n"));
  for (const ConfigurationProblem& problem : checked.problems) UNSCOPED_INFO(problem.key << ": " << problem.problem);
  REQUIRE(checked.problems.empty());
  REQUIRE(checked.issuers.size() == 2);
  const OidcIssuerOptions& first = checked.issuers[0];
  CHECK(first.keys.discovery_url == "https://idp.example/realms/a/.well-known/openid-configuration");
  CHECK(first.rules.algorithms == std::vector{SignatureAlgorithm::kPS512, SignatureAlgorithm::kEdDSA});
  CHECK(first.rules.subject->text() == "email");
  const nlohmann::json claims = {{"resource_access", {{"my.app", {{"roles", {"x"}}}}}}};
  REQUIRE(first.rules.groups->Find(claims) != nullptr);
  CHECK(first.rules.types == std::vector<std::string>{"at+jwt", ""});
  CHECK(first.rules.skew == absl::Seconds(5));
  CHECK(first.rules.max_lifetime == absl::Minutes(90));
  CHECK(first.keys.refresh == absl::Minutes(1));
  CHECK(first.keys.stale == absl::ZeroDuration());
  CHECK(absl::StrContains(first.keys.ca_pem, "MIIB"));
  REQUIRE(first.rules.required.size() == 2);
  CHECK(first.rules.required[0].second == "*call*");
  CHECK(first.rules.required[1].first.first() == R"(x\y)");
  const OidcIssuerOptions& second = checked.issuers[1];
  CHECK(second.keys.discovery_url.empty());
  REQUIRE(second.review.has_value());
  CHECK(second.review->url == "https://cluster.example");
  CHECK(second.review->cache == absl::Minutes(1));
}

TEST_CASE("what is wrong is told with its key and what is expected") {
  const Files files;
  const std::string least = kLeast;
  const std::pair<std::string, const char*> cases[] = {
      {"audiences: [a], jwks_file: " + files.jwks, "identity.oidc[0].issuer: is missing"},
      {"issuer: https://idp.example", "identity.oidc[0].audiences: is missing"},
      {"issuer: https://idp.example, audiences: [a, \"\"]", "identity.oidc[0].audiences[1]: is empty"},
      {"issuer: idp.example, audiences: [a]", "identity.oidc[0].issuer: is not a URL"},
      {"issuer: \"https://idp.example/?tenant=1\", audiences: [a]", "identity.oidc[0].issuer: is not a URL"},
      {"issuer: \"https://idp.example/\\n\", audiences: [a], jwks_file: " + files.jwks,
       "identity.oidc[0].issuer: is longer"},
      {least + ", algorithms: [RS256, none]", "identity.oidc[0].algorithms[1]: \"none\" is never taken"},
      {least + ", algorithms: HS256", "identity.oidc[0].algorithms[0]: \"HS256\" is never taken"},
      {least + ", algorithms: [rs256]", "identity.oidc[0].algorithms[0]: \"rs256\" is not one of RS256"},
      {least + ", subject_claim: a..b", "identity.oidc[0].subject_claim: is not a path"},
      {least + ", groups_claim: 'a\\b'", "identity.oidc[0].groups_claim: has a backslash"},
      {least + ", required: {\".\": x}", "identity.oidc[0].required..: is not a path"},
      {least + ", skew: 61s", "identity.oidc[0].skew: 61s is not between 0 and 1m"},
      {least + ", skew: soon", "identity.oidc[0].skew: "},
      {least + ", max_lifetime: 0s", "identity.oidc[0].max_lifetime: 0s is not between"},
      {least + ", refresh: 29s", "identity.oidc[0].refresh: 29s is not between 30s and 24h"},
      {least + ", stale: 8d", "identity.oidc[0].stale: 8d is not between 0 and 168h"},
      {least + ", jwks_url: keys", "identity.oidc[0].jwks_url: is not a URL"},
      {least + ", jwks_file: /nowhere/keys", "identity.oidc[0].jwks_file: cannot read /nowhere/keys"},
      {least + ", jwks_file: " + files.token, "identity.oidc[0].jwks_file: the key set is not JSON"},
      {least + ", jwks_url: \"https://a.example\", jwks_file: " + files.jwks,
       "identity.oidc[0].jwks_file: cannot stand"},
      {least + ", ca: /nowhere/ca", "identity.oidc[0].ca: cannot read /nowhere/ca"},
      {least + ", ca: " + files.token, "has no certificate in PEM"},
      {least + ", token_file: " + files.token, "identity.oidc[0].token_file: needs ca"},
      {least + ", ca: " + files.ca + ", token_file: /nowhere/token", "identity.oidc[0].token_file: cannot read"},
      {least + ", jwks_url: \"http://a.example\", ca: " + files.ca + ", token_file: " + files.token,
       "is shown over https only"},
      {least + ", token_review: {token_file: " + files.token + ", ca: " + files.ca + "}",
       "identity.oidc[0].token_review.url: is missing"},
      {least + ", token_review: {url: \"http://a.example\", token_file: " + files.token + "}",
       "identity.oidc[0].token_review.url: is not an https URL"},
      {least + ", token_review: {url: \"https://a.example\"}", "identity.oidc[0].token_review.token_file: is missing"},
      {least + ", token_review: {url: \"https://a.example\", token_file: " + files.token + "}",
       "identity.oidc[0].token_review.token_file: needs ca"},
      {least + ", subject_claim: x, token_review: {url: \"https://a.example\", ca: " + files.ca +
           ", token_file: " + files.token + "}",
       "identity.oidc[0].subject_claim: cannot stand together with token_review"},
      {least + ", token_review: {cache: 1h, url: \"https://a.example\", ca: " + files.ca +
           ", token_file: " + files.token + "}",
       "identity.oidc[0].token_review.cache: 1h is not between 1s and 10m"},
      {least + "}, {" + least, "identity.oidc[1].issuer: is given twice"},
  };
  for (const auto& [members, expected] : cases) {
    const std::string problem = ProblemOf(members);
    INFO(problem);
    CHECK(absl::StrContains(problem, expected));
    CHECK_FALSE(absl::StrContains(problem, "gateway-token"));
  }
}

TEST_CASE("keys over plain http are warned of, but on loopback") {
  CHECK(Check("oidc: [{issuer: \"http://127.0.0.1:5556/dex\", audiences: a}]").warnings.empty());
  const CheckedOidc checked = Check("oidc: [{issuer: \"http://dex.auth.svc:5556/dex\", audiences: a}]");
  CHECK(checked.problems.empty());
  REQUIRE(checked.warnings.size() == 1);
  CHECK(checked.warnings[0].key == "identity.oidc[0].issuer");
}

TEST_CASE("the examples for providers are good configurations") {
  const Files files;
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator(SALLYPORT_IDENTITY_EXAMPLES)) {
    INFO(file.path());
    v1::IdentityConfig config;
    const absl::Status status = ReadYamlFile(file.path().string(), &config);
    INFO(status);
    REQUIRE(status.ok());
    // The files they name are elsewhere.
    for (v1::OidcIssuer& issuer : *config.mutable_oidc()) {
      if (!issuer.jwks_file().empty()) issuer.set_jwks_file(files.jwks);
      if (!issuer.ca().empty()) issuer.set_ca(files.ca);
      if (!issuer.token_file().empty()) issuer.set_token_file(files.token);
      if (!issuer.has_token_review()) continue;
      issuer.mutable_token_review()->set_ca(files.ca);
      issuer.mutable_token_review()->set_token_file(files.token);
    }
    const CheckedOidc checked = CheckOidc(config.oidc(), "identity.oidc");
    for (const ConfigurationProblem& problem : checked.problems) UNSCOPED_INFO(problem.key << ": " << problem.problem);
    CHECK(checked.problems.empty());
    CHECK(checked.warnings.empty());
    CHECK(checked.issuers.size() == 1);
    CHECK(TokenVerifier::Create(checked.issuers).ok());
    ++count;
  }
  CHECK(count >= 8);
}

}  // namespace sallyport::gateway
