#include "gateway/upstream/credentials/credentials_check.h"

#include <cstdlib>

#include "protos/yaml_message.h"
#include "recorder/system/command_process.h"
#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/upstream/credentials_fixture.h"

namespace sallyport::gateway {
namespace {

struct Checked {
  UpstreamCredentialsOptions options;
  std::vector<std::string> faults;
};

Checked Check(const std::string& yaml, bool can_sign = true) {
  v1::UpstreamCredentials credentials;
  const absl::Status read = ReadYaml(yaml, "test", &credentials);
  INFO(read);
  REQUIRE(read.ok());
  Checked checked;
  checked.options =
      CheckCredentials(credentials, "c", "etcd", can_sign, [&](const std::string& key, absl::string_view problem) {
        checked.faults.push_back(key + ": " + std::string(problem));
      });
  return checked;
}

// The one fault of a text; no secret may be in it.
std::string Fault(const std::string& yaml, bool can_sign = true) {
  const Checked checked = Check(yaml, can_sign);
  INFO(yaml);
  REQUIRE(checked.faults.size() == 1);
  CHECK_FALSE(Contains(checked.faults[0], "canary"));
  return checked.faults[0];
}

const std::string kClient = "token_url: \"https://idp.example/token\", client_id: gateway";

TEST_CASE("every kind of credential can be configured") {
  testing::TemporaryDirectory directory;
  const std::string file = directory.path() + "/secret";
  WriteFile(file, "s3cret\n");
  setenv("SALLYPORT_TEST_SECRET", "s3cret", 1);
  const Checked checked = Check(
      "metadata:\n"
      "  x-from-file: {from_file: " +
      file +
      "}\n"
      "  x-from-env: {from_env: SALLYPORT_TEST_SECRET, prefix: \"Key \"}\n"
      "  token: {from_command: \"exit 1\", refresh: 1m, timeout: 2s}\n"
      "client_credentials: {" +
      kClient + ", client_secret: {from_file: " + file +
      "}, scope: \"a b\", audience: x,"
      " auth: post, timeout: 3s, lifetime: 4m, ca: " +
      file +
      "}\n"
      "by_group:\n"
      "  - groups: [sre]\n"
      "    token_exchange: {" +
      kClient +
      ", client_secret: {from_env: SALLYPORT_TEST_SECRET}, audiences: [a, b],"
      " resources: [\"https://r\"], subject_token_type: jwt, requested_token_type: \"urn:x\", cache: 7,"
      " connections: 2, name: x-token, prefix: \"\"}\n"
      "  - groups: dev\n"
      "    signed_token: {audiences: [a], lifetime: 1m, subject_claims: [username], claims: {tenant: eu},"
      " number_claims: {revision: 7}, omit_groups: true}\n"
      "identity_metadata: {}\n");
  CHECK(checked.faults.empty());
  const UpstreamCredentialsOptions& options = checked.options;
  REQUIRE(options.otherwise.size() == 4);
  CHECK(options.otherwise[0].name == "token");
  const auto& command = std::get<SecretOptions>(options.otherwise[0].kind);
  CHECK(command.kind == SecretOptions::Kind::kCommand);
  CHECK(command.refresh == absl::Minutes(1));
  CHECK(command.timeout == absl::Seconds(2));
  CHECK(options.otherwise[1].prefix == "Key ");
  CHECK(std::get<SecretOptions>(options.otherwise[2].kind).value == file);
  CHECK(options.otherwise[3].name == "authorization");
  CHECK(options.otherwise[3].prefix == "Bearer ");
  const auto& client = std::get<ClientCredentialsOptions>(options.otherwise[3].kind);
  CHECK(client.endpoint.auth == ClientAuth::kPost);
  CHECK(client.endpoint.ca_pem == "s3cret\n");
  CHECK(client.endpoint.timeout == absl::Seconds(3));
  CHECK(client.endpoint.lifetime == absl::Minutes(4));
  CHECK(client.scope == "a b");
  REQUIRE(options.by_group.size() == 2);
  CHECK(options.by_group[0].groups == std::vector<std::string>{"sre"});
  const CredentialOptions& exchanged = options.by_group[0].credentials.at(0);
  CHECK(exchanged.name == "x-token");
  CHECK(exchanged.prefix.empty());
  const auto& exchange = std::get<TokenExchangeOptions>(exchanged.kind);
  CHECK(exchange.subject_token_type == "urn:ietf:params:oauth:token-type:jwt");
  CHECK(exchange.requested_token_type == "urn:x");
  CHECK(exchange.cache == 7);
  CHECK(exchange.connections == 2);
  const auto& token = std::get<SignedTokenOptions>(options.by_group[1].credentials.at(0).kind);
  CHECK(token.lifetime == absl::Minutes(1));
  CHECK(token.number_claims.at("revision") == 7);
  REQUIRE(options.always.size() == 1);
  CHECK(options.always[0].name == "sallyport-identity-token");
  CHECK(options.always[0].prefix.empty());
  CHECK(std::get<SignedTokenOptions>(options.always[0].kind).audiences == std::vector<std::string>{"etcd"});
}

TEST_CASE("what is wrong is told with its key") {
  testing::TemporaryDirectory directory;
  const std::string file = directory.path() + "/secret";
  WriteFile(file, "canary");
  WriteFile(directory.path() + "/empty", "");
  const std::string secret = "client_secret: {from_file: " + file + "}";
  const auto client = [&](const std::string& more) { return "client_credentials: {" + kClient + ", " + more + "}"; };
  const std::vector<std::pair<std::string, std::string>> faults = {
      {"metadata: {token: {}}", "c.metadata.token: give exactly one of"},
      {"metadata: {token: {from_env: A, from_command: b}}", "c.metadata.token: give exactly one of"},
      {"metadata: {token: {from_file: /none/such}}", "c.metadata.token.from_file: opening the secret /none/such"},
      {"metadata: {token: {from_file: " + directory.path() + "/empty}}", "is empty"},
      {"metadata: {token: {from_env: \"canary is here\"}}", "c.metadata.token.from_env: is no name of a variable"},
      {"metadata: {token: {from_env: SALLYPORT_NOT_SET}}", "SALLYPORT_NOT_SET is not set"},
      {"metadata: {token: {from_file: " + file + ", refresh: 1m}}", "are for from_command"},
      {"metadata: {token: {from_command: x, refresh: 1}}", "c.metadata.token.refresh: "},
      {"metadata: {token: {from_command: x, timeout: 1h}}", "is not between 100ms and 5m"},
      {"metadata: {token: {from_command: x, prefix: \"a\\nb\"}}", "c.metadata.token.prefix: "},
      {"metadata: {Token: {from_command: x}}", "\"Token\" is no name of metadata"},
      {"metadata: {token-bin: {from_command: x}}", "names that end in -bin"},
      {"metadata: {grpc-timeout: {from_command: x}}", "belongs to gRPC"},
      {"metadata: {user-agent: {from_command: x}}", "belongs to gRPC"},
      {client("scope: a"), "c.client_credentials.client_secret: is missing"},
      {client(secret + ", auth: digest"), "c.client_credentials.auth: is neither"},
      {client(secret + ", ca: /none/such"), "c.client_credentials.ca: cannot read /none/such"},
      {client(secret + ", timeout: 0"), "c.client_credentials.timeout: "},
      {client("client_secret: {from_file: " + file + ", prefix: x}"), "is for metadata only"},
      {"client_credentials: {client_id: a, " + secret + "}", "c.client_credentials.token_url: is not a URL"},
      {"client_credentials: {token_url: \"ftp://a\", client_id: a, " + secret + "}", "is not a URL"},
      {"client_credentials: {token_url: \"https://a\", " + secret + "}", "c.client_credentials.client_id: is missing"},
      {"client_credentials: {token_url: \"http://idp.example/token\", client_id: a, " + secret + "}",
       "c.client_credentials.token_url: is plain http to another machine"},
      {"token_exchange: {token_url: \"http://10.0.0.1/token\"}", "c.token_exchange.token_url: is plain http"},
      {client(secret + ", name: token-bin"), "c.client_credentials.name: "},
      {"metadata: {authorization: {from_command: x}}\n" + client(secret), "authorization is given twice"},
      {"token_exchange: {token_url: \"https://a\", client_id: a}", "needs both client_id and client_secret"},
      {"token_exchange: {token_url: \"https://a\", cache: 2000000}", "c.token_exchange.cache: "},
      {"token_exchange: {token_url: \"https://a\", connections: 65}", "c.token_exchange.connections: "},
      {"signed_token: {lifetime: 16m}", "c.signed_token.lifetime: 16m is not between 10s and 15m"},
      {"signed_token: {claims: {sub: root}}", "c.signed_token.claims: the claim \"sub\" is there already"},
      {"signed_token: {claims: {a: b}, subject_claims: [a]}", "the claim \"a\" is there already"},
      {"signed_token: {number_claims: {exp: 1}}", "c.signed_token.number_claims: "},
      {"by_group: [{groups: a, issuers: [\"\"]}]", "c.by_group[0].issuers[0]: is empty"},
      {"by_group: [{metadata: {a: {from_command: x}}}]", "c.by_group[0].groups: is missing"},
      {"identity_metadata: {name: token}\nby_group: [{groups: a, metadata: {token: {from_command: x}}}]",
       "c.by_group[0]: the metadata token is given twice"},
  };
  for (const auto& [yaml, expected] : faults) {
    const std::string fault = Fault(yaml);
    INFO(fault);
    CHECK(Contains(fault, expected));
  }
  CHECK(Contains(Fault("signed_token: {}", false), "c.signed_token: needs token_signing"));
  // Who says so, and who stays on this machine, may do without https.
  CHECK(Check("client_credentials: {token_url: \"http://idp.example/token\", client_id: a, insecure: true, " + secret +
              "}")
            .faults.empty());
  CHECK(Check("token_exchange: {token_url: \"http://127.0.0.1:8/token\"}").faults.empty());
  CHECK(Check("by_group: [{groups: a, issuers: [\"https://idp.example\"]}]").options.by_group.at(0).issuers ==
        std::vector<std::string>{"https://idp.example"});
}

TEST_CASE("what the gateway itself says in a token is not for the configuration to say") {
  for (const std::string name :
       {"iss", "sub", "aud", "iat", "exp", "nbf", "jti", "groups", "caller_proof", "caller_issuer"}) {
    const std::string said = "the claim \"" + name + "\" is there already";
    CHECK(Contains(Fault("signed_token: {claims: {" + name + ": x}}"), said));
    CHECK(Contains(Fault("signed_token: {number_claims: {" + name + ": 1}}"), said));
    CHECK(Contains(Fault("signed_token: {subject_claims: [" + name + "]}"), said));
    CHECK(Contains(Fault("identity_metadata: {claims: {" + name + ": x}}"), said));
  }
}

TEST_CASE("signing needs an issuer's URL and a key that can be used") {
  testing::TemporaryDirectory directory;
  const std::string key = directory.path() + "/key.pem";
  REQUIRE(recorder::RunCommand("openssl genpkey -algorithm ED25519 > " + key, "", 100, absl::Seconds(60)).ok());
  const auto fault = [](const std::string& issuer, const std::string& file) {
    v1::TokenSigning signing;
    signing.set_issuer(issuer);
    signing.set_key(file);
    std::string first;
    CheckTokenSigning(signing, "s", [&](const std::string& place, absl::string_view problem) {
      if (first.empty()) first = place + ": " + std::string(problem);
    });
    return first;
  };
  CHECK(fault("https://gateway.example", key).empty());
  CHECK(Contains(fault("gateway", key), "s.issuer: is not a URL"));
  CHECK(Contains(fault("https://gateway.example", ""), "s.key: is missing"));
  CHECK(Contains(fault("https://gateway.example", "/none/such"), "/none/such"));
  WriteFile(key, "canary");
  CHECK(Contains(fault("https://gateway.example", key), "is no private key"));
  CHECK_FALSE(Contains(fault("https://gateway.example", key), "canary"));
}

}  // namespace
}  // namespace sallyport::gateway
