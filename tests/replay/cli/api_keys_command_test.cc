// `sallyport keys issue-api-key`, `list-api-keys` and `revoke-api-key`.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "recorder/api_keys/api_key_file.h"
#include "tests/recorder/store_fixture.h"
#include "tests/replay/cli/command_fixture.h"

namespace sallyport::replay {
namespace {

using nlohmann::json;

struct ApiKeyFile {
  CommandResult Issue(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"keys", "issue-api-key", "--file", path};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments);
  }

  recorder::TemporaryDirectory directory;
  std::string path = directory.path() + "/api-keys";
};

}  // namespace

TEST_CASE("an issued API key is shown once, alone on stdout, and is good") {
  const ApiKeyFile file;
  const CommandResult issued = file.Issue({"--subject", "ci@example", "--groups", "build,deploy", "--expires", "90d"});
  INFO(issued.errors);
  REQUIRE(issued.code == 0);
  REQUIRE(LinesOf(issued.output).size() == 1);
  const std::string key = LinesOf(issued.output)[0];
  CHECK(Contains(issued.errors, "nowhere else"));
  CHECK_FALSE(Contains(issued.errors, key));
  struct stat info = {};
  REQUIRE(stat(file.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);

  const auto kept = recorder::ReadApiKeys(file.path);
  REQUIRE(kept.ok());
  REQUIRE(kept->size() == 1);
  CHECK(kept->front().Matches(key));
  CHECK(kept->front().subject == "ci@example");
  CHECK(kept->front().groups == std::vector<std::string>{"build", "deploy"});
  CHECK(kept->front().expires - kept->front().created == absl::Hours(24 * 90));
}

TEST_CASE("API keys are issued, listed and revoked for programs, too") {
  const ApiKeyFile file;
  const CommandResult issued = file.Issue({"--subject", "ci", "--expires", "never", "--json"});
  REQUIRE(issued.code == 0);
  const json made = json::parse(issued.output);
  CHECK(recorder::ApiKeyIdOf(made["key"].get<std::string>()) == made["id"].get<std::string>());
  CHECK(made["subject"] == "ci");
  CHECK(made["groups"] == json::array());
  CHECK(made["expires"].is_null());
  REQUIRE(file.Issue({"--subject", "other", "--groups", "a", "--groups", "b c", "--expires", "1h"}).code == 0);

  const CommandResult listed = Run({"keys", "list-api-keys", "--file", file.path, "--json"});
  REQUIRE(listed.code == 0);
  const std::vector<std::string> lines = LinesOf(listed.output);
  REQUIRE(lines.size() == 2);
  const json first = json::parse(lines[0]);
  CHECK(first["id"] == made["id"]);
  CHECK(first["created"] == made["created"]);
  CHECK(first["state"] == "valid");
  CHECK(first["revoked"].is_null());
  CHECK_FALSE(first.contains("key"));
  CHECK(json::parse(lines[1])["groups"] == json::array({"a", "b c"}));
  CHECK(json::parse(lines[1])["expires"].is_string());
  CHECK_FALSE(Contains(listed.output, made["key"].get<std::string>().substr(30)));

  const CommandResult table = Run({"keys", "list-api-keys", "--file", file.path});
  CHECK(Contains(table.output, made["id"].get<std::string>() + "  ci"));
  CHECK(Contains(table.output, "never"));
  CHECK(Contains(table.output, "a, b c"));

  const CommandResult revoked = Run({"keys", "revoke-api-key", "--file", file.path, made["id"]});
  CHECK(revoked.code == 0);
  CHECK(Contains(revoked.output, "key " + made["id"].get<std::string>() + " of ci is revoked since 20"));
  // Again is fine, and says the same; the whole key will do.
  const CommandResult again = Run({"keys", "revoke-api-key", "--file", file.path, made["key"]});
  CHECK(again.code == 0);
  CHECK(again.output == revoked.output);
  const json after = json::parse(LinesOf(Run({"keys", "list-api-keys", "--file", file.path, "--json"}).output)[0]);
  CHECK(after["state"] == "revoked");
  CHECK(after["revoked"].is_string());
}

TEST_CASE("an expired API key is listed as such") {
  const ApiKeyFile file;
  const absl::Time then = absl::FromUnixSeconds(1'700'000'000);
  REQUIRE(recorder::IssueApiKey(file.path, "ci", {}, then, then + absl::Hours(1), recorder::RealFileSystem()).ok());
  CHECK(Contains(Run({"keys", "list-api-keys", "--file", file.path}).output, "expired"));
}

TEST_CASE("what is wrong with a command about API keys is told, and exits accordingly") {
  const ApiKeyFile file;
  CHECK(file.Issue({"--subject", "ci"}).code == 2);
  CHECK(file.Issue({"--expires", "90d"}).code == 2);
  const CommandResult no_time = file.Issue({"--subject", "ci", "--expires", "soon"});
  CHECK(no_time.code == 2);
  CHECK(Contains(no_time.errors, "--expires: "));
  CHECK(file.Issue({"--subject", "ci", "--expires", "0s"}).code == 2);
  CHECK(file.Issue({"--subject", "ci", "--expires", "9999999d"}).code == 2);
  CHECK(file.Issue({"--subject", "c\ni", "--expires", "90d"}).code == 2);
  CHECK(file.Issue({"--subject", "ci", "--groups", "a,\xc3\xa4", "--expires", "90d"}).code == 2);
  CHECK_FALSE(std::filesystem::exists(file.path));
  CHECK(Run({"keys", "list-api-keys", "--file", file.path}).code == 3);
  CHECK(Run({"keys", "revoke-api-key", "--file", file.path, "aaaaaaaaaa"}).code == 1);

  const std::string key = LinesOf(file.Issue({"--subject", "ci", "--expires", "90d"}).output)[0];
  CHECK(Run({"keys", "revoke-api-key", "--file", file.path, "aaaaaaaaaa"}).code == 1);
  const std::string misspelt = key.substr(0, key.size() - 1);
  const CommandResult odd = Run({"keys", "revoke-api-key", "--file", file.path, misspelt});
  CHECK(odd.code == 2);
  CHECK_FALSE(Contains(odd.errors, misspelt));
  std::ofstream(file.path, std::ios::app) << "more\n";
  const CommandResult damaged = Run({"keys", "list-api-keys", "--file", file.path});
  CHECK(damaged.code == 3);
  CHECK(Contains(damaged.errors, file.path + ":9: expected an empty line"));
  CHECK(file.Issue({"--subject", "ci", "--expires", "90d"}).code != 0);
  CHECK(file.Issue({"--subject", "ci", "--expires", "90d"}).output.empty());
}

}  // namespace sallyport::replay
