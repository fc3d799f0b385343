// What the doctor asks of the files of a store.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/format/store_check.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/store_version.h"
#include "recorder/index/sqlite/sqlite_engine.h"
#include "recorder/keys/keyring.h"
#include "recorder/system/file.h"
#include "replay/cli/doctor/checks.h"
#include "replay/cli/doctor/finding_list.h"

namespace sallyport::replay {
namespace {

constexpr absl::Duration kOldKey = absl::Hours(24 * 365);
constexpr double kLittleDays = 7;
constexpr uint64_t kLittleSpace = uint64_t{1} << 30;

std::string Mode(mode_t mode) { return absl::StrFormat("%04o", mode & 07777); }

// Whether `path` is the owner's alone, and belongs to `owner`. What is not there is not looked at.
void CheckPrivate(const std::string& path, uid_t owner, Findings& findings) {
  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) {
      Problem(findings, "files", path, absl::StrCat("it cannot be looked at: ", strerror(errno)),
              "run the doctor as the user that the gateway runs as");
    }
    return;
  }
  if ((info.st_mode & 0077) != 0) {
    Problem(findings, "files", path, absl::StrCat("others than its owner may use it (mode ", Mode(info.st_mode), ")"),
            S_ISDIR(info.st_mode) ? "chmod 0700" : "chmod 0600");
  }
  if (info.st_uid != owner) {
    Problem(findings, "files", path,
            absl::StrCat("it belongs to user ", info.st_uid, ", and the data directory to ", owner),
            "give it to the user that the gateway runs as: what belongs to another shuts the gateway out");
  }
}

void CheckKeyring(const DoctorSubject& subject, const recorder::StoreLayout& layout, Findings& findings) {
  if (subject.keys.has_value() && subject.keys->kind != recorder::KeySource::Kind::kFile) {
    Fine(findings, "keys", "", absl::StrCat("the keys come from ", subject.keys->Describe()));
    return;
  }
  const std::string path = subject.keys.has_value() ? subject.keys->value : layout.DefaultKeyring();
  const absl::StatusOr<recorder::KeyringFile> keyring = recorder::ReadKeyringFile(path);
  if (!keyring.ok()) {
    Problem(findings, "keys", path, std::string(keyring.status().message()),
            "without the keyring nothing that was recorded can be read: put it back, or say where it is (--keys)");
    return;
  }
  std::error_code error;
  const std::string data = std::filesystem::weakly_canonical(layout.directory(), error).string() + "/";
  if (std::filesystem::weakly_canonical(path, error).string().starts_with(data)) {
    Problem(findings, "keys", path, "the keyring lies in the data directory",
            "move it out, so that a copy of the directory alone reveals nothing");
  }
  const absl::Duration age = subject.now - keyring->keyring.current().created;
  const std::string what = absl::StrCat("the current key-encryption key, ", keyring->keyring.current().id, ", is ",
                                        absl::ToInt64Hours(age) / 24, " days old");
  if (age > kOldKey) {
    Warn(findings, "keys", path, what, "`sallyport keys rotate` makes a new one; back the keyring up again");
  } else {
    Fine(findings, "keys", path, what);
  }
}

// How much of the log was written within the last day.
uint64_t BytesOfLastDay(const recorder::StoreLayout& layout, absl::Time now) {
  uint64_t bytes = 0;
  const absl::StatusOr<std::vector<std::string>> names = recorder::ListDirectory(layout.LogDirectory());
  if (!names.ok()) return 0;
  for (const std::string& name : *names) {
    struct stat info = {};
    if (!recorder::ParseSegmentName(name).has_value() ||
        stat(absl::StrCat(layout.LogDirectory(), "/", name).c_str(), &info) != 0) {
      continue;
    }
    const absl::Time written = absl::FromTimeT(info.st_mtime);
    if (now - written < absl::Hours(24)) bytes += static_cast<uint64_t>(info.st_size);
  }
  return bytes;
}

std::string Size(uint64_t bytes) {
  constexpr double kMebibyte = 1 << 20;
  const double size = static_cast<double>(bytes) / kMebibyte;
  return size < 1024 ? absl::StrFormat("%.1f MiB", size) : absl::StrFormat("%.1f GiB", size / 1024);
}

}  // namespace

void CheckFiles(const DoctorSubject& subject, Findings& findings) {
  const recorder::StoreLayout layout(subject.data);
  struct stat info = {};
  if (stat(layout.directory().c_str(), &info) != 0) {
    Problem(findings, "files", layout.directory(),
            absl::StrCat("the data directory cannot be looked at: ", strerror(errno)),
            "name it with --data or in the configuration, or start the gateway, which makes it");
    return;
  }
  const size_t before = findings.size();
  if (geteuid() != 0 && geteuid() != info.st_uid) {
    Warn(findings, "files", layout.directory(),
         absl::StrCat("it belongs to user ", info.st_uid, ", and this is user ", geteuid()),
         absl::StrCat("run the doctor as the owner, such as with sudo -u '#", info.st_uid, "'"));
  }
  for (const std::string& path : {layout.directory(), layout.KeysDirectory(), layout.LogDirectory(),
                                  layout.TreeDirectory(), layout.IndexDirectory(), layout.OwnerLock(),
                                  layout.IndexLock(), layout.KeysLock(), layout.LegalHoldsLock(), layout.Index()}) {
    CheckPrivate(path, info.st_uid, findings);
  }
  const absl::StatusOr<std::vector<std::string>> keys = recorder::ListDirectory(layout.KeysDirectory());
  if (keys.ok()) {
    for (const std::string& name : *keys) {
      CheckPrivate(absl::StrCat(layout.KeysDirectory(), "/", name), info.st_uid, findings);
    }
  }
  if (findings.size() == before) Fine(findings, "files", layout.directory(), "owners and modes are as they should be");
  CheckKeyring(subject, layout, findings);
}

void CheckStoreState(const DoctorSubject& subject, Findings& findings) {
  const recorder::StoreLayout layout(subject.data);
  if (!recorder::FileExists(layout.directory())) return;  // as was said of files
  if (const absl::Status status = recorder::CheckStore(layout); !status.ok()) {
    Problem(findings, "store", layout.directory(), std::string(status.message()),
            "name the gateway's data directory, and use the release that wrote it");
    return;
  }
  const absl::StatusOr<std::optional<uint16_t>> format = recorder::NewestSegmentFormat(layout);
  if (format.ok() && format->has_value()) {
    Fine(findings, "store", layout.directory(), absl::StrCat("a store of format ", **format));
  } else {
    Warn(findings, "store", layout.LogDirectory(), "there is no segment, or the header of the newest one is damaged",
         "`sallyport verify` says what is wrong");
  }
  const absl::StatusOr<bool> held = recorder::FileLock::IsHeld(layout.OwnerLock());
  Fine(findings, "store", layout.OwnerLock(),
       held.ok() && *held ? "a gateway writes the store" : "no gateway writes the store");
  if (!recorder::FileExists(layout.Index())) {
    Warn(findings, "index", layout.Index(), "there is no index",
         "the gateway, or a command, makes it when it is next needed");
    return;
  }
  const absl::Status version = held.ok() && *held ? absl::OkStatus() : recorder::CheckIndexVersion(layout);
  if (!version.ok()) {
    Problem(findings, "index", layout.Index(), std::string(version.message()),
            "`sallyport index rebuild` makes it again");
  } else {
    Fine(findings, "index", layout.Index(), "it is there, and of a version that is known");
  }
}

void CheckDisk(const DoctorSubject& subject, Findings& findings) {
  const recorder::StoreLayout layout(subject.data);
  if (!recorder::FileExists(layout.directory())) return;  // as was said of files
  struct statvfs disk = {};
  if (statvfs(layout.directory().c_str(), &disk) != 0) {
    Problem(findings, "disk", layout.directory(), absl::StrCat("the disk cannot be asked: ", strerror(errno)),
            "see whether it is mounted");
    return;
  }
  const uint64_t free = disk.f_bavail * uint64_t{disk.f_frsize};
  const uint64_t rate = BytesOfLastDay(layout, subject.now);
  std::string what = absl::StrCat(Size(free), " free");
  const double days = rate == 0 ? 1e9 : static_cast<double>(free) / static_cast<double>(rate);
  if (rate != 0) {
    absl::StrAppend(&what, "; at most ", Size(rate), " were recorded in the last day: room for ",
                    absl::StrFormat("%.0f", days), " days");
  }
  const std::string advice =
      "give it a larger disk, or let retention delete more (data.retention, data.retention_size)";
  if (days < 1 || free < kLittleSpace / 16) {
    Problem(findings, "disk", layout.directory(), what, advice);
  } else if (days < kLittleDays || free < kLittleSpace) {
    Warn(findings, "disk", layout.directory(), what, advice);
  } else {
    Fine(findings, "disk", layout.directory(), what);
  }
  if (disk.f_files != 0 && disk.f_favail < disk.f_files / 100) {
    Warn(findings, "disk", layout.directory(), absl::StrCat(uint64_t{disk.f_favail}, " inodes are left"),
         "each segment needs two: remove files, or make the file system with more");
  }
}

}  // namespace sallyport::replay
