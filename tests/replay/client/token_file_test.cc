// The file of a user's tokens.
#include "replay/client/token_file.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/recorder/store_fixture.h"

namespace sallyport::replay {
namespace {

StoredToken Token(const std::string& text, std::optional<absl::Time> expires = std::nullopt) {
  return {recorder::SecretText(std::string(text)), expires};
}

void Write(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream(path) << text;
  REQUIRE(chmod(path.c_str(), mode) == 0);
}

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

TEST_CASE("a token is kept by its server, in a file and a directory of its owner alone") {
  const recorder::TemporaryDirectory directory;
  const TokenFile file(directory.path() + "/config/sallyport/tokens");
  CHECK_FALSE(file.Find("a:1").value().has_value());
  const absl::Time expires = absl::FromUnixSeconds(1'767'323'045);
  REQUIRE(file.Put("a:1", Token("first", expires)).ok());
  REQUIRE(file.Put("b:1", Token("second")).ok());
  REQUIRE(file.Put("b:1", Token("third")).ok());
  const auto a = file.Find("a:1").value();
  REQUIRE(a.has_value());
  CHECK(a->token.view() == "first");
  CHECK(a->expires == expires);
  CHECK(file.Find("b:1").value().value().token.view() == "third");
  CHECK_FALSE(file.Find("b:1").value().value().expires.has_value());
  CHECK_FALSE(file.Find("c:1").value().has_value());
  CHECK(ModeOf(file.path()) == 0600);
  CHECK(ModeOf(directory.path() + "/config/sallyport") == 0700);
  CHECK(file.Remove("a:1").value());
  CHECK_FALSE(file.Remove("a:1").value());
  CHECK_FALSE(file.Find("a:1").value().has_value());
  CHECK(file.Find("b:1").value().has_value());
}

TEST_CASE("a file that others may read or write is not used") {
  const recorder::TemporaryDirectory directory;
  const TokenFile file(directory.path() + "/tokens");
  for (const mode_t mode : {0640, 0604, 0620, 0602}) {
    CAPTURE(mode);
    Write(file.path(), R"({"a:1": {"token": "secret-text"}})", mode);
    const absl::Status status = file.Find("a:1").status();
    CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
    CHECK_THAT(std::string(status.message()), !Catch::Contains("secret-text"));
  }
}

TEST_CASE("a file that is none is told, without what is in it, and never overwritten") {
  const recorder::TemporaryDirectory directory;
  const TokenFile file(directory.path() + "/tokens");
  for (const std::string text :
       {"", "[]", "{\"a:1\": \"secret-text\"}", "{\"a:1\": {\"token\": 7}}", "{\"a:1\": {\"token\": \"secret text\"}}",
        "{\"b:1\": {}}", "{\"a:1\": {\"token\": \"t\", \"expires\": \"soon\"}}",
        "{\"a:1\": {\"token\": \"secret-text\"}"}) {
    CAPTURE(text);
    Write(file.path(), text, 0600);
    const absl::Status status = file.Find("a:1").status();
    CHECK(status.code() == absl::StatusCode::kDataLoss);
    CHECK_THAT(std::string(status.message()), !Catch::Contains("secret"));
    CHECK(file.Put("c:1", Token("other")).code() == absl::StatusCode::kDataLoss);
    std::ifstream read(file.path());
    CHECK(std::string(std::istreambuf_iterator<char>(read), {}) == text);
  }
}

TEST_CASE("what cannot be a header's value is no token") {
  for (const std::string text : {"", "a b", "a\n", "\x01", "\xc3\xa4"}) CHECK_FALSE(CheckToken(text).ok());
  CHECK_FALSE(CheckToken(std::string((16 << 10) + 1, 'a')).ok());
  CHECK(CheckToken(std::string(16 << 10, 'a')).ok());
}

TEST_CASE("log-ins at the same time keep each other's tokens") {
  const recorder::TemporaryDirectory directory;
  const TokenFile file(directory.path() + "/tokens");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&file, i] {
      static_cast<void>(file.Put("host" + std::to_string(i) + ":1", Token("token" + std::to_string(i))));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 8; ++i) {
    const auto found = file.Find("host" + std::to_string(i) + ":1").value();
    REQUIRE(found.has_value());
    CHECK(found->token.view() == "token" + std::to_string(i));
  }
}

}  // namespace
}  // namespace sallyport::replay
