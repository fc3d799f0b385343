#include "recorder/system/private_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/cleanup/cleanup.h"
#include "tests/recorder/keys_fixture.h"
#include "tests/skipped.h"

namespace sallyport::recorder {
namespace {

constexpr uid_t kSomebody = 65532;

// Reads it as a user who is not root, and of that group.
absl::Status ReadAs(uid_t user, gid_t group, const std::string& path) {
  REQUIRE(setegid(group) == 0);
  REQUIRE(seteuid(user) == 0);
  const absl::Cleanup root_again = [] {
    if (seteuid(0) != 0 || setegid(0) != 0) std::abort();
  };
  return ReadPrivateFile(path, 100, "keyring").status();
}

TEST_CASE("a file that root hands to the program's group is read, as Kubernetes mounts Secrets") {
  if (geteuid() != 0) return testing::Skip("only root can give files away");
  KeysDirectory directory;
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  const std::string path = directory.path() + "/file";
  PutFile(path, "secret");
  REQUIRE(chown(path.c_str(), 0, kSomebody) == 0);
  for (mode_t mode : {0440, 0640}) {
    REQUIRE(chmod(path.c_str(), mode) == 0);
    CHECK(ReadAs(kSomebody, kSomebody, path).ok());
    // For root the group are others.
    CHECK(absl::IsFailedPrecondition(ReadPrivateFile(path, 100, "keyring").status()));
  }
}

TEST_CASE("a file of root's that more than one group can use is refused") {
  if (geteuid() != 0) return testing::Skip("only root can give files away");
  KeysDirectory directory;
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  const std::string path = directory.path() + "/file";
  PutFile(path, "secret");
  REQUIRE(chown(path.c_str(), 0, kSomebody) == 0);
  for (mode_t mode : {0444, 0660, 0450, 0644, 0442}) {
    REQUIRE(chmod(path.c_str(), mode) == 0);
    CHECK(absl::IsFailedPrecondition(ReadAs(kSomebody, kSomebody, path)));
  }
}

TEST_CASE("a file of one's own is for oneself alone, whatever its group") {
  if (geteuid() != 0) return testing::Skip("only root can give files away");
  KeysDirectory directory;
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  const std::string path = directory.path() + "/file";
  PutFile(path, "secret");
  REQUIRE(chown(path.c_str(), kSomebody, kSomebody) == 0);
  REQUIRE(chmod(path.c_str(), 0440) == 0);
  CHECK(absl::IsFailedPrecondition(ReadAs(kSomebody, kSomebody, path)));
  REQUIRE(chmod(path.c_str(), 0400) == 0);
  CHECK(ReadAs(kSomebody, kSomebody, path).ok());
}

}  // namespace
}  // namespace sallyport::recorder
