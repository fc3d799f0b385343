#include "recorder/backup/restore.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "recorder/backup/copied_file.h"
#include "recorder/backup/store_snapshot.h"
#include "recorder/backup/verified_copy.h"
#include "recorder/crypto/text.h"
#include "recorder/format/store_layout.h"
#include "recorder/rebuild.h"

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 5;
// Says that a directory is one that a restore makes, and may remove.
constexpr char kMark[] = "/restoring.tmp";

absl::Status Changed(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the backup is damaged or was changed: ", what));
}

// What one run's directory may hold.
using Paths = std::set<std::string, std::less<>>;

absl::Status CheckRunDirectory(const std::string& from, const std::string& name, const Paths& known) {
  const absl::StatusOr<Listing> there = ListBeneath(absl::StrCat(from, "/", name), kDeepest);
  if (!there.ok()) return there.status();
  for (const std::string& path : there->files) {
    if (!known.contains(path))
      return Changed(absl::StrCat(name, "/", path, " was added: the manifest does not name it"));
  }
  return absl::OkStatus();
}

// No file is there that the manifest does not name.
absl::Status CheckNothingAdded(const std::string& from, const BackupManifest& manifest) {
  std::map<uint64_t, Paths> known;
  for (const BackupFile& file : manifest.files) known[file.run].insert(file.path);
  for (const DroppedFile& file : manifest.dropped) known[file.run].insert(file.path);
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(from);
  if (!names.ok()) return names.status();
  constexpr std::array<std::string_view, 4> kOthers = {"manifest", "manifest.tmp", "lock", "lost+found"};
  for (const std::string& name : *names) {
    if (std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end()) continue;
    const uint64_t run = ParseBackupRunName(name);
    if (run == 0 || run > manifest.run + 1) return Changed(absl::StrCat(name, " was added"));
    // The run after this one was cut off: no manifest tells what is in it.
    if (run == manifest.run + 1) continue;
    if (absl::Status status = CheckRunDirectory(from, name, known[run]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckTarget(const RestoreOptions& options) {
  std::error_code error;
  const fs::path data = StoreLayout(options.data).directory();
  const fs::file_status status = fs::symlink_status(data, error);
  if (status.type() == fs::file_type::not_found) return absl::OkStatus();
  if (error) return SystemError(error.value(), "looking at", options.data);
  if (status.type() == fs::file_type::directory && fs::is_empty(data, error) && !error) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      options.data,
      " is there and not an empty directory: a restore overwrites nothing. Name another one, or move it away"));
}

absl::Status CheckApart(const RestoreOptions& options) {
  std::error_code error;
  const std::string from = fs::weakly_canonical(fs::absolute(options.from), error).string() + "/";
  const std::string data = fs::weakly_canonical(fs::absolute(options.data), error).string() + "/";
  if (!from.starts_with(data) && !data.starts_with(from)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the backup ", options.from, " and the data directory ", options.data, " must lie apart"));
}

// One restore.
class Restore {
 public:
  Restore(const RestoreOptions& options, FileSystem& files)
      : options_(options), files_(files), layout_(options.data), beside_(layout_.directory() + ".restoring") {}

  absl::StatusOr<RestoreReport> Do();

 private:
  absl::Status Prepare();
  absl::Status RemoveRest() const;
  absl::Status Copy(const BackupFile& file);
  absl::Status CopyAll();
  absl::Status Verify();
  absl::Status PutInPlace();

  const RestoreOptions& options_;
  FileSystem& files_;
  const StoreLayout layout_;
  const std::string beside_;
  BackupManifest manifest_;
  RestoreReport report_;
};

absl::Status Restore::RemoveRest() const {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(beside_, error))) return absl::OkStatus();
  if (!FileExists(beside_ + kMark)) {
    // The first thing a restore makes in it is the mark.
    if (fs::is_directory(fs::symlink_status(beside_, error)) && fs::is_empty(beside_, error)) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(beside_, " is in the way, and no restore has made it: move it away"));
  }
  fs::remove_all(beside_, error);
  return error ? SystemError(error.value(), "removing", beside_) : absl::OkStatus();
}

absl::Status Restore::Prepare() {
  if (absl::Status status = CheckApart(options_); !status.ok()) return status;
  if (absl::Status status = CheckTarget(options_); !status.ok()) return status;
  const absl::StatusOr<std::string> text = ReadWholeFile(options_.from + "/manifest", BackupManifest::kMaxSize);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(
        absl::StrCat("there is no backup in ", options_.from,
                     ": it has no manifest. Name the directory that `sallyport backup --to` was given"));
  }
  if (!text.ok()) return text.status();
  absl::StatusOr<BackupManifest> manifest = BackupManifest::Parse(*text);
  if (!manifest.ok()) return manifest.status();
  manifest_ = *std::move(manifest);
  if (manifest_.format > kFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat("this backup was made by a newer Sallyport (format ",
                                                      manifest_.format, ", this program knows up to ", kFormatVersion,
                                                      "): use that release"));
  }
  for (const BackupFile& file : manifest_.files) {
    if (IsLeftOut(file.path)) return Changed(absl::StrCat("no backup holds ", file.path));
  }
  return CheckBackup(options_.from, manifest_);
}

absl::Status Restore::Copy(const BackupFile& file) {
  const std::string stored = StoredPath(file.run, file.path);
  const absl::StatusOr<InputFile> copy = InputFile::OpenBeneath(options_.from, stored);
  if (!copy.ok()) return copy.status();
  if (absl::Status status = MakeWay(files_, beside_, file.path); !status.ok()) return status;
  const absl::StatusOr<Hash> hash = WriteWhole(files_, absl::StrCat(beside_, "/", file.path),
                                               [&](TakePiece take) { return ReadThrough(*copy, file.size, take); });
  if (!hash.ok()) return hash.status();
  // It was checked before: so somebody changes it now.
  if (*hash != file.sha256) return Changed(absl::StrCat(stored, " was changed while it was copied"));
  ++report_.files;
  report_.bytes += file.size;
  return absl::OkStatus();
}

absl::Status Restore::CopyAll() {
  if (absl::Status status = files_.EnsureDirectory(beside_); !status.ok()) return status;
  if (absl::Status status = ReplaceFile(files_, beside_ + kMark, ""); !status.ok()) return status;
  const StoreLayout made(beside_);
  for (const std::string& directory :
       {made.LogDirectory(), made.KeysDirectory(), made.TreeDirectory(), made.IndexDirectory(),
        made.QuarantineDirectory(), made.DescriptorsDirectory()}) {
    if (absl::Status status = files_.EnsureDirectory(directory); !status.ok()) return status;
  }
  for (const BackupFile& file : manifest_.files) {
    if (file.kind == BackupFile::Kind::kKept) {
      report_.kept_segments += file.path.starts_with("log/") ? 1 : 0;
      continue;
    }
    if (absl::Status status = Copy(file); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Restore::Verify() {
  const absl::StatusOr<CopyVerification> verification =
      VerifyDirectory(beside_, options_.keys, layout_.DefaultKeyring());
  if (!verification.ok()) return verification.status();
  report_.why_not_opened = verification->why_no_keys;
  report_.segments = verification->report.segments;
  report_.entries = verification->report.entries;
  report_.errors = verification->report.log_errors;
  if (verification->report.store_id != manifest_.store_id)
    return Changed("it holds another store than its manifest says");
  const absl::Status verified = CheckVerified(verification->report, "what the backup holds");
  if (!verified.ok() && !options_.unverified) return verified;
  if (!report_.why_not_opened.empty()) return absl::OkStatus();
  const KeySource source = options_.keys.value_or(KeySource{KeySource::Kind::kFile, layout_.DefaultKeyring()});
  const absl::StatusOr<uint64_t> calls = RebuildIndex(beside_, source, [](const RebuildProgress&) {});
  // Of a damaged log there is an index of what can be read.
  if (!calls.ok() && !(absl::IsDataLoss(calls.status()) && options_.unverified)) return calls.status();
  report_.has_index = true;
  report_.calls = calls.value_or(0);
  return absl::OkStatus();
}

absl::Status Restore::PutInPlace() {
  const absl::StatusOr<Listing> there = ListBeneath(beside_, kDeepest);
  if (!there.ok()) return there.status();
  for (const std::string& path : there->directories) {
    if (absl::Status status = files_.SyncDirectory(absl::StrCat(beside_, "/", path)); !status.ok()) return status;
  }
  if (absl::Status status = files_.SyncDirectory(beside_); !status.ok()) return status;
  // Takes the place of an empty directory, too.
  if (absl::Status status = files_.Rename(beside_, layout_.directory()); !status.ok()) return status;
  const fs::path parent = fs::path(layout_.directory()).parent_path();
  if (absl::Status status = files_.SyncDirectory(parent.empty() ? "." : parent.string()); !status.ok()) return status;
  // Until here it says whose the directory is. Where it stays, it harms nobody.
  static_cast<void>(files_.Remove(layout_.directory() + kMark));
  return absl::OkStatus();
}

absl::StatusOr<RestoreReport> Restore::Do() {
  const absl::StatusOr<bool> held = FileLock::IsHeld(options_.from + "/lock");
  if (!held.ok()) return held.status();
  if (*held) {
    return absl::FailedPreconditionError(absl::StrCat("a backup to ", options_.from, " is under way: wait for it"));
  }
  if (absl::Status status = Prepare(); !status.ok()) return status;
  if (absl::Status status = RemoveRest(); !status.ok()) return status;
  absl::Cleanup clean = [this] {
    std::error_code ignored;
    fs::remove_all(beside_, ignored);
  };
  if (absl::Status status = CopyAll(); !status.ok()) return status;
  if (absl::Status status = Verify(); !status.ok()) return status;
  if (absl::Status status = PutInPlace(); !status.ok()) return status;
  std::move(clean).Cancel();
  report_.store_id = manifest_.store_id;
  report_.time = manifest_.time;
  report_.tree_size = manifest_.tree_size;
  return report_;
}

}  // namespace

absl::Status CheckBackup(const std::string& from, const BackupManifest& manifest) {
  if (absl::Status status = CheckNothingAdded(from, manifest); !status.ok()) return status;
  return CheckCopies(from, manifest, [](const BackupFile&) { return true; });
}

absl::StatusOr<RestoreReport> RestoreBackup(const RestoreOptions& options, FileSystem& files) {
  return Restore(options, files).Do();
}

}  // namespace sallyport::recorder
