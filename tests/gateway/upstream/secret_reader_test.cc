#include "gateway/upstream/credentials/secret_reader.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "absl/time/clock.h"
#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/upstream/credentials_fixture.h"

namespace sallyport::gateway {
namespace {

using Kind = SecretOptions::Kind;

// Long before anything that a test writes.
const absl::Time kEarlier = absl::FromUnixSeconds(0);

std::string Said(const absl::StatusOr<SharedSecret>& secret) {
  CHECK_FALSE(secret.ok());
  return std::string(secret.status().message());
}

SecretReader Command(const std::string& command, absl::Duration timeout = absl::Seconds(30)) {
  return SecretReader({Kind::kCommand, command, absl::Minutes(10), timeout}, SecretUse::kMetadata);
}

// Makes the file look as if it had been written a while ago, so that a reader relies on its version.
void Settle(const std::string& path) {
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
}

TEST_CASE("a secret in a file is read without its line end, and put behind its prefix") {
  testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/token";
  SecretReader reader({Kind::kFile, path}, SecretUse::kMetadata, "Bearer ");
  for (const char* text : {"s3cret", "s3cret\n", "s3cret\r\n"}) {
    WriteFile(path, text);
    CHECK(Text(reader.Read(nullptr, kEarlier)) == "Bearer s3cret");
  }
}

TEST_CASE("a file is read again when it changes, and only then") {
  testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/token";
  WriteFile(path, "one");
  Settle(path);
  SecretReader reader({Kind::kFile, path}, SecretUse::kMetadata);
  const absl::Time now = absl::Now();
  const auto one = reader.Read(nullptr, now);
  CHECK(Text(one) == "one");
  // The same secret, not an equal one.
  CHECK(reader.Read(*one, now).value() == *one);
  // Written in place, to the same size.
  WriteFile(path, "two");
  const auto two = reader.Read(*one, now);
  CHECK(Text(two) == "two");
  // Replaced, with the time of the other kept.
  WriteFile(directory.path() + "/next", "six");
  std::filesystem::last_write_time(directory.path() + "/next", std::filesystem::last_write_time(path));
  std::filesystem::rename(directory.path() + "/next", path);
  CHECK(Text(reader.Read(*two, now)) == "six");
}

TEST_CASE("a file that was changed just before it was read is read again even if it looks the same") {
  testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/token";
  WriteFile(path, "one");
  const auto written = std::filesystem::last_write_time(path);
  SecretReader reader({Kind::kFile, path}, SecretUse::kMetadata);
  const auto one = reader.Read(nullptr, absl::Now());
  WriteFile(path, "two");
  std::filesystem::last_write_time(path, written);
  CHECK(Text(reader.Read(*one, absl::Now())) == "two");
}

TEST_CASE("secrets through a link are read again when the link goes elsewhere") {
  // As Kubernetes changes what is in a mounted secret.
  testing::TemporaryDirectory directory;
  const std::string at = directory.path();
  for (const char* version : {"v1", "v2"}) {
    std::filesystem::create_directory(at + "/" + version);
    WriteFile(at + "/" + version + "/token", version);
    Settle(at + "/" + version + "/token");
  }
  std::filesystem::create_directory_symlink("v1", at + "/..data");
  std::filesystem::create_symlink("..data/token", at + "/token");
  SecretReader reader({Kind::kFile, at + "/token"}, SecretUse::kMetadata);
  const auto one = reader.Read(nullptr, absl::Now());
  CHECK(Text(one) == "v1");
  std::filesystem::create_directory_symlink("v2", at + "/..next");
  std::filesystem::rename(at + "/..next", at + "/..data");
  CHECK(Text(reader.Read(*one, absl::Now())) == "v2");
}

TEST_CASE("what cannot be metadata is refused, and not repeated") {
  testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/token";
  SecretReader reader({Kind::kFile, path}, SecretUse::kMetadata);
  WriteFile(path, "canary");
  const auto good = reader.Read(nullptr, absl::Now());
  for (const std::string& bad :
       {std::string(), std::string("\n"), std::string("canary\nx-other: 1"), std::string("canary\rx"),
        std::string("canary\0x", 8), std::string("canary\x7f"), std::string("canary\xc3\xa9"), std::string(" canary"),
        std::string("canary "), std::string("canary\n\n"), std::string("canary\t1"), std::string(8193, 'c'),
        "canary" + std::string(100'000, 'c')}) {
    WriteFile(path, bad);
    Settle(path);
    const std::string said = Said(reader.Read(*good, absl::Now()));
    INFO(said);
    CHECK(Contains(said, path));
    CHECK_FALSE(Contains(said, "canary"));
    // Looking again does not make it better.
    CHECK_FALSE(reader.Read(*good, absl::Now()).ok());
  }
  WriteFile(path, std::string(8192, 'c'));
  CHECK(reader.Read(*good, absl::Now()).ok());
}

TEST_CASE("a file that is not there, or none, is told with its path") {
  testing::TemporaryDirectory directory;
  const auto read = [](const std::string& path) {
    return SecretReader({Kind::kFile, path}, SecretUse::kMetadata).Read(nullptr, absl::Now());
  };
  CHECK(absl::IsNotFound(read(directory.path() + "/none").status()));
  CHECK(Contains(Said(read(directory.path() + "/none")), directory.path() + "/none"));
  CHECK(Contains(Said(read(directory.path())), "no regular file"));
  // Opening a pipe that nobody writes to must not block.
  REQUIRE(mkfifo((directory.path() + "/pipe").c_str(), 0600) == 0);
  CHECK(Contains(Said(read(directory.path() + "/pipe")), "no regular file"));
}

TEST_CASE("a secret in the environment is found by its name") {
  setenv("SALLYPORT_TEST_SECRET", "from the environment", 1);
  SecretReader reader({Kind::kEnvironment, "SALLYPORT_TEST_SECRET"}, SecretUse::kMetadata);
  CHECK(Text(reader.Read(nullptr, absl::Now())) == "from the environment");
  CHECK(reader.DueAfter(absl::Now()) == absl::InfiniteFuture());
  setenv("SALLYPORT_TEST_SECRET", "", 1);
  CHECK(Contains(Said(reader.Read(nullptr, absl::Now())), "SALLYPORT_TEST_SECRET is empty"));
  unsetenv("SALLYPORT_TEST_SECRET");
  CHECK(Contains(Said(reader.Read(nullptr, absl::Now())), "SALLYPORT_TEST_SECRET is not set"));
}

TEST_CASE("a command's output is the secret") {
  SecretReader reader = Command("printf 's3cret\\n'; echo noise >&2");
  const auto secret = reader.Read(nullptr, absl::Now());
  CHECK(Text(secret) == "s3cret");
  CHECK(reader.Read(*secret, absl::Now()).value() == *secret);
}

TEST_CASE("a command that fails is told by how it ended, and nothing that it said is repeated") {
  const auto said = [](const std::string& command, absl::Duration timeout = absl::Seconds(30)) {
    const std::string text = Said(Command(command, timeout).Read(nullptr, absl::Now()));
    INFO(text);
    CHECK_FALSE(Contains(text, "canary"));
    return text;
  };
  CHECK(Contains(said("echo canary; echo canary >&2; exit 7"), "failed with exit status 7"));
  CHECK(Contains(said("echo canary; kill -9 $$"), "ended by signal 9"));
  CHECK(Contains(said("echo canary; sleep 1000", absl::Milliseconds(100)), "did not end within 100ms and was killed"));
  CHECK(Contains(said("yes canary"), "more than 8192 bytes"));
  CHECK(Contains(said("true"), "is empty"));
  CHECK(Contains(said("printf 'canary\\nx-other: 1'"), "cannot carry"));
  CHECK(Contains(said("no-such-command-canary"), "exit status 127"));
}

TEST_CASE("a client's secret may hold what metadata may not, but no control characters") {
  testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/secret";
  SecretReader reader({Kind::kFile, path}, SecretUse::kClientSecret);
  WriteFile(path, " p\xc3\xa4ss w\xc3\xb6rd \n");
  CHECK(Text(reader.Read(nullptr, absl::Now())) == " p\xc3\xa4ss w\xc3\xb6rd ");
  for (const char* bad : {"", "a\nb", "a\tb", "a\x7f"}) {
    WriteFile(path, bad);
    CHECK_FALSE(reader.Read(nullptr, absl::Now()).ok());
  }
}

}  // namespace
}  // namespace sallyport::gateway
