// What the command line and the environment say of a server.
#include "replay/client/server_options.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <string>

#include "replay/client/token_file.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::replay {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'767'323'045);

// Puts the variables back in the end.
class Environment {
 public:
  Environment() {
    REQUIRE(setenv("XDG_CONFIG_HOME", directory_.path().c_str(), 1) == 0);
    REQUIRE(unsetenv("SALLYPORT_TOKEN") == 0);
  }
  ~Environment() {
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("SALLYPORT_TOKEN");
  }
  std::string File(const std::string& name, const std::string& text, mode_t mode) const {
    const std::string path = directory_.path() + "/" + name;
    std::ofstream(path) << text;
    REQUIRE(chmod(path.c_str(), mode) == 0);
    return path;
  }

 private:
  recorder::TemporaryDirectory directory_;
};

ServerOptions At(const std::string& server) {
  ServerOptions options;
  options.server = server;
  return options;
}

TEST_CASE("the token is that of the file named, else the variable's, else the one that a log-in kept") {
  const Environment environment;
  REQUIRE(TokenFile::OfUser().value().Put("a:1", {recorder::SecretText(std::string("kept")), std::nullopt}).ok());
  ServerOptions options = At("a:1");
  CHECK(ReadServerOptions(options, kNow).value().token.view() == "kept");
  CHECK(ReadServerOptions(At("b:1"), kNow).value().token.view().empty());
  REQUIRE(setenv("SALLYPORT_TOKEN", "variable", 1) == 0);
  CHECK(ReadServerOptions(options, kNow).value().token.view() == "variable");
  options.token_file = environment.File("token", "named\n", 0644);
  CHECK(ReadServerOptions(options, kNow).value().token.view() == "named");
}

TEST_CASE("a socket gets no token that was kept, but one that is given") {
  const Environment environment;
  REQUIRE(TokenFile::OfUser().value().Put("unix:s", {recorder::SecretText(std::string("kept")), std::nullopt}).ok());
  CHECK(ReadServerOptions(At("unix:s"), kNow).value().token.view().empty());
  REQUIRE(setenv("SALLYPORT_TOKEN", "variable", 1) == 0);
  CHECK(ReadServerOptions(At("unix:s"), kNow).value().token.view() == "variable");
}

TEST_CASE("a log-in that has expired is told, and not sent") {
  const Environment environment;
  const TokenFile file = TokenFile::OfUser().value();
  REQUIRE(file.Put("a:1", {recorder::SecretText(std::string("kept")), kNow}).ok());
  const absl::Status status = ReadServerOptions(At("a:1"), kNow).status();
  CHECK(status.code() == absl::StatusCode::kUnauthenticated);
  CHECK_THAT(std::string(status.message()), Catch::Contains("`sallyport login --server a:1`"));
  CHECK(ReadServerOptions(At("a:1"), kNow - absl::Seconds(1)).ok());
}

TEST_CASE("whoever is elsewhere is asked with TLS, unless it is said that plain text will do") {
  const Environment environment;
  CHECK(ReadServerOptions(At("a.example:1"), kNow).value().tls);
  CHECK_FALSE(ReadServerOptions(At("127.0.0.1:1"), kNow).value().tls);
  CHECK_FALSE(ReadServerOptions(At("unix:s"), kNow).value().tls);
  ServerOptions options = At("a.example:1");
  options.plaintext = true;
  CHECK_FALSE(ReadServerOptions(options, kNow).value().tls);
  options.authorities_file = environment.File("ca.pem", "-----BEGIN CERTIFICATE-----", 0644);
  CHECK(ReadServerOptions(options, kNow).status().code() == absl::StatusCode::kInvalidArgument);
  options.plaintext = false;
  options.server = "127.0.0.1:1";
  CHECK(ReadServerOptions(options, kNow).value().tls);
}

TEST_CASE("a wrong option is named, and nothing of a token is shown") {
  const Environment environment;
  ServerOptions token = At("a:1");
  token.token_file = environment.File("token", "secret text", 0600);
  ServerOptions nowhere = At("a:1");
  nowhere.token_file = "/nowhere/token";
  ServerOptions shared = At("a:1");
  shared.token_file = environment.File("shared", "secret", 0666);
  ServerOptions half = At("a:1");
  half.certificates_file = environment.File("cert.pem", "-----BEGIN CERTIFICATE-----", 0644);
  ServerOptions authorities = At("a:1");
  authorities.authorities_file = environment.File("ca.der", "no PEM", 0644);
  const std::pair<const ServerOptions*, const char*> cases[] = {{&token, "--token"},
                                                                {&nowhere, "--token"},
                                                                {&shared, "--token"},
                                                                {&half, "--tls-cert"},
                                                                {&authorities, "--tls-ca"}};
  for (const auto& [options, named] : cases) {
    const absl::Status status = ReadServerOptions(*options, kNow).status();
    CAPTURE(named);
    CHECK_FALSE(status.ok());
    CHECK_THAT(std::string(status.message()), Catch::Contains(named) && !Catch::Contains("secret"));
  }
  CHECK_THAT(std::string(ReadServerOptions(At("a"), kNow).status().message()), Catch::StartsWith("--server: "));
}

}  // namespace
}  // namespace sallyport::replay
