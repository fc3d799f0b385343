#include "recorder/rebuild.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/format/store_check.h"
#include "recorder/format/store_layout.h"
#include "recorder/index/index_feeder.h"
#include "recorder/index/sqlite/sqlite_engine.h"
#include "recorder/keys/store_keys.h"
#include "recorder/log/log_scan.h"
#include "recorder/log/segment_reader.h"
#include "recorder/system/file.h"
#include "recorder/system/private_file.h"

namespace sallyport::recorder {
namespace {

// After so many bytes of log a transaction ends, so that it stays small.
constexpr uint64_t kBytesPerSave = 64 << 20;

absl::StatusOr<uint64_t> LogBytes(const LogPlace& place) {
  absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place);
  if (!segments.ok()) return segments.status();
  uint64_t bytes = 0;
  for (uint64_t number : *segments) {
    absl::StatusOr<std::unique_ptr<SegmentBytes>> segment = place.segments().Open(number);
    if (!segment.ok()) return segment.status();
    absl::StatusOr<uint64_t> size = (*segment)->Size();
    if (!size.ok()) return size.status();
    bytes += *size;
  }
  return bytes;
}

// Feeds the whole log to the index. Returns the first damage met.
absl::StatusOr<absl::Status> IndexLog(const LogPlace& place, StoreKeys& keys, CallIndex& index,
                                      absl::FunctionRef<void(const RebuildProgress&)> progress) {
  absl::StatusOr<uint64_t> total = LogBytes(place);
  if (!total.ok()) return total.status();
  RebuildProgress done;
  done.bytes_total = *total;
  uint64_t unsaved = 0;
  absl::StatusOr<LogEnd> end = FeedIndex(place, keys, index, [&](const Block& block) {
    const uint64_t size = block.end().offset() - block.position().offset();
    done.bytes_done += size;
    done.calls = index.calls_started();
    progress(done);
    unsaved += size;
    if (unsaved < kBytesPerSave) return absl::OkStatus();
    unsaved = 0;
    return index.Save(CallIndex::Extent::kRows);
  });
  if (!end.ok()) return end.status();
  if (absl::Status status = index.Save(CallIndex::Extent::kPositions); !status.ok()) return status;
  return end->damage;
}

}  // namespace

absl::StatusOr<uint64_t> RebuildIndex(const std::string& directory, const std::optional<KeySource>& key_source,
                                      absl::FunctionRef<void(const RebuildProgress&)> progress) {
  const StoreLayout layout(directory);
  if (absl::Status status = CheckStore(layout); !status.ok()) return status;
  if (absl::Status status = CheckOwner(layout.LogDirectory()); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<StoreKeys>> keys = StoreKeys::Open(layout, key_source);
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
  const std::unique_ptr<IndexEngine> engine = SqliteEngine(layout, NameSealer::Of(**keys));
  absl::StatusOr<std::unique_ptr<CallIndex>> index = engine->BeginRebuild();
  if (!index.ok()) return index.status();
  absl::StatusOr<absl::Status> indexed = IndexLog(layout, **keys, **index, progress);
  if (!indexed.ok()) return indexed.status();
  const absl::Status damage = *std::move(indexed);
  absl::StatusOr<uint64_t> count = (*index)->CountCalls();
  if (!count.ok()) return count.status();
  const uint64_t calls = *count;
  if (absl::Status status = engine->FinishRebuild(*std::move(index)); !status.ok()) return status;
  if (!damage.ok()) {
    return absl::DataLossError(absl::StrCat("the index was made again from what is readable (", calls,
                                            calls == 1 ? " call" : " calls", "), but ", std::string(damage.message())));
  }
  return calls;
}

}  // namespace sallyport::recorder
