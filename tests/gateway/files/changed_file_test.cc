#include "gateway/files/changed_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/tls/certificates.h"

namespace sallyport::testing {
namespace {

struct Changing {
  Changing() {
    WriteText(path, "0");
    file.Reading();
  }

  // Whether a look says that it is to be read, a second after the last one.
  bool Look() { return file.Look(now += gateway::ChangedFile::kInterval); }

  TemporaryDirectory directory;
  std::string path = directory.path() + "/a";
  absl::Time now = absl::FromUnixSeconds(1'000'000'000);
  gateway::ChangedFile file{path};
};

}  // namespace

TEST_CASE("a file that changed is to be read once it is still, until it is read") {
  Changing changing;
  CHECK_FALSE(changing.Look());
  for (int i = 1; i <= 3; ++i) {
    WriteText(changing.path, std::string(i + 1, 'x'));
    CHECK_FALSE(changing.Look());
  }
  CHECK(changing.Look());
  CHECK(changing.Look());
  changing.file.Reading();
  CHECK_FALSE(changing.Look());
  CHECK_FALSE(changing.Look());
}

TEST_CASE("a file that changes while it is read is to be read again") {
  Changing changing;
  changing.file.Reading();
  WriteText(changing.path, "half of");
  CHECK_FALSE(changing.Look());
  CHECK(changing.Look());
}

TEST_CASE("what stood at the start counts, however long the first look takes to come") {
  Changing changing;
  WriteText(changing.path, "changed at once");
  changing.now += absl::Hours(1);
  CHECK_FALSE(changing.Look());
  CHECK(changing.Look());
}

TEST_CASE("looks that come too early do not count, but for a clock that was set back") {
  Changing changing;
  WriteText(changing.path, "changed");
  CHECK_FALSE(changing.Look());
  for (int i = 0; i < 9; ++i) CHECK_FALSE(changing.file.Look(changing.now + i * absl::Milliseconds(100)));
  CHECK(changing.Look());
  changing.now -= absl::Hours(1);
  CHECK(changing.Look());
}

TEST_CASE("a link that comes to lead elsewhere has changed, as Kubernetes swaps what it mounts") {
  Changing changing;
  const std::string& directory = changing.directory.path();
  for (const char* version : {"/..1", "/..2"}) {
    std::filesystem::create_directory(directory + version);
    WriteText(directory + version + "/sallyport.yaml", "same");
  }
  std::filesystem::create_directory_symlink("..1", directory + "/..data");
  std::filesystem::create_symlink("..data/sallyport.yaml", directory + "/sallyport.yaml");
  gateway::ChangedFile file(directory + "/sallyport.yaml");
  file.Reading();
  CHECK_FALSE(file.Look(changing.now));
  CHECK_FALSE(file.Look(changing.now + absl::Seconds(1)));
  std::filesystem::create_directory_symlink("..2", directory + "/..data_tmp");
  std::filesystem::rename(directory + "/..data_tmp", directory + "/..data");
  CHECK_FALSE(file.Look(changing.now + absl::Seconds(2)));
  CHECK(file.Look(changing.now + absl::Seconds(3)));
}

TEST_CASE("a file that is gone has changed, and so has one that comes back") {
  Changing changing;
  std::filesystem::remove(changing.path);
  CHECK_FALSE(changing.Look());
  CHECK(changing.Look());
  changing.file.Reading();
  changing.file.Refused(changing.now);
  CHECK_FALSE(changing.Look());
  WriteText(changing.path, "0");
  CHECK_FALSE(changing.Look());
  CHECK(changing.Look());
}

TEST_CASE("what was refused is to be read again after a while, and no earlier") {
  Changing changing;
  changing.file.Reading();
  changing.file.Refused(changing.now);
  const absl::Time again = changing.now + gateway::ChangedFile::kAgain;
  while (changing.now + gateway::ChangedFile::kInterval < again) CHECK_FALSE(changing.Look());
  CHECK(changing.Look());
  changing.file.Reading();
  CHECK_FALSE(changing.file.Look(again + gateway::ChangedFile::kAgain));
}

}  // namespace sallyport::testing
