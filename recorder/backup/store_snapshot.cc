#include "recorder/backup/store_snapshot.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/format/store_check.h"
#include "recorder/format/store_version.h"
#include "recorder/format/tree_state.h"
#include "recorder/format/unchecked_checkpoint.h"
#include "recorder/log/block.h"
#include "recorder/system/private_file.h"
#include "recorder/write/legal_holds.h"

namespace sallyport::recorder {
namespace {

// Smaller files are read at once, so that they are of one moment.
constexpr uint64_t kReadAtOnce = uint64_t{1} << 20;
constexpr int kDeepest = 4;

absl::StatusOr<bool> IsZeroFrom(const InputFile& file, uint64_t at, uint64_t size) {
  std::string bytes(kReadAtOnce, '\0');
  while (at < size) {
    const absl::StatusOr<size_t> got = file.Read(at, std::min<uint64_t>(bytes.size(), size - at), bytes.data());
    if (!got.ok()) return got.status();
    if (*got == 0) return true;
    const auto end = bytes.begin() + static_cast<ptrdiff_t>(*got);
    if (!std::all_of(bytes.begin(), end, [](char c) { return c == 0; })) return false;
    at += *got;
  }
  return true;
}

// Whether a text has a line of a keyring, "kek <8 digits> <time> <key>". What only looks like one is better left out,
// too; but key files say "kek <8 digits>", which names the key that they are wrapped with.
bool HoldsKeyEncryptionKey(std::string_view text) {
  constexpr std::string_view kWord = "kek ";
  constexpr size_t kIdSize = 8;
  for (size_t at = text.find(kWord); at != std::string_view::npos; at = text.find(kWord, at + 1)) {
    const std::string_view rest = text.substr(at + kWord.size());
    const size_t id = rest.find_first_not_of("0123456789abcdef");
    if (id == kIdSize && rest[id] == ' ') return true;
  }
  return false;
}

absl::StatusOr<bool> IsKeyring(const InputFile& file, uint64_t size) {
  std::string text(size, '\0');
  const absl::StatusOr<size_t> got = file.Read(0, text.size(), text.data());
  if (!got.ok()) return got.status();
  return HoldsKeyEncryptionKey(std::string_view(text).substr(0, *got));
}

// Gathers the files of one store.
class Gatherer {
 public:
  Gatherer(const StoreLayout& layout, absl::FunctionRef<bool(const std::string& path)> has_copy)
      : layout_(layout), has_copy_(has_copy) {}

  absl::StatusOr<StoreSnapshot> Run();

 private:
  std::string Full(std::string_view path) const { return absl::StrCat(layout_.directory(), "/", View(path)); }

  // Everything under `path`, or the file that it is. Sockets are passed over, and what is gone meanwhile.
  absl::Status AddAll(const std::string& path, int depth);
  absl::Status AddFile(const std::string& path, BackupFile::Kind kind, std::optional<uint64_t> most = std::nullopt);
  absl::Status AddCheckpoint();
  absl::Status AddSegments();
  absl::Status AddKeys();
  absl::Status AddNewestSegment(const std::string& path);
  // Where the last whole block ends, and whether that is a footer at the end of the file.
  struct Walked {
    uint64_t end = 0;
    bool sealed = false;
  };
  absl::StatusOr<Walked> Walk(const InputFile& file, uint64_t size);
  // Was read before all others.
  static bool IsThere(std::string_view path) {
    return path == "tree/cosigned" || path == "tree/checkpoint" || path == "tree/leaves";
  }

  const StoreLayout& layout_;
  const absl::FunctionRef<bool(const std::string& path)> has_copy_;
  StoreSnapshot snapshot_;
  std::optional<uint64_t> leaves_;  // that the checkpoint is over
  Position signed_end_;             // where the log went on from there
  uint64_t newest_ = 0;
};

absl::Status Gatherer::AddFile(const std::string& path, BackupFile::Kind kind, std::optional<uint64_t> most) {
  absl::StatusOr<InputFile> file = InputFile::Open(Full(path));
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  if (absl::IsFailedPrecondition(file.status())) {
    snapshot_.left_out.push_back(absl::StrCat(path, ": it is no plain file"));
    return absl::OkStatus();
  }
  if (!file.ok()) return file.status();
  absl::StatusOr<uint64_t> size = file->Size();
  if (!size.ok()) return size.status();
  SnapshotFile added;
  added.path = path;
  added.kind = kind;
  added.size = std::min(*size, most.value_or(*size));
  if (kind == BackupFile::Kind::kSealed) {
    if (!has_copy_(path)) added.file = *std::move(file);
  } else if (added.size > kReadAtOnce) {
    added.file = *std::move(file);
  } else {
    std::string bytes(added.size, '\0');
    const absl::StatusOr<size_t> got = file->Read(0, bytes.size(), bytes.data());
    if (!got.ok()) return got.status();
    bytes.resize(*got);
    added.size = *got;
    added.bytes = std::move(bytes);
  }
  absl::StatusOr<bool> keyring = added.bytes.has_value() && HoldsKeyEncryptionKey(*added.bytes);
  // Segments are the store's own, whatever callers have sent.
  if (added.file.has_value() && added.size <= kReadAtOnce && !path.starts_with("log/")) {
    keyring = IsKeyring(*added.file, added.size);
  }
  if (!keyring.ok()) return keyring.status();
  if (*keyring) {
    snapshot_.left_out.push_back(absl::StrCat(
        path,
        ": it is a keyring, which is never with the data. Move it out of the data directory, and keep a copy apart"));
    return absl::OkStatus();
  }
  snapshot_.files.push_back(std::move(added));
  return absl::OkStatus();
}

absl::Status Gatherer::AddAll(const std::string& path, int depth) {
  if (IsLeftOut(path)) return absl::OkStatus();
  if (!IsBackupPath(path) || depth > kDeepest) {
    snapshot_.left_out.push_back(absl::StrCat(absl::CHexEscape(path), ": no file of a store has such a path"));
    return absl::OkStatus();
  }
  struct stat info = {};
  const std::string full = Full(path);
  if (stat(full.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError(errno, "looking at", full);
  }
  // Over which a gateway that runs is spoken to. Nobody could copy one.
  if (S_ISSOCK(info.st_mode)) return absl::OkStatus();
  if (!S_ISDIR(info.st_mode)) {
    const bool sealed = path.starts_with("descriptors/") || path.starts_with("quarantine/");
    return IsThere(path) ? absl::OkStatus()
                         : AddFile(path, sealed ? BackupFile::Kind::kSealed : BackupFile::Kind::kState);
  }
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(full);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (absl::Status status = AddAll(absl::StrCat(path, "/", name), depth + 1); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Gatherer::AddCheckpoint() {
  // A cosigned checkpoint is not newer than the last one, and that is over leaves and blocks that are there.
  for (const char* path : {"tree/cosigned", "tree/checkpoint"}) {
    if (absl::Status status = AddFile(path, BackupFile::Kind::kState); !status.ok()) return status;
  }
  if (!snapshot_.files.empty() && snapshot_.files.back().path == "tree/checkpoint" &&
      snapshot_.files.back().bytes.has_value()) {
    const std::string& bytes = *snapshot_.files.back().bytes;
    if (const absl::StatusOr<StoredCheckpoint> stored = StoredCheckpoint::Parse(bytes); stored.ok()) {
      leaves_ = stored->checkpoint.checkpoint.size;
      signed_end_ = stored->state.end;
    } else if (const auto published = UncheckedCheckpoint::Parse(bytes); published.ok()) {
      leaves_ = published->checkpoint.size;
    }
  }
  snapshot_.tree_size = leaves_.value_or(0);
  std::optional<uint64_t> bytes;
  if (leaves_.has_value()) bytes = *leaves_ * sizeof(Hash);
  return AddFile("tree/leaves", BackupFile::Kind::kState, bytes);
}

absl::StatusOr<Gatherer::Walked> Gatherer::Walk(const InputFile& file, uint64_t size) {
  std::array<char, kSegmentHeaderSize> head = {};
  absl::StatusOr<size_t> got = file.Read(0, head.size(), head.data());
  if (!got.ok()) return got.status();
  char bytes_of_header[kSegmentHeaderSize];
  std::copy(head.begin(), head.end(), bytes_of_header);
  const std::optional<SegmentHeader> segment = SegmentHeader::Decode(bytes_of_header);
  // Whoever reads it will say so.
  if (*got < head.size() || !segment.has_value()) return Walked{size, false};
  BlockOpener opener(segment->store_id, segment->key_id, nullptr);
  Walked walked = {kSegmentHeaderSize, false};
  while (!walked.sealed) {
    char bytes[kBlockHeaderSize];
    got = file.Read(walked.end, sizeof(bytes), bytes);
    if (!got.ok()) return got.status();
    if (*got < sizeof(bytes)) break;
    const std::optional<BlockHeader> header = BlockHeader::Decode(bytes);
    if (!header.has_value() || header->position != Position(segment->number, walked.end) ||
        header->payload_size() > size - std::min(size, walked.end + sizeof(bytes))) {
      break;
    }
    std::string payload(header->payload_size(), '\0');
    got = file.Read(walked.end + sizeof(bytes), payload.size(), payload.data());
    if (!got.ok()) return got.status();
    payload.resize(*got);
    const absl::StatusOr<Block> block = opener.Open(*header, std::move(payload));
    // Not all of it is written yet, or it is damaged.
    if (!block.ok()) break;
    walked.end = block->end().offset();
    walked.sealed = header->type == BlockType::kFooter && walked.end == size;
  }
  return walked;
}

absl::Status Gatherer::AddNewestSegment(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::Open(Full(path));
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> size = file->Size();
  if (!size.ok()) return size.status();
  const absl::StatusOr<Walked> walked = Walk(*file, *size);
  if (!walked.ok()) return walked.status();
  const absl::StatusOr<bool> written = FileLock::IsHeld(layout_.OwnerLock());
  if (!written.ok()) return written.status();
  uint64_t end = walked->end;
  // Where nobody writes, what is behind the last block is space taken ahead, or torn or damaged: then it is evidence,
  // and not lost with a backup.
  if (!*written) {
    const absl::StatusOr<bool> zero = IsZeroFrom(*file, end, *size);
    if (!zero.ok()) return zero.status();
    if (!*zero) end = *size;
  }
  // What was signed is in it, readable or not.
  if (signed_end_.segment() == newest_) end = std::max(end, std::min(*size, signed_end_.offset()));
  if (absl::Status status = file->Sync(); !status.ok()) return status;
  SnapshotFile added;
  added.path = path;
  added.kind = walked->sealed ? BackupFile::Kind::kSealed : BackupFile::Kind::kState;
  added.size = end;
  if (!walked->sealed || !has_copy_(path)) added.file = *std::move(file);
  snapshot_.files.push_back(std::move(added));
  return absl::OkStatus();
}

absl::Status Gatherer::AddSegments() {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout_.LogDirectory());
  if (!names.ok()) return names.status();
  std::sort(names->begin(), names->end());
  std::string newest;
  for (const std::string& name : *names) {
    if (ParseSegmentName(name).has_value()) newest = name;
  }
  if (newest.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is nothing to back up yet: ", layout_.LogDirectory(), " holds no segment"));
  }
  newest_ = *ParseSegmentName(newest);
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat("log/", name);
    absl::Status status;
    if (name == newest) {
      status = AddNewestSegment(path);
    } else if (ParseSegmentName(name).has_value()) {
      status = AddFile(path, BackupFile::Kind::kSealed);
    } else {
      status = AddAll(path, 2);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Gatherer::AddKeys() {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout_.KeysDirectory());
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat("keys/", name);
    // One that was made for the next segment.
    if (ParseDataKeyName(name).value_or(0) > newest_) continue;
    absl::Status status;
    if (ParseDestroyedDataKeyName(name).has_value()) {
      // The mark alone, also where the destruction is under way.
      SnapshotFile mark;
      mark.path = path;
      mark.bytes = "";
      snapshot_.files.push_back(std::move(mark));
    } else {
      status = AddAll(path, 2);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<StoreSnapshot> Gatherer::Run() {
  if (absl::Status status = AddCheckpoint(); !status.ok()) return status;
  // Places in the log that others have noted must not be ahead of it; descriptors and keys must not be behind.
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout_.directory());
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name == "log" || name == "keys" || name == "descriptors" || name == "quarantine") continue;
    if (absl::Status status = AddAll(name, 1); !status.ok()) return status;
  }
  if (absl::Status status = AddSegments(); !status.ok()) return status;
  if (absl::Status status = AddKeys(); !status.ok()) return status;
  for (const char* name : {"descriptors", "quarantine"}) {
    if (absl::Status status = AddAll(name, 1); !status.ok()) return status;
  }
  std::sort(snapshot_.files.begin(), snapshot_.files.end(),
            [](const SnapshotFile& a, const SnapshotFile& b) { return a.path < b.path; });
  const absl::StatusOr<std::optional<uint16_t>> format = NewestSegmentFormat(layout_);
  if (!format.ok()) return format.status();
  snapshot_.format = format->value_or(0);
  return std::move(snapshot_);
}

// The store's id, from the newest segment whose header can be read.
absl::StatusOr<StoreId> StoreIdOf(const StoreLayout& layout) {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout.LogDirectory());
  if (!names.ok()) return names.status();
  std::sort(names->rbegin(), names->rend());
  for (const std::string& name : *names) {
    if (!ParseSegmentName(name).has_value()) continue;
    const absl::StatusOr<InputFile> file = InputFile::Open(absl::StrCat(layout.LogDirectory(), "/", name));
    if (!file.ok()) continue;
    char bytes[kSegmentHeaderSize];
    const absl::StatusOr<size_t> got = file->Read(0, sizeof(bytes), bytes);
    if (!got.ok() || *got < sizeof(bytes)) continue;
    if (const std::optional<SegmentHeader> header = SegmentHeader::Decode(bytes)) return header->store_id;
  }
  return absl::FailedPreconditionError(absl::StrCat("there is nothing to back up: no segment in ",
                                                    layout.LogDirectory(), " has a header that can be read"));
}

}  // namespace

absl::StatusOr<StoreId> ReadStoreId(const StoreLayout& layout) { return StoreIdOf(layout); }

bool IsLeftOut(std::string_view path) {
  const size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return path == "lock" || path == "index" || path.starts_with("index/") || name.ends_with(".lock") ||
         name.ends_with(".tmp") || name == "next.new";
}

absl::StatusOr<std::vector<std::string>> SealedSegments(const StoreLayout& layout) {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout.LogDirectory());
  if (!names.ok()) return names.status();
  std::vector<std::string> paths;
  for (const std::string& name : *names) {
    if (ParseSegmentName(name).has_value()) paths.push_back(absl::StrCat("log/", name));
  }
  std::sort(paths.begin(), paths.end());
  if (!paths.empty()) paths.pop_back();
  return paths;
}

absl::StatusOr<StoreSnapshot> TakeSnapshot(const StoreLayout& layout,
                                           absl::FunctionRef<bool(const std::string& path)> has_copy) {
  if (absl::Status status = CheckStore(layout); !status.ok()) return status;
  // Locks of another user's would shut the gateway out.
  if (absl::Status status = CheckOwner(layout.LogDirectory()); !status.ok()) return status;
  const absl::StatusOr<std::unique_ptr<FileLock>> lock = TakeLegalHoldsLock(layout);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<StoreId> store_id = StoreIdOf(layout);
  if (!store_id.ok()) return store_id.status();
  absl::StatusOr<StoreSnapshot> snapshot = Gatherer(layout, has_copy).Run();
  if (snapshot.ok()) snapshot->store_id = *store_id;
  return snapshot;
}

}  // namespace sallyport::recorder
