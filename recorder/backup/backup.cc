#include "recorder/backup/backup.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/backup/copied_file.h"
#include "recorder/backup/manifest.h"
#include "recorder/backup/store_snapshot.h"
#include "recorder/backup/verified_copy.h"
#include "recorder/crypto/text.h"
#include "recorder/format/store_check.h"
#include "recorder/format/store_layout.h"
#include "recorder/log/deleted_segments.h"

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;

// A run's directory, and in it a store's paths.
constexpr int kDeepest = 5;
// So many sealed files are copied, at most, from descriptors that were opened while the store was looked at.
constexpr size_t kMostOpen = 64;
constexpr int kMostLooks = 10;
// Segments differ in their headers, and in what their footers say of them.
constexpr uint64_t kCompared = 4096;
constexpr char kManifest[] = "/manifest";
constexpr char kLock[] = "/lock";

fs::path Resolved(const std::string& path) {
  std::error_code error;
  const fs::path resolved = fs::weakly_canonical(fs::absolute(path, error), error);
  return error ? fs::path(path) : resolved;
}

bool IsWithin(const fs::path& path, const fs::path& directory) {
  const auto [ours, theirs] = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return ours == directory.end() || (std::next(ours) == directory.end() && ours->empty());
}

absl::Status CheckPlaces(const BackupOptions& options) {
  const StoreLayout layout(options.data);
  const fs::path data = Resolved(layout.directory());
  const fs::path to = Resolved(options.to);
  if (IsWithin(to, data) || IsWithin(data, to)) {
    return absl::InvalidArgumentError(absl::StrCat("the backup ", options.to, " and the data directory ", options.data,
                                                   " must lie apart: name another directory"));
  }
  if (options.keys.has_value() && options.keys->kind != KeySource::Kind::kFile) return absl::OkStatus();
  const std::string keyring = options.keys.has_value() ? options.keys->value : layout.DefaultKeyring();
  if (!IsWithin(Resolved(keyring), to)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the keyring ", keyring, " lies in ", options.to,
      ": who finds a backup with its keyring reads everything. Keep the two apart, and back the keyring up by itself"));
}

// The manifest in a backup's directory; nothing where there is none yet.
absl::StatusOr<std::optional<BackupManifest>> ReadManifest(const std::string& backup) {
  const absl::StatusOr<std::string> text = ReadWholeFile(backup + kManifest, BackupManifest::kMaxSize);
  if (absl::IsNotFound(text.status())) return std::nullopt;
  if (!text.ok()) return text.status();
  absl::StatusOr<BackupManifest> manifest = BackupManifest::Parse(*text);
  if (!manifest.ok()) {
    return absl::Status(manifest.status().code(),
                        absl::StrCat(backup, kManifest, ": ", std::string(manifest.status().message())));
  }
  return *std::move(manifest);
}

// OK if there is nothing in the directory but what a first run left that was cut off.
absl::Status CheckUnused(const std::string& backup) {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(backup);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name == "lock" || name == "manifest.tmp" || name == BackupRunName(1) || name == "lost+found") continue;
    return absl::FailedPreconditionError(
        absl::StrCat(backup, " is no backup: it holds ", name,
                     " and no manifest. Name an empty directory, or one that does not exist"));
  }
  return absl::OkStatus();
}

// One run of a backup.
class Run {
 public:
  Run(const BackupOptions& options, FileSystem& files) : options_(options), files_(files), layout_(options.data) {}

  absl::StatusOr<BackupReport> Do();

 private:
  using Entries = std::map<std::string, BackupFile, std::less<>>;

  std::string InBackup(std::string_view path) const { return absl::StrCat(options_.to, "/", View(path)); }
  absl::Status Begin();
  absl::Status CopySealedSegments();
  absl::Status CopySealed(const std::string& path, const InputFile& file, uint64_t size);
  absl::StatusOr<bool> IsCopied(const std::string& path, const InputFile& file, uint64_t size);
  absl::StatusOr<bool> IsLeftFromBefore(const std::string& path, const InputFile& file, uint64_t size);
  absl::StatusOr<StoreSnapshot> Look();
  absl::Status CopySnapshot(StoreSnapshot& snapshot);
  absl::Status CopyState(SnapshotFile& file);
  absl::Status Write(const std::string& path, BackupFile::Kind kind, uint64_t size,
                     absl::FunctionRef<absl::Status(TakePiece)> write);
  absl::Status Keep();
  absl::Status FindDropped();
  absl::Status SyncDirectories();
  absl::Status Verify();
  absl::Status RemoveDropped();
  absl::Status RemoveEmptyDirectories();

  const BackupOptions& options_;
  FileSystem& files_;
  const StoreLayout layout_;
  std::unique_ptr<FileLock> lock_;
  Entries former_;
  BackupManifest manifest_;  // that is being made
  Entries entries_;          // its files
  BackupReport report_;
};

absl::Status Run::Begin() {
  if (absl::Status status = CheckPlaces(options_); !status.ok()) return status;
  if (absl::Status status = CheckStore(layout_); !status.ok()) return status;
  const absl::StatusOr<StoreId> store_id = ReadStoreId(layout_);
  if (!store_id.ok()) return store_id.status();
  if (absl::Status status = files_.EnsureDirectory(options_.to); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<FileLock>> lock = FileLock::Take(options_.to + kLock, FileLock::Wait::kNo);
  if (absl::IsFailedPrecondition(lock.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("another backup or restore uses ", options_.to, ": wait for it, or name another directory"));
  }
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  absl::StatusOr<std::optional<BackupManifest>> former = ReadManifest(options_.to);
  if (!former.ok()) return former.status();
  manifest_.store_id = *store_id;
  manifest_.run = 1;
  manifest_.time = absl::FromUnixSeconds(absl::ToUnixSeconds(options_.now));
  if (!former->has_value()) return CheckUnused(options_.to);
  if ((*former)->store_id != *store_id) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.to, " is the backup of another store: name a directory for this one"));
  }
  manifest_.run = (*former)->run + 1;
  for (BackupFile& file : (*former)->files) former_.emplace(file.path, std::move(file));
  return absl::OkStatus();
}

absl::Status Run::Write(const std::string& path, BackupFile::Kind kind, uint64_t size,
                        absl::FunctionRef<absl::Status(TakePiece)> write) {
  const std::string stored = StoredPath(manifest_.run, path);
  if (absl::Status status = MakeWay(files_, options_.to, stored); !status.ok()) return status;
  const absl::StatusOr<Hash> hash = WriteWhole(files_, InBackup(stored), write);
  if (!hash.ok()) return hash.status();
  entries_[path] = {kind, manifest_.run, size, *hash, path};
  ++report_.copied_files;
  report_.copied_bytes += size;
  return absl::OkStatus();
}

// Whether an earlier run has copied the same.
absl::StatusOr<bool> Run::IsCopied(const std::string& path, const InputFile& file, uint64_t size) {
  const auto former = former_.find(path);
  if (former == former_.end() || former->second.kind == BackupFile::Kind::kState) return false;
  const absl::StatusOr<InputFile> copy = InputFile::OpenBeneath(options_.to, StoredPath(former->second.run, path));
  if (absl::IsNotFound(copy.status())) return false;
  if (!copy.ok()) return copy.status();
  const absl::StatusOr<uint64_t> copied = copy->Size();
  if (!copied.ok()) return copied.status();
  bool same = *copied == size && former->second.size == size;
  for (const uint64_t at : {uint64_t{0}, size - std::min(size, kCompared)}) {
    if (!same) break;
    std::string ours(std::min(size, kCompared), '\0');
    std::string theirs(ours.size(), '\0');
    const absl::StatusOr<size_t> got = file.Read(at, ours.size(), ours.data());
    if (!got.ok()) return got.status();
    const absl::StatusOr<size_t> had = copy->Read(at, theirs.size(), theirs.data());
    if (!had.ok()) return had.status();
    same = ours == theirs;
  }
  if (!same && path.starts_with("log/")) {
    return absl::DataLossError(absl::StrCat(path, " never changes, but is not what was copied to ", copy->path(),
                                            ": one of the two was changed, or the store was put back to an earlier "
                                            "state. Nothing was overwritten. `sallyport verify` "
                                            "says whether the store is whole; back it up to another directory"));
  }
  return same;
}

// Whether a run that was cut off has copied it already. It said nowhere what it copied, so both are read.
absl::StatusOr<bool> Run::IsLeftFromBefore(const std::string& path, const InputFile& file, uint64_t size) {
  const absl::StatusOr<InputFile> copy = InputFile::OpenBeneath(options_.to, StoredPath(manifest_.run, path));
  if (absl::IsNotFound(copy.status())) return false;
  if (!copy.ok()) return copy.status();
  const absl::StatusOr<uint64_t> copied = copy->Size();
  if (!copied.ok()) return copied.status();
  if (*copied != size) return false;
  const absl::StatusOr<Hash> theirs = HashOf(*copy, size);
  if (!theirs.ok()) return theirs.status();
  const absl::StatusOr<Hash> ours = HashOf(file, size);
  if (!ours.ok()) return ours.status();
  if (*ours != *theirs) return false;
  entries_[path] = {BackupFile::Kind::kSealed, manifest_.run, size, *ours, path};
  return true;
}

absl::Status Run::CopySealed(const std::string& path, const InputFile& file, uint64_t size) {
  const absl::StatusOr<bool> copied = IsCopied(path, file, size);
  if (!copied.ok()) return copied.status();
  if (*copied) {
    entries_[path] = former_.find(path)->second;
    entries_[path].kind = BackupFile::Kind::kSealed;
    return absl::OkStatus();
  }
  const absl::StatusOr<bool> left = IsLeftFromBefore(path, file, size);
  if (!left.ok() || *left) return left.status();
  return Write(path, BackupFile::Kind::kSealed, size, [&](TakePiece take) { return ReadThrough(file, size, take); });
}

// Before anybody has to wait: nearly all of the bytes.
absl::Status Run::CopySealedSegments() {
  const absl::StatusOr<std::vector<std::string>> paths = SealedSegments(layout_);
  if (!paths.ok()) return paths.status();
  for (const std::string& path : *paths) {
    if (entries_.contains(path)) continue;
    const absl::StatusOr<InputFile> file = InputFile::Open(absl::StrCat(layout_.directory(), "/", path));
    // Retention was there first.
    if (absl::IsNotFound(file.status())) continue;
    if (!file.ok()) return file.status();
    const absl::StatusOr<uint64_t> size = file->Size();
    if (!size.ok()) return size.status();
    if (absl::Status status = CopySealed(path, *file, *size); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// A snapshot of which nearly all sealed files are copied.
absl::StatusOr<StoreSnapshot> Run::Look() {
  for (int look = 1;; ++look) {
    if (absl::Status status = CopySealedSegments(); !status.ok()) return status;
    absl::StatusOr<StoreSnapshot> snapshot =
        TakeSnapshot(layout_, [&](const std::string& path) { return entries_.contains(path); });
    if (!snapshot.ok()) return snapshot.status();
    const auto open = std::count_if(snapshot->files.begin(), snapshot->files.end(),
                                    [](const SnapshotFile& file) { return file.file.has_value(); });
    if (static_cast<size_t>(open) <= kMostOpen || look == kMostLooks) return snapshot;
    for (const SnapshotFile& file : snapshot->files) {
      if (file.kind != BackupFile::Kind::kSealed || !file.file.has_value()) continue;
      if (absl::Status status = CopySealed(file.path, *file.file, file.size); !status.ok()) return status;
    }
  }
}

absl::Status Run::CopyState(SnapshotFile& file) {
  if (file.file.has_value()) {
    return Write(file.path, file.kind, file.size,
                 [&](TakePiece take) { return ReadThrough(*file.file, file.size, take); });
  }
  const std::string& bytes = *file.bytes;
  const auto former = former_.find(file.path);
  // Keys by the thousand stay as they are.
  if (former != former_.end() && former->second.size == bytes.size() && former->second.sha256 == Sha256({bytes})) {
    const absl::StatusOr<InputFile> copy =
        InputFile::OpenBeneath(options_.to, StoredPath(former->second.run, file.path));
    if (copy.ok() && copy->Size().ok() && *copy->Size() == bytes.size()) {
      entries_[file.path] = former->second;
      entries_[file.path].kind = file.kind;
      return absl::OkStatus();
    }
  }
  return Write(file.path, file.kind, bytes.size(), [&](TakePiece take) { return take(bytes); });
}

absl::Status Run::CopySnapshot(StoreSnapshot& snapshot) {
  std::set<std::string, std::less<>> present;
  for (SnapshotFile& file : snapshot.files) {
    present.insert(file.path);
    absl::Status status;
    if (file.kind != BackupFile::Kind::kSealed) {
      status = CopyState(file);
    } else if (file.file.has_value()) {
      status = CopySealed(file.path, *file.file, file.size);
    }
    if (!status.ok()) return status;
  }
  // Retention took them while they were copied.
  std::erase_if(entries_, [&](const auto& entry) { return !present.contains(entry.first); });
  return absl::OkStatus();
}

// Holds on to segments that are not in the store any more, and to their keys: all, or, to prune, those of which no
// tombstone says that retention has deleted them.
absl::Status Run::Keep() {
  v1::Tombstone deleted;
  if (options_.prune) {
    absl::StatusOr<v1::Tombstone> tombstone = LoadTombstone(layout_);
    if (!tombstone.ok()) return tombstone.status();
    deleted = *std::move(tombstone);
  }
  const auto newest = std::find_if(entries_.rbegin(), entries_.rend(), [](const auto& entry) {
    return entry.first.starts_with("log/") && ParseSegmentName(std::string_view(entry.first).substr(4)).has_value();
  });
  for (const auto& [path, file] : former_) {
    if (!path.starts_with("log/") || entries_.contains(path) || newest == entries_.rend() || path > newest->first ||
        file.kind == BackupFile::Kind::kState) {
      continue;
    }
    const std::optional<uint64_t> number = ParseSegmentName(std::string_view(path).substr(4));
    if (!number.has_value() || IsDeleted(deleted, *number)) continue;
    entries_[path] = file;
    entries_[path].kind = BackupFile::Kind::kKept;
    ++report_.kept_segments;
    const std::string key = layout_.DataKey(*number).substr(layout_.directory().size() + 1);
    const auto had = former_.find(key);
    if (had == former_.end() || entries_.contains(key) || entries_.contains(key + ".destroyed")) continue;
    entries_[key] = had->second;
    entries_[key].kind = BackupFile::Kind::kKept;
  }
  return absl::OkStatus();
}

// Everything in the directories of runs that the manifest does not name.
absl::Status Run::FindDropped() {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(options_.to);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const uint64_t run = ParseBackupRunName(name);
    if (run == 0 || run > manifest_.run) continue;
    const absl::StatusOr<Listing> there = ListBeneath(InBackup(name), kDeepest);
    if (!there.ok()) return there.status();
    for (const std::string& path : there->files) {
      const auto entry = entries_.find(path);
      if (entry != entries_.end() && entry->second.run == run) continue;
      if (IsBackupPath(path)) manifest_.dropped.push_back({run, path});
    }
  }
  std::sort(manifest_.dropped.begin(), manifest_.dropped.end(), [](const DroppedFile& a, const DroppedFile& b) {
    return std::tie(a.run, a.path) < std::tie(b.run, b.path);
  });
  return absl::OkStatus();
}

absl::Status Run::SyncDirectories() {
  const std::string run = InBackup(BackupRunName(manifest_.run));
  if (FileExists(run)) {
    const absl::StatusOr<Listing> there = ListBeneath(run, kDeepest);
    if (!there.ok()) return there.status();
    for (const std::string& path : there->directories) {
      if (absl::Status status = files_.SyncDirectory(absl::StrCat(run, "/", path)); !status.ok()) return status;
    }
    if (absl::Status status = files_.SyncDirectory(run); !status.ok()) return status;
  }
  return files_.SyncDirectory(options_.to);
}

absl::Status Run::Verify() {
  const absl::Status copies = CheckCopies(
      options_.to, manifest_, [&](const BackupFile& file) { return !options_.quick || file.run == manifest_.run; });
  if (!copies.ok() || options_.quick) return copies;
  const absl::StatusOr<CopyVerification> verification =
      VerifyCopy(options_.to, manifest_, options_.keys, layout_.DefaultKeyring());
  if (!verification.ok()) return verification.status();
  report_.why_not_opened = verification->why_no_keys;
  report_.verified = verification->report.log_errors == 0;
  return CheckVerified(verification->report, "what was copied");
}

absl::Status Run::RemoveDropped() {
  for (const DroppedFile& file : manifest_.dropped) {
    const absl::Status removed = files_.Remove(InBackup(StoredPath(file.run, file.path)));
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
    report_.removed_files += removed.ok() ? 1 : 0;
  }
  return RemoveEmptyDirectories();
}

absl::Status Run::RemoveEmptyDirectories() {
  for (uint64_t run = 0; const DroppedFile& file : manifest_.dropped) {
    if (file.run == run) continue;
    run = file.run;
    const std::string directory = InBackup(BackupRunName(run));
    const absl::StatusOr<Listing> there = ListBeneath(directory, kDeepest);
    if (absl::IsNotFound(there.status())) continue;
    if (!there.ok()) return there.status();
    std::error_code ignored;
    // Deepest first. What is not empty stays.
    for (auto path = there->directories.rbegin(); path != there->directories.rend(); ++path) {
      fs::remove(absl::StrCat(directory, "/", *path), ignored);
    }
    fs::remove(directory, ignored);
  }
  return absl::OkStatus();
}

absl::StatusOr<BackupReport> Run::Do() {
  if (absl::Status status = Begin(); !status.ok()) return status;
  absl::StatusOr<StoreSnapshot> snapshot = Look();
  if (!snapshot.ok()) return snapshot.status();
  if (snapshot->store_id != manifest_.store_id) {
    return absl::FailedPreconditionError("the store was replaced by another one meanwhile: run it again");
  }
  if (absl::Status status = CopySnapshot(*snapshot); !status.ok()) return status;
  for (const auto& [path, file] : entries_) {
    ++report_.files;
    report_.bytes += file.size;
  }
  if (absl::Status status = Keep(); !status.ok()) return status;
  manifest_.format = snapshot->format;
  manifest_.tree_size = snapshot->tree_size;
  for (const auto& [path, file] : entries_) manifest_.files.push_back(file);
  if (absl::Status status = FindDropped(); !status.ok()) return status;
  if (absl::Status status = SyncDirectories(); !status.ok()) return status;
  if (absl::Status status = Verify(); !status.ok()) return status;
  if (absl::Status status = ReplaceFile(files_, options_.to + kManifest, manifest_.Format()); !status.ok())
    return status;
  if (absl::Status status = RemoveDropped(); !status.ok()) return status;
  report_.store_id = manifest_.store_id;
  report_.run = manifest_.run;
  report_.tree_size = manifest_.tree_size;
  report_.left_out = std::move(snapshot->left_out);
  return report_;
}

}  // namespace

absl::StatusOr<BackupReport> BackUp(const BackupOptions& options, FileSystem& files) {
  return Run(options, files).Do();
}

}  // namespace sallyport::recorder
