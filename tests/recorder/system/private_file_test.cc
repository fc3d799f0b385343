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

// A file that root gives to somebody, in a folder that everybody may enter.
struct GivenFile {
  GivenFile(uid_t owner, gid_t group) {
    REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
    PutFile(path, "secret");
    REQUIRE(chown(path.c_str(), owner, group) == 0);
  }
  void SetMode(mode_t mode) const { REQUIRE(chmod(path.c_str(), mode) == 0); }

  KeysDirectory directory;
  const std::string path = directory.path() + "/file";
};

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
  const GivenFile file(0, kSomebody);
  for (mode_t mode : {0440, 0640}) {
    file.SetMode(mode);
    CHECK(ReadAs(kSomebody, kSomebody, file.path).ok());
    // For root the group are others.
    CHECK(absl::IsFailedPrecondition(ReadPrivateFile(file.path, 100, "keyring").status()));
  }
}

TEST_CASE("a file of root's that more than one group can use is refused") {
  if (geteuid() != 0) return testing::Skip("only root can give files away");
  const GivenFile file(0, kSomebody);
  for (mode_t mode : {0444, 0660, 0450, 0644, 0442}) {
    file.SetMode(mode);
    CHECK(absl::IsFailedPrecondition(ReadAs(kSomebody, kSomebody, file.path)));
  }
}

TEST_CASE("a file of one's own is for oneself alone, whatever its group") {
  if (geteuid() != 0) return testing::Skip("only root can give files away");
  const GivenFile file(kSomebody, kSomebody);
  file.SetMode(0440);
  CHECK(absl::IsFailedPrecondition(ReadAs(kSomebody, kSomebody, file.path)));
  file.SetMode(0400);
  CHECK(ReadAs(kSomebody, kSomebody, file.path).ok());
}

}  // namespace
}  // namespace sallyport::recorder
