#include "recorder/backup/restore.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "recorder/backup/copied_file.h"
#include "tests/recorder/backup/backup_fixture.h"

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;

// A backup of every kind of file: sealed segments, one that is open, keys, marks, the tree, descriptors and others.
void MakeBackup(BackupFixture& fixture) {
  fixture.MakeStore();
  WriteFile(fixture.store() + "/quarantine/segment-1-offset-2-3.torn", "torn");
  {
    const auto recorder = fixture.OpenRecorder();
    BackupFixture::Record(*recorder, 2);
    const auto report = fixture.BackUpTo();
    INFO(report.status());
    REQUIRE(report.ok());
  }
}

// The restore is refused, and leaves nothing.
void CheckRefused(const BackupFixture& fixture) {
  const std::string target = fixture.path() + "/refused";
  const auto report = fixture.RestoreTo(target);
  INFO(report.status());
  CHECK(absl::IsDataLoss(report.status()));
  CHECK_FALSE(fs::exists(target));
  CHECK_FALSE(fs::exists(target + ".restoring"));
}

TEST_CASE("a restore of a backup with a changed byte in any file is refused") {
  BackupFixture fixture;
  MakeBackup(fixture);
  int changed = 0;
  for (const auto& [path, bytes] : Tree(fixture.backup())) {
    if (bytes.empty()) continue;
    for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      INFO(path << " at " << at);
      std::string other = bytes;
      other[at] = static_cast<char>(other[at] ^ 1);
      WriteFile(fixture.backup() + path, other);
      CheckRefused(fixture);
    }
    WriteFile(fixture.backup() + path, bytes);
    ++changed;
  }
  CHECK(changed > 10);
  CHECK(fixture.RestoreTo(fixture.path() + "/restored").ok());
}

TEST_CASE("a restore of a backup with a file cut, longer, gone or added is refused") {
  BackupFixture fixture;
  MakeBackup(fixture);
  for (const auto& [path, bytes] : Tree(fixture.backup())) {
    if (path == "/lock") continue;
    INFO(path);
    const std::string full = fixture.backup() + path;
    if (!bytes.empty()) {
      WriteFile(full, bytes.substr(0, bytes.size() - 1));
      CheckRefused(fixture);
    }
    WriteFile(full, bytes + '\0');
    CheckRefused(fixture);
    fs::remove(full);
    if (path != "/manifest") {
      CheckRefused(fixture);
    } else {
      CHECK(absl::IsNotFound(fixture.RestoreTo(fixture.path() + "/refused").status()));
    }
    WriteFile(full, bytes);
  }
  for (const char* added : {"/run-00000001/log/00009999.seg", "/run-00000001/keys/x.key", "/run-00000001/x", "/x",
                            "/run-00000007", "/run-00000001/tree/.x"}) {
    INFO(added);
    WriteFile(fixture.backup() + added, "x");
    CheckRefused(fixture);
    fs::remove(fixture.backup() + added);
  }
  CHECK(fixture.RestoreTo(fixture.path() + "/restored").ok());
}

TEST_CASE("a file is opened beneath a directory, through no link and no pipe") {
  TemporaryDirectory directory;
  const std::string root = directory.path() + "/root";
  fs::create_directories(root + "/a/b");
  fs::create_directories(directory.path() + "/out");
  WriteFile(root + "/a/b/file", "bytes");
  WriteFile(directory.path() + "/out/file", "secret");
  fs::create_directory_symlink(directory.path() + "/out", root + "/a/link");
  fs::create_symlink(directory.path() + "/out/file", root + "/a/file");
  REQUIRE(mkfifo((root + "/a/pipe").c_str(), 0600) == 0);
  CHECK(InputFile::OpenBeneath(root, "a/b/file").ok());
  CHECK(absl::IsNotFound(InputFile::OpenBeneath(root, "a/b/none").status()));
  for (const char* path : {"a/link/file", "a/file", "a/pipe", "a/b", "a/b/file/x"}) {
    INFO(path);
    CHECK(absl::IsDataLoss(InputFile::OpenBeneath(root, path).status()));
  }
}

TEST_CASE("links in a backup are not followed") {
  BackupFixture fixture;
  MakeBackup(fixture);
  const std::string run = fixture.backup() + "/run-00000001";
  fs::rename(run + "/keys/store.key", fixture.path() + "/store.key");
  fs::create_symlink(fixture.path() + "/store.key", run + "/keys/store.key");
  CheckRefused(fixture);
  fs::remove(run + "/keys/store.key");
  fs::rename(fixture.path() + "/store.key", run + "/keys/store.key");
  fs::rename(run + "/keys", fixture.path() + "/keys");
  fs::create_directory_symlink(fixture.path() + "/keys", run + "/keys");
  CheckRefused(fixture);
}

TEST_CASE("a manifest that was changed on purpose gives nothing that a log would not") {
  BackupFixture fixture;
  MakeBackup(fixture);
  const BackupManifest manifest = fixture.Manifest();
  const auto with = [&](auto change) {
    BackupManifest other = manifest;
    change(other);
    WriteFile(fixture.backup() + "/manifest", other.Format());
    CheckRefused(fixture);
  };
  with([](BackupManifest& other) { other.store_id[0] ^= 1; });
  // A segment less, and a file in its place that no backup holds.
  with([&](BackupManifest& other) {
    const auto segment = std::find_if(other.files.begin(), other.files.end(),
                                      [](const BackupFile& file) { return file.path == "log/00000002.seg"; });
    REQUIRE(segment != other.files.end());
    other.dropped.push_back({segment->run, segment->path});
    other.files.erase(segment);
  });
  with([](BackupManifest& other) {
    other.files.push_back({BackupFile::Kind::kState, 1, 0, Sha256({""}), "tree/x.tmp"});
    std::sort(other.files.begin(), other.files.end(),
              [](const BackupFile& a, const BackupFile& b) { return a.path < b.path; });
  });
  BackupManifest newer = manifest;
  newer.format = kFormatVersion + 1;
  WriteFile(fixture.backup() + "/manifest", newer.Format());
  CHECK(absl::IsFailedPrecondition(fixture.RestoreTo(fixture.path() + "/refused").status()));
}

TEST_CASE("a restore overwrites nothing") {
  BackupFixture fixture;
  MakeBackup(fixture);
  const auto before = Tree(fixture.store());
  CHECK(absl::IsFailedPrecondition(fixture.RestoreTo(fixture.store()).status()));
  CHECK(Tree(fixture.store()) == before);
  CHECK(absl::IsInvalidArgument(fixture.RestoreTo(fixture.backup() + "/store").status()));
  const std::string file = fixture.path() + "/file";
  WriteFile(file, "mine");
  CHECK(absl::IsFailedPrecondition(fixture.RestoreTo(file).status()));
  CHECK(ReadFile(file) == "mine");
  // What is beside the target, and no restore has made, stays.
  const std::string target = fixture.path() + "/restored";
  fs::create_directory(target + ".restoring");
  WriteFile(target + ".restoring/x", "mine");
  CHECK(absl::IsFailedPrecondition(fixture.RestoreTo(target).status()));
  CHECK(ReadFile(target + ".restoring/x") == "mine");
  fs::remove_all(target + ".restoring");
  // An empty directory, such as a volume's, is filled.
  fs::create_directory(target);
  CHECK(fixture.RestoreTo(target).ok());
  // And what a restore left that was killed goes.
  const std::string second = fixture.path() + "/second";
  fs::create_directory(second + ".restoring");
  WriteFile(second + ".restoring/restoring.tmp", "");
  WriteFile(second + ".restoring/half", "half");
  CHECK(fixture.RestoreTo(second).ok());
  CHECK_FALSE(fs::exists(second + "/half"));
  CHECK_FALSE(fs::exists(second + "/restoring.tmp"));
}

TEST_CASE("without the keyring the log is restored and verified, and the index is left to the gateway") {
  BackupFixture fixture;
  MakeBackup(fixture);
  RestoreOptions options;
  options.from = fixture.backup();
  options.data = fixture.path() + "/restored";
  const auto report = RestoreBackup(options, RealFileSystem());
  INFO(report.status());
  REQUIRE(report.ok());
  CHECK_FALSE(report->has_index);
  CHECK(report->why_not_opened.find("keyring") != std::string::npos);
  fs::copy_file(fixture.store() + ".keyring", options.data + ".keyring");
  CHECK(CallIds(options.data).size() == 32);
}

}  // namespace
}  // namespace sallyport::recorder
