// What the tests of backups share.
#ifndef SALLYPORT_TESTS_RECORDER_BACKUP_BACKUP_FIXTURE_H_
#define SALLYPORT_TESTS_RECORDER_BACKUP_BACKUP_FIXTURE_H_

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/clock.h"
#include "recorder/backup/backup.h"
#include "recorder/backup/manifest.h"
#include "recorder/backup/restore.h"
#include "tests/recorder/log_fixture.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::recorder {

// A store with its keyring beside it, a backup's directory and a place to restore to, all removed in the end.
class BackupFixture {
 public:
  // Small segments, so that there are several.
  std::unique_ptr<Recorder> OpenRecorder(Retention retention = {}) {
    RecorderOptions options;
    options.directory = store();
    options.segment_bytes = 3000;
    options.retention = retention;
    auto recorder = Recorder::Open(options);
    INFO(recorder.status());
    REQUIRE(recorder.ok());
    return *std::move(recorder);
  }
  static void Record(Recorder& recorder, int calls) {
    for (int i = 0; i < calls; ++i) {
      const uint64_t id = recorder.NewCallId(absl::Now());
      REQUIRE(AppendDurably(recorder, UnaryCall(recorder, id, absl::Now(), "/a.B/Call", i % 3)).ok());
    }
  }
  // A store with some calls in several segments, that nobody writes.
  void MakeStore(int calls = 30) {
    const auto recorder = OpenRecorder();
    REQUIRE(recorder->KeepDescriptors("0123456789abcdef", "set").ok());
    Record(*recorder, calls);
  }

  BackupOptions Options() const {
    BackupOptions options;
    options.data = store();
    options.to = backup();
    options.now = absl::Now();
    return options;
  }
  absl::StatusOr<BackupReport> BackUpTo(FileSystem& files = RealFileSystem(), bool prune = false) const {
    BackupOptions options = Options();
    options.prune = prune;
    return BackUp(options, files);
  }
  absl::StatusOr<RestoreReport> RestoreTo(const std::string& target) const {
    RestoreOptions options;
    options.from = backup();
    options.data = target;
    options.keys = KeySource{KeySource::Kind::kFile, store() + ".keyring"};
    return RestoreBackup(options, RealFileSystem());
  }
  // Restores to a fresh directory, which then has the keyring beside it. Fails the test if that is not possible.
  std::string Restored() {
    const std::string target = directory_.path() + "/restored-" + std::to_string(++restores_);
    const auto report = RestoreTo(target);
    INFO(report.status());
    REQUIRE(report.ok());
    std::filesystem::copy_file(store() + ".keyring", target + ".keyring");
    return target;
  }
  BackupManifest Manifest() const {
    auto manifest = BackupManifest::Parse(ReadFile(backup() + "/manifest"));
    INFO(manifest.status());
    REQUIRE(manifest.ok());
    return *manifest;
  }

  std::string path() const { return directory_.path(); }
  std::string store() const { return directory_.store(); }
  std::string backup() const { return directory_.path() + "/backup"; }

 private:
  TemporaryDirectory directory_;
  int restores_ = 0;
};

// Ids of the calls in a store, oldest first.
inline std::vector<uint64_t> CallIds(const std::string& store) {
  std::vector<uint64_t> ids;
  for (const CallSummary& call : AllCalls(store)) ids.push_back(call.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Every file under a directory, with its bytes.
inline std::map<std::string, std::string> Tree(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) files[entry.path().string().substr(directory.size())] = ReadFile(entry.path());
  }
  return files;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_BACKUP_BACKUP_FIXTURE_H_
