#include "recorder/index/rebuild.h"

#include <stdio.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/format/store_check.h"
#include "recorder/format/store_layout.h"
#include "recorder/index/catch_up.h"
#include "recorder/index/index_feeder.h"
#include "recorder/index/sqlite/index.h"
#include "recorder/log/log_scan.h"
#include "recorder/log/segment_reader.h"
#include "recorder/system/file.h"
#include "recorder/system/private_file.h"

namespace sallyport::recorder {
namespace {

// After so many bytes of log a transaction ends, so that it stays small.
constexpr uint64_t kBytesPerCommit = 64 << 20;

absl::StatusOr<uint64_t> LogBytes(const StoreLayout& layout) {
  absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(layout);
  if (!segments.ok()) return segments.status();
  uint64_t bytes = 0;
  for (uint64_t number : *segments) {
    absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout.Segment(number));
    if (!file.ok()) return file.status();
    absl::StatusOr<uint64_t> size = file->Size();
    if (!size.ok()) return size.status();
    bytes += *size;
  }
  return bytes;
}

absl::Status SyncFile(const std::string& path) {
  absl::StatusOr<std::unique_ptr<File>> file = RealFileSystem().Open(path);
  return file.ok() ? (*file)->Sync() : file.status();
}

// Feeds the whole log to the index. Returns the first damage met.
absl::StatusOr<absl::Status> IndexLog(const StoreLayout& layout, StoreKeys& keys, Index& index,
                                      absl::FunctionRef<void(const RebuildProgress&)> progress) {
  absl::StatusOr<uint64_t> total = LogBytes(layout);
  if (!total.ok()) return total.status();
  RebuildProgress done;
  done.bytes_total = *total;
  uint64_t uncommitted = 0;
  absl::StatusOr<LogEnd> end = FeedIndex(layout, keys, index, [&](const Block& block) {
    const uint64_t size = block.end().offset() - block.position().offset();
    done.bytes_done += size;
    done.calls = index.calls_started();
    progress(done);
    uncommitted += size;
    if (uncommitted < kBytesPerCommit) return absl::OkStatus();
    uncommitted = 0;
    return index.Commit(Index::Extent::kRows);
  });
  if (!end.ok()) return end.status();
  if (absl::Status status = index.FinishRebuild(); !status.ok()) return status;
  return end->damage;
}

}  // namespace

absl::StatusOr<uint64_t> RebuildIndex(const std::string& directory, const std::optional<KeySource>& key_source,
                                      absl::FunctionRef<void(const RebuildProgress&)> progress) {
  const StoreLayout layout(directory);
  if (absl::Status status = CheckStore(layout); !status.ok()) return status;
  if (absl::Status status = CheckOwner(layout.LogDirectory()); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<StoreKeys>> keys =
      StoreKeys::Open(layout, key_source, StoreKeys::Access::kRead, RealFileSystem());
  if (!keys.ok()) return keys.status();
  absl::StatusOr<std::unique_ptr<FileLock>> owner = FileLock::Take(layout.OwnerLock(), FileLock::Wait::kNo);
  if (absl::IsFailedPrecondition(owner.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("a gateway writes ", directory, ": stop it before the index is made again"));
  }
  if (!owner.ok()) return owner.status();
  absl::StatusOr<std::unique_ptr<FileLock>> lock = FileLock::Take(layout.IndexLock(), FileLock::Wait::kYes);
  if (!lock.ok()) return lock.status();

  if (absl::Status status = RealFileSystem().EnsureDirectory(layout.IndexDirectory()); !status.ok()) return status;
  if (absl::Status status = Index::Remove(layout.RebuiltIndex()); !status.ok()) return status;
  uint64_t calls = 0;
  absl::Status damage;
  {
    absl::StatusOr<std::unique_ptr<Index>> index =
        Index::Open(layout.RebuiltIndex(), NameSealer::Of(**keys), Index::Purpose::kRebuild);
    if (!index.ok()) return index.status();
    absl::StatusOr<absl::Status> indexed = IndexLog(layout, **keys, **index, progress);
    if (!indexed.ok()) return indexed.status();
    damage = *std::move(indexed);
    absl::StatusOr<uint64_t> count = (*index)->CountCalls();
    if (!count.ok()) return count.status();
    calls = *count;
  }
  // The rebuilt one is closed, so all of it is in its one file, which nobody has synced yet.
  if (absl::Status status = SyncFile(layout.RebuiltIndex()); !status.ok()) return status;
  if (absl::Status status = Index::Remove(layout.Index()); !status.ok()) return status;
  if (rename(layout.RebuiltIndex().c_str(), layout.Index().c_str()) != 0) {
    return SystemError(errno, "renaming to", layout.Index());
  }
  if (absl::Status status = RealFileSystem().SyncDirectory(layout.IndexDirectory()); !status.ok()) return status;
  if (!damage.ok()) {
    return absl::DataLossError(absl::StrCat("the index was made again from what is readable (", calls,
                                            calls == 1 ? " call" : " calls", "), but ", std::string(damage.message())));
  }
  return calls;
}

}  // namespace sallyport::recorder
