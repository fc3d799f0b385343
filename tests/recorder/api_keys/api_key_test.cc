#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "recorder/api_keys/api_key_file.h"
#include "tests/recorder/faulty_files.h"
#include "tests/recorder/keys_fixture.h"

namespace sallyport::recorder {
namespace {

const absl::Time kNow = absl::FromUnixMillis(1'767'323'045'678);

NewApiKey Issue(const std::string& path, const std::string& subject = "ci") {
  absl::StatusOr<NewApiKey> made =
      IssueApiKey(path, subject, {"a", "b c"}, kNow, kNow + absl::Hours(1), RealFileSystem());
  INFO(made.status().ToString());
  REQUIRE(made.ok());
  return *std::move(made);
}

std::string Fault(const std::string& text) {
  const auto parsed = ParseApiKeys(text, "keys");
  return std::string(parsed.status().message());
}

}  // namespace

TEST_CASE("an API key has the form that is promised, and 260 random bits") {
  std::set<std::string> ids;
  std::set<std::string> secrets;
  for (int i = 0; i < 1000; ++i) {
    const auto made = MakeApiKey("ci", {}, kNow, absl::InfiniteFuture());
    REQUIRE(made.ok());
    const std::string text(made->text.view());
    REQUIRE(text.size() == 79);
    REQUIRE(text.starts_with("sallyport_"));
    REQUIRE(text[20] == '_');
    REQUIRE(text.substr(21).find_first_not_of("abcdefghijklmnopqrstuvwxyz234567") == std::string::npos);
    REQUIRE(ApiKeyIdOf(text) == made->key.id);
    REQUIRE(made->key.Matches(text));
    ids.insert(made->key.id);
    secrets.insert(text.substr(21));
    // Nothing that is kept holds any of it.
    REQUIRE(FormatApiKeys({made->key}).find(text.substr(21, 16)) == std::string::npos);
  }
  CHECK(ids.size() == 1000);
  CHECK(secrets.size() == 1000);
}

TEST_CASE("every character of the alphabet comes up in secrets about as often") {
  std::map<char, int> counts;
  for (int i = 0; i < 500; ++i) {
    const auto made = MakeApiKey("ci", {}, kNow, absl::InfiniteFuture());
    REQUIRE(made.ok());
    for (char c : made->text.view().substr(21, 52)) ++counts[c];
  }
  REQUIRE(counts.size() == 32);
  // 812 are expected; seven standard deviations are 196.
  for (const auto& [character, count] : counts) CHECK((count > 600 && count < 1010));
}

TEST_CASE("subjects, groups and times of API keys are checked") {
  const auto refused = [](const std::string& subject, const std::vector<std::string>& groups, absl::Time expires) {
    return absl::IsInvalidArgument(MakeApiKey(subject, groups, kNow, expires).status());
  };
  const absl::Time later = kNow + absl::Hours(1);
  CHECK_FALSE(refused("ci", {"a"}, later));
  for (const std::string& name : {std::string(), std::string(" ci"), std::string("ci "), std::string("c\ni"),
                                  std::string("c\0i", 3), std::string("\xc3\xa4"), std::string(257, 'a')}) {
    CHECK(refused(name, {}, later));
    CHECK(refused("ci", {"a", name}, later));
  }
  CHECK(refused("ci", std::vector<std::string>(101, "a"), later));
  CHECK(refused("ci", {}, kNow));
  CHECK(refused("ci", {}, kNow - absl::Hours(1)));
}

TEST_CASE("the file of API keys is written as it is read") {
  const KeysDirectory directory;
  const std::string path = directory.path() + "/keys";
  const NewApiKey first = Issue(path);
  const absl::StatusOr<NewApiKey> second =
      IssueApiKey(path, "with spaces", {}, kNow, absl::InfiniteFuture(), RealFileSystem());
  REQUIRE(second.ok());
  REQUIRE(RevokeApiKey(path, first.key.id, kNow + absl::Seconds(9), RealFileSystem()).ok());

  const auto keys = ReadApiKeys(path);
  INFO(keys.status().ToString());
  REQUIRE(keys.ok());
  REQUIRE(keys->size() == 2);
  const ApiKey& read = keys->front();
  CHECK(read.id == first.key.id);
  CHECK(read.created == absl::FromUnixSeconds(1'767'323'045));
  CHECK(read.expires == absl::FromUnixSeconds(1'767'323'045 + 3600));
  CHECK(read.revoked == absl::FromUnixSeconds(1'767'323'054));
  CHECK(read.subject == "ci");
  CHECK(read.groups == std::vector<std::string>{"a", "b c"});
  CHECK(read.Matches(first.text.view()));
  CHECK(keys->back().expires == absl::InfiniteFuture());
  CHECK_FALSE(keys->back().revoked.has_value());
  CHECK(keys->back().Matches(second->text.view()));
  const std::string text = Contents(path);
  CHECK(FormatApiKeys(*keys) == text);
  CHECK(text.starts_with("sallyport-api-keys 1\n\nkey " + first.key.id +
                         "\ncreated 2026-01-02T03:04:05Z\nexpires 2026-01-02T04:04:05Z\nrevoked "
                         "2026-01-02T03:04:14Z\nsalt "));
}

TEST_CASE("the file of API keys is private and is replaced as a whole") {
  const KeysDirectory directory;
  const std::string path = directory.path() + "/keys";
  Issue(path);
  struct stat before = {};
  REQUIRE(stat(path.c_str(), &before) == 0);
  CHECK((before.st_mode & 07777) == 0600);
  const int held = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  Issue(path);
  struct stat after = {};
  REQUIRE(stat(path.c_str(), &after) == 0);
  CHECK((after.st_mode & 07777) == 0600);
  CHECK(after.st_ino != before.st_ino);
  close(held);
  CHECK_FALSE(FileExists(path + ".tmp"));
}

TEST_CASE("keys that are issued and revoked at the same time are all there") {
  const KeysDirectory directory;
  const std::string path = directory.path() + "/keys";
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        const auto made =
            IssueApiKey(path, "t" + std::to_string(t), {}, kNow, absl::InfiniteFuture(), RealFileSystem());
        if (!made.ok()) ++failed;
        if (made.ok() && i % 2 == 0 && !RevokeApiKey(path, made->key.id, kNow, RealFileSystem()).ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  const auto keys = ReadApiKeys(path);
  REQUIRE(keys.ok());
  CHECK(keys->size() == 40);
  CHECK(std::count_if(keys->begin(), keys->end(), [](const ApiKey& key) { return key.revoked.has_value(); }) == 20);
}

TEST_CASE("a failing disk leaves the file of API keys as it was, and hands out no key") {
  const KeysDirectory directory;
  const std::string path = directory.path() + "/keys";
  Issue(path);
  const std::string before = Contents(path);
  int failures = 0;
  for (int at = 0;; ++at) {
    FaultyFiles files;
    int operation = 0;
    files.SetJudge([&](Operation, const std::string&) { return operation++ == at ? EIO : 0; });
    const auto made = IssueApiKey(path, "ci", {}, kNow, absl::InfiniteFuture(), files);
    if (made.ok()) break;
    ++failures;
    const auto keys = ReadApiKeys(path);
    REQUIRE(keys.ok());
    // The directory's sync comes after the new file is in place.
    CHECK((Contents(path) == before || keys->size() == 2));
    REQUIRE(ReplaceFile(RealFileSystem(), path, before).ok());
  }
  CHECK(failures >= 4);
}

TEST_CASE("what is not a file of API keys is refused and says where") {
  const KeysDirectory directory;
  const std::string path = directory.path() + "/keys";
  Issue(path);
  Issue(path);
  const std::string good = Contents(path);
  REQUIRE(ParseApiKeys(good, "keys").ok());
  CHECK(Fault("").starts_with("keys:1: is no file of API keys"));
  CHECK(Fault("sallyport-api-keys 2\n").starts_with("keys:1: is no file of API keys"));
  CHECK(ParseApiKeys("sallyport-api-keys 1\n", "keys")->empty());
  CHECK(Fault(good + "\n") == "keys:21: expected `key <id>`");
  CHECK(Fault(good.substr(0, good.size() - 1)).starts_with("keys:19: expected"));
  // Each line left out, doubled or changed.
  std::vector<std::string> lines;
  for (size_t from = 0; from < good.size(); from = good.find('\n', from) + 1) {
    lines.push_back(good.substr(from, good.find('\n', from) + 1 - from));
  }
  const auto joined = [](const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts) text += part;
    return text;
  };
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool group = lines[i].starts_with("group ");
    std::vector<std::string> without = lines;
    without.erase(without.begin() + static_cast<long>(i));
    CHECK(ParseApiKeys(joined(without), "keys").ok() == group);
    std::vector<std::string> doubled = lines;
    doubled.insert(doubled.begin() + static_cast<long>(i), lines[i]);
    CHECK(ParseApiKeys(joined(doubled), "keys").ok() == group);
    std::vector<std::string> changed = lines;
    changed[i] = "\x01" + changed[i];
    CHECK_FALSE(ParseApiKeys(joined(changed), "keys").ok());
    changed = lines;
    changed[i].insert(changed[i].size() - 1, "\t");
    CHECK_FALSE(ParseApiKeys(joined(changed), "keys").ok());
  }
  const std::string one = joined({lines.begin(), lines.begin() + 10});
  REQUIRE(ParseApiKeys(one, "keys")->size() == 1);
  CHECK(Fault(one + joined({lines.begin() + 1, lines.begin() + 10})) == "keys:19: ends a second key by the same id");
  std::string odd_time = one;
  odd_time.replace(odd_time.find("created 2026-01-02T03:04:05Z"), 28, "created 2026-1-002T03:04:05Z");
  CHECK(Fault(odd_time) == "keys:4: expected `created <time>`");
  // No error repeats what is in the file.
  CHECK(Fault(odd_time).find("2026") == std::string::npos);
}

TEST_CASE("revoking says whether there is such a key") {
  const KeysDirectory directory;
  const std::string path = directory.path() + "/keys";
  CHECK(absl::IsNotFound(RevokeApiKey(path, "aaaaaaaaaa", kNow, RealFileSystem()).status()));
  CHECK_FALSE(FileExists(path + ".lock"));
  const NewApiKey made = Issue(path);
  CHECK(absl::IsNotFound(RevokeApiKey(path, "aaaaaaaaaa", kNow, RealFileSystem()).status()));
  REQUIRE(RevokeApiKey(path, made.key.id, kNow, RealFileSystem()).ok());
  const auto again = RevokeApiKey(path, made.key.id, kNow + absl::Hours(1), RealFileSystem());
  REQUIRE(again.ok());
  CHECK(again->revoked == absl::FromUnixSeconds(1'767'323'045));
}

}  // namespace sallyport::recorder
