#include "recorder/backup/backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "recorder/backup/store_snapshot.h"
#include "recorder/keys/key_admin.h"
#include "recorder/log/deleted_segments.h"
#include "tests/recorder/backup/backup_fixture.h"
#include "tests/recorder/faulty_files.h"
#include "tests/recorder/socket_file.h"

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;

// What stands for a process that was killed: nothing it does to the file system from then on happens.
struct Killed {
  // Lets so many operations through.
  explicit Killed(int allowed) {
    files.SetJudge([this, allowed](Operation, const std::string&) { return ++operations > allowed ? EIO : 0; });
  }
  std::atomic<int> operations{0};
  FaultyFiles files;
};

TEST_CASE("a backup restores to a store with the same calls, which verifies and goes on") {
  BackupFixture fixture;
  fixture.MakeStore();
  const std::vector<uint64_t> calls = CallIds(fixture.store());
  REQUIRE(calls.size() == 30);
  const auto report = fixture.BackUpTo();
  INFO(report.status());
  REQUIRE(report.ok());
  CHECK(report->verified);
  CHECK(report->why_not_opened.empty());
  CHECK(report->run == 1);
  CHECK(report->copied_files == report->files);
  CHECK(report->tree_size > 0);
  const std::string restored = fixture.Restored();
  CHECK(CallIds(restored) == calls);
  CheckVerifies(restored);
  {
    auto recorder = Recorder::Open({restored});
    INFO(recorder.status());
    REQUIRE(recorder.ok());
    CHECK((*recorder)->Stats().damages == 0);
    BackupFixture::Record(**recorder, 1);
  }
  CHECK(CallIds(restored).size() == calls.size() + 1);
  CheckVerifies(restored);
}

TEST_CASE("every file of a store is in its backup but the index and locks, and no keyring") {
  BackupFixture fixture;
  fixture.MakeStore();
  REQUIRE(ShredSegment(StoreLayout(fixture.store()), 2, RealFileSystem()).ok());
  WriteFile(fixture.store() + "/quarantine/segment-1-offset-2-3.torn", "torn");
  WriteFile(fixture.store() + "/holds", "sealed holds");
  WriteFile(fixture.store() + "/tree/cosigned", ReadFile(fixture.store() + "/tree/checkpoint"));
  fs::create_directory(fixture.store() + "/cursors");
  WriteFile(fixture.store() + "/cursors/siem", "17\n");
  WriteFile(fixture.store() + "/format", "3\n");
  fs::copy_file(fixture.store() + ".keyring", fixture.store() + "/old.keyring");
  fs::copy_file(fixture.store() + ".keyring", fixture.store() + "/quarantine/second.keyring");
  BackupOptions options = fixture.Options();
  options.quick = true;
  const auto report = BackUp(options, RealFileSystem());
  INFO(report.status());
  REQUIRE(report.ok());
  REQUIRE(report->left_out.size() == 2);
  CHECK(report->left_out[0].starts_with("old.keyring: it is a keyring"));
  CHECK(report->left_out[1].starts_with("quarantine/second.keyring: it is a keyring"));
  std::map<std::string, std::string> expected;
  for (auto& [path, bytes] : Tree(fixture.store())) {
    if (path.ends_with("lock") || path.starts_with("/index/") || path.ends_with(".keyring")) continue;
    // A checkpoint says what of the leaves it covers.
    expected[path] = path == "/tree/leaves" ? bytes.substr(0, report->tree_size * 32) : bytes;
  }
  CHECK(Tree(fixture.backup() + "/run-00000001") == expected);
  CHECK(expected.contains("/keys/00000002.key.destroyed"));
  CHECK(expected.contains("/descriptors/0123456789abcdef.sealed"));
  const std::string keyring = ReadFile(fixture.store() + ".keyring");
  const std::string secret = keyring.substr(keyring.rfind(' ') + 1, 40);
  for (const auto& [path, bytes] : Tree(fixture.backup())) CHECK(bytes.find(secret) == std::string::npos);
}

TEST_CASE("sockets in a store are no files of it: backup, restore, verification and the recorder pass over them") {
  BackupFixture fixture;
  fixture.MakeStore();
  const std::vector<uint64_t> calls = CallIds(fixture.store());
  const std::vector<std::string> names = {"control", "control.new", "api.sock", "log/socket", "keys/socket"};
  for (const std::string& name : names) MakeSocket(fixture.store() + "/" + name);
  // Through a link, too.
  fs::create_symlink("api.sock", fixture.store() + "/link");
  const auto report = fixture.BackUpTo();
  INFO(report.status());
  REQUIRE(report.ok());
  CHECK(report->left_out.empty());
  CHECK(report->verified);
  const std::string manifest = ReadFile(fixture.backup() + "/manifest");
  for (const char* name : {"control", "sock", "link"}) CHECK(manifest.find(name) == std::string::npos);
  CHECK(CallIds(fixture.Restored()) == calls);
  CheckVerifies(fixture.store());
  const auto recorder = fixture.OpenRecorder();
  CHECK(recorder->Stats().damages == 0);
}

TEST_CASE("a key that is being destroyed is not in a backup, and is taken out of an earlier one") {
  BackupFixture fixture;
  fixture.MakeStore();
  REQUIRE(fixture.BackUpTo().ok());
  const std::string key = ReadFile(fixture.store() + "/keys/00000002.key");
  // Renamed, and not yet emptied.
  fs::rename(fixture.store() + "/keys/00000002.key", fixture.store() + "/keys/00000002.key.destroyed");
  REQUIRE(fixture.BackUpTo().ok());
  for (const auto& [path, bytes] : Tree(fixture.backup())) {
    INFO(path);
    CHECK(bytes != key);
  }
  CHECK(ReadFile(fixture.backup() + "/run-00000002/keys/00000002.key.destroyed").empty());
}

TEST_CASE("what never changes is copied once") {
  BackupFixture fixture;
  fixture.MakeStore();
  REQUIRE(fixture.BackUpTo().ok());
  struct stat first = {};
  REQUIRE(stat((fixture.backup() + "/run-00000001/log/00000001.seg").c_str(), &first) == 0);
  const auto again = fixture.BackUpTo();
  REQUIRE(again.ok());
  CHECK(again->run == 2);
  CHECK(again->copied_files == 0);
  fixture.MakeStore(10);
  const auto more = fixture.BackUpTo();
  REQUIRE(more.ok());
  CHECK(more->copied_files > 0);
  CHECK(more->copied_bytes < more->bytes / 2);
  struct stat still = {};
  REQUIRE(stat((fixture.backup() + "/run-00000001/log/00000001.seg").c_str(), &still) == 0);
  CHECK(still.st_ino == first.st_ino);
  const std::string restored = fixture.Restored();
  CHECK(CallIds(restored) == CallIds(fixture.store()));
  CheckVerifies(restored);
}

TEST_CASE("a backup while the store is written holds every call that was durable when it began, and verifies") {
  BackupFixture fixture;
  const auto recorder = fixture.OpenRecorder();
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> durable{0};
  std::atomic<uint64_t> most{1000};  // so that what is verified stays small, however fast the machine writes
  std::thread writer([&] {
    while (!stop) {
      if (durable >= most) {
        std::this_thread::yield();
        continue;
      }
      const uint64_t id = recorder->NewCallId(absl::Now());
      if (!AppendDurably(*recorder, UnaryCall(*recorder, id, absl::Now(), "/a.B/Call")).ok()) return;
      ++durable;
    }
  });
  for (int i = 0; i < 8; ++i) {
    const uint64_t before = durable;
    most = before + 1000;
    while (durable < before + 20) std::this_thread::yield();
    const uint64_t at_least = durable;
    const auto report = fixture.BackUpTo();
    INFO(report.status());
    CHECK(report.ok());
    if (!report.ok()) break;
    const std::string restored = fixture.Restored();
    CHECK(CallIds(restored).size() >= at_least);
    CheckVerifies(restored);
  }
  stop = true;
  writer.join();
  CHECK(recorder->Health().ok());
}

TEST_CASE("calls behind the last checkpoint of a gateway that was killed are in the backup") {
  BackupFixture fixture;
  fixture.MakeStore(3);
  const std::string checkpoint = ReadFile(fixture.store() + "/tree/checkpoint");
  fixture.MakeStore(3);
  WriteFile(fixture.store() + "/tree/checkpoint", checkpoint);
  // The last segment is not ended, and something torn is behind its last block.
  const std::string last = SealedSegments(StoreLayout(fixture.store()))->back();
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(fixture.store() + "/log")) newest = std::max(newest, entry.path());
  REQUIRE(newest.string() != fixture.store() + "/" + last);
  const std::string bytes = ReadFile(newest);
  WriteFile(newest, bytes.substr(0, bytes.size() - kBlockHeaderSize - kFooterBodySize) + "torn");
  REQUIRE(fixture.BackUpTo().ok());
  const std::string restored = fixture.Restored();
  CHECK(CallIds(restored).size() == 6);
  CHECK(ReadFile(restored + "/log/" + newest.filename().string()).ends_with("torn"));
}

TEST_CASE("a backup that is cut off anywhere leaves the former one, and the next goes on") {
  BackupFixture fixture;
  fixture.MakeStore(12);
  REQUIRE(fixture.BackUpTo().ok());
  const std::vector<uint64_t> former = CallIds(fixture.store());
  fixture.MakeStore(12);
  const std::vector<uint64_t> now = CallIds(fixture.store());
  Killed counting(1'000'000);
  {
    BackupFixture other;
    fs::copy(fixture.backup(), other.path() + "/counted", fs::copy_options::recursive);
    BackupOptions options = fixture.Options();
    options.to = other.path() + "/counted";
    REQUIRE(BackUp(options, counting.files).ok());
  }
  const int all = counting.operations;
  REQUIRE(all > 20);
  const std::string pristine = fixture.path() + "/pristine";
  fs::rename(fixture.backup(), pristine);
  for (int allowed = 0; allowed < all; allowed += 3) {
    INFO(allowed << " of " << all);
    fs::remove_all(fixture.backup());
    fs::copy(pristine, fixture.backup(), fs::copy_options::recursive);
    Killed killed(allowed);
    CHECK_FALSE(fixture.BackUpTo(killed.files).ok());
    const std::vector<uint64_t> left = CallIds(fixture.Restored());
    CHECK((left == former || left == now));
    const auto next = fixture.BackUpTo();
    INFO(next.status());
    REQUIRE(next.ok());
    CHECK(CallIds(fixture.Restored()) == now);
  }
}

TEST_CASE("a run goes on with what one copied that was cut off") {
  BackupFixture fixture;
  fixture.MakeStore();
  Killed killed(40);
  REQUIRE_FALSE(fixture.BackUpTo(killed.files).ok());
  const auto next = fixture.BackUpTo();
  REQUIRE(next.ok());
  CHECK(next->run == 1);
  CHECK(next->copied_files < next->files);
}

TEST_CASE("a full disk is told, and the former backup stays") {
  BackupFixture fixture;
  fixture.MakeStore(12);
  REQUIRE(fixture.BackUpTo().ok());
  const std::vector<uint64_t> former = CallIds(fixture.store());
  fixture.MakeStore(12);
  FaultyFiles files;
  files.SetJudge([](Operation operation, const std::string&) { return operation == Operation::kWrite ? ENOSPC : 0; });
  const auto report = fixture.BackUpTo(files);
  CHECK(absl::IsResourceExhausted(report.status()));
  CHECK(std::string(report.status().message()).find(fixture.backup()) != std::string::npos);
  CHECK(CallIds(fixture.Restored()) == former);
}

TEST_CASE("one backup at a time goes to a directory") {
  BackupFixture fixture;
  fixture.MakeStore();
  REQUIRE(fixture.BackUpTo().ok());
  const auto lock = FileLock::Take(fixture.backup() + "/lock", FileLock::Wait::kNo);
  REQUIRE(lock.ok());
  CHECK(absl::IsFailedPrecondition(fixture.BackUpTo().status()));
  CHECK(absl::IsFailedPrecondition(fixture.RestoreTo(fixture.path() + "/restored").status()));
}

TEST_CASE("a backup goes nowhere where it would harm") {
  BackupFixture fixture;
  fixture.MakeStore();
  BackupOptions options = fixture.Options();
  const auto refused = [&](const std::string& to) {
    options.to = to;
    return BackUp(options, RealFileSystem()).status();
  };
  CHECK(absl::IsInvalidArgument(refused(fixture.store())));
  CHECK(absl::IsInvalidArgument(refused(fixture.store() + "/backup")));
  CHECK(absl::IsInvalidArgument(refused(fixture.path() + "/other/../store/backup")));
  // Here the keyring lies.
  const absl::Status keyring = refused(fixture.path());
  CHECK(absl::IsInvalidArgument(keyring));
  fs::create_directory(fixture.path() + "/keyrings");
  fs::copy_file(fixture.store() + ".keyring", fixture.path() + "/keyrings/a");
  options.keys = KeySource{KeySource::Kind::kFile, fixture.path() + "/keyrings/a"};
  CHECK(std::string(refused(fixture.path() + "/keyrings").message()).find("keyring") != std::string::npos);
  options.keys.reset();
  // Something else is there, or another store's backup.
  fs::create_directory(fixture.path() + "/photos");
  WriteFile(fixture.path() + "/photos/cat.jpg", "meow");
  CHECK(absl::IsFailedPrecondition(refused(fixture.path() + "/photos")));
  CHECK(ReadFile(fixture.path() + "/photos/cat.jpg") == "meow");
  BackupFixture other;
  other.MakeStore(3);
  REQUIRE(other.BackUpTo().ok());
  CHECK(absl::IsFailedPrecondition(refused(other.backup())));
  CHECK(other.RestoreTo(other.path() + "/restored").ok());
}

TEST_CASE("a closed segment that was changed does not replace the copy of what it was") {
  BackupFixture fixture;
  fixture.MakeStore();
  REQUIRE(fixture.BackUpTo().ok());
  const std::string path = fixture.store() + "/log/00000001.seg";
  std::string bytes = ReadFile(path);
  const std::string good = bytes;
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  WriteFile(path, bytes);
  CHECK(absl::IsDataLoss(fixture.BackUpTo().status()));
  CHECK(ReadFile(fixture.backup() + "/run-00000001/log/00000001.seg") == good);
}

TEST_CASE("a store that does not verify makes no backup, unless it is to be quick") {
  BackupFixture fixture;
  fixture.MakeStore();
  const std::string path = fixture.store() + "/log/00000001.seg";
  std::string bytes = ReadFile(path);
  bytes[400] = static_cast<char>(bytes[400] ^ 1);
  WriteFile(path, bytes);
  const absl::Status status = fixture.BackUpTo().status();
  CHECK(absl::IsDataLoss(status));
  CHECK(std::string(status.message()).find("00000001.seg") != std::string::npos);
  CHECK_FALSE(FileExists(fixture.backup() + "/manifest"));
  BackupOptions options = fixture.Options();
  options.quick = true;
  REQUIRE(BackUp(options, RealFileSystem()).ok());
  CHECK(absl::IsDataLoss(fixture.RestoreTo(fixture.path() + "/restored").status()));
  CHECK_FALSE(FileExists(fixture.path() + "/restored"));
  RestoreOptions anyway;
  anyway.from = fixture.backup();
  anyway.data = fixture.path() + "/restored";
  anyway.unverified = true;
  const auto report = RestoreBackup(anyway, RealFileSystem());
  INFO(report.status());
  REQUIRE(report.ok());
  CHECK(report->errors > 0);
}

TEST_CASE("what retention deletes stays in the backup until it is pruned, and is not restored") {
  BackupFixture fixture;
  fixture.MakeStore();
  REQUIRE(fixture.BackUpTo().ok());
  const std::string first = "/run-00000001/log/00000001.seg";
  {
    Retention retention;
    retention.age = absl::ZeroDuration();
    const auto recorder = fixture.OpenRecorder(retention);
    BackupFixture::Record(*recorder, 20);
    const absl::Time end = absl::Now() + absl::Minutes(1);
    while (FileExists(fixture.store() + "/log/00000001.seg") && absl::Now() < end) std::this_thread::yield();
  }
  REQUIRE_FALSE(FileExists(fixture.store() + "/log/00000001.seg"));
  const auto kept = fixture.BackUpTo();
  INFO(kept.status());
  REQUIRE(kept.ok());
  CHECK(kept->kept_segments > 0);
  CHECK(FileExists(fixture.backup() + first));
  CHECK(FileExists(fixture.backup() + "/run-00000001/keys/00000001.key"));
  const std::string restored = fixture.Restored();
  CHECK_FALSE(FileExists(restored + "/log/00000001.seg"));
  CHECK_FALSE(FileExists(restored + "/keys/00000001.key"));
  CheckVerifies(restored);
  const auto pruned = fixture.BackUpTo(RealFileSystem(), /*prune=*/true);
  REQUIRE(pruned.ok());
  CHECK(pruned->kept_segments == 0);
  CHECK_FALSE(FileExists(fixture.backup() + first));
  CHECK_FALSE(FileExists(fixture.backup() + "/run-00000001/keys/00000001.key"));
  CheckVerifies(fixture.Restored());
}

}  // namespace
}  // namespace sallyport::recorder
