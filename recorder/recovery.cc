#include "recorder/recovery.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/interrupted_calls.h"
#include "recorder/log/block.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::recorder {
namespace {

absl::Status EnsureDirectories(const StoreLayout& layout) {
  for (const std::string& path : {layout.directory(), layout.LogDirectory(), layout.IndexDirectory(),
                                  layout.QuarantineDirectory(), layout.DescriptorsDirectory()}) {
    if (absl::Status status = EnsureDirectory(path); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FileLock>> TakeOwnerLock(const StoreLayout& layout) {
  absl::StatusOr<std::unique_ptr<FileLock>> lock = FileLock::Take(layout.OwnerLock(), FileLock::Wait::kNo);
  if (absl::IsFailedPrecondition(lock.status())) {
    return absl::FailedPreconditionError(absl::StrCat("another gateway writes ", layout.directory(),
                                                      ": stop it, or give this one a data directory of its own"));
  }
  return lock;
}

// Whether the index can be right about how far it has come.
absl::StatusOr<bool> IsWithinLog(const StoreLayout& layout, Position position) {
  if (!position.set()) return true;
  absl::StatusOr<SegmentReader> segment = SegmentReader::Open(layout, position.segment());
  if (absl::IsNotFound(segment.status()) || absl::IsOutOfRange(segment.status())) return false;
  if (absl::IsDataLoss(segment.status())) return true;  // damage, which the scan names
  if (!segment.ok()) return segment.status();
  absl::StatusOr<uint64_t> size = segment->Size();
  if (!size.ok()) return size.status();
  return position.offset() <= *size;
}

// Gives open calls their last blocks, where the rows are behind.
absl::Status CorrectPositions(const StoreLayout& layout, Index& index) {
  if (index.positions_exact_to() >= index.position()) return absl::OkStatus();
  const absl::Status done = absl::CancelledError("done");
  absl::StatusOr<LogEnd> scanned =
      ScanLog(layout, index.positions_exact_to(), OnDamage::kSkip, [&](const Block& block) {
        if (block.position() >= index.position()) return done;
        index.ApplyDirectory(block.position(), block.directory);
        return absl::OkStatus();
      });
  return scanned.ok() || scanned.status() == done ? absl::OkStatus() : scanned.status();
}

absl::StatusOr<bool> IsAllZero(const ReadableFile& file, uint64_t from, uint64_t to) {
  std::string chunk(1 << 20, '\0');
  while (from < to) {
    absl::StatusOr<size_t> got = file.Read(from, std::min<uint64_t>(chunk.size(), to - from), chunk.data());
    if (!got.ok()) return got.status();
    if (*got == 0) return true;
    if (!std::all_of(chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(*got), [](char c) { return c == 0; })) {
      return false;
    }
    from += *got;
  }
  return true;
}

// Copies what is behind `end` in its segment into the quarantine, unless it is only space taken ahead.
absl::Status SetAside(const StoreLayout& layout, Position end, absl::Time now) {
  absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout.Segment(end.segment()));
  if (!file.ok()) return file.status();
  absl::StatusOr<uint64_t> size = file->Size();
  if (!size.ok()) return size.status();
  absl::StatusOr<bool> zero = IsAllZero(*file, end.offset(), *size);
  if (!zero.ok() || *zero) return zero.status();
  std::string torn(*size - end.offset(), '\0');
  absl::StatusOr<size_t> got = file->Read(end.offset(), torn.size(), torn.data());
  if (!got.ok()) return got.status();
  torn.resize(*got);
  return ReplaceFile(absl::StrCat(layout.QuarantineDirectory(), "/segment-", end.segment(), "-offset-", end.offset(),
                                  "-", absl::ToUnixMicros(now), ".torn"),
                     torn);
}

// Ends the last segment where its last valid block ends.
absl::Status SealLastSegment(const StoreLayout& layout, const LogEnd& log_end, absl::Time now) {
  const Position end = log_end.end;
  const std::string path = layout.Segment(end.segment());
  if (!log_end.torn.ok()) {
    if (absl::Status status = SetAside(layout, end, now); !status.ok()) return status;
  }
  if (end.offset() == 0) {
    // Stopped before even the header was written.
    if (unlink(path.c_str()) != 0) return SystemError(errno, "removing", path);
    return SyncDirectory(layout.LogDirectory());
  }
  absl::StatusOr<SegmentReader> segment = SegmentReader::Open(layout, end.segment());
  if (!segment.ok()) return segment.status();
  absl::StatusOr<std::unique_ptr<File>> file = OpenFile(path);
  if (!file.ok()) return file.status();
  if (absl::Status status = (*file)->Truncate(end.offset()); !status.ok()) return status;
  std::string footer = EncodeFooter(end, segment->header().first_sequence, *log_end.next_sequence, now);
  if (absl::Status status = (*file)->Write(end.offset(), footer); !status.ok()) return status;
  return (*file)->Sync();
}

// Segments before the last one are complete: their numbers follow each other, and each ends in its footer.
absl::Status CheckEarlierSegments(const StoreLayout& layout, const std::vector<uint64_t>& segments) {
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    if (segments[i + 1] != segments[i] + 1) {
      return absl::DataLossError(
          absl::StrCat("the log is damaged: segment ", segments[i] + 1, " is missing from ", layout.LogDirectory()));
    }
    absl::StatusOr<SegmentReader> segment = SegmentReader::Open(layout, segments[i]);
    if (absl::IsOutOfRange(segment.status())) return absl::DataLossError(segment.status().message());
    if (!segment.ok()) return segment.status();
    if (absl::Status status = segment->CheckFooter(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StoreId> FindStoreId(const StoreLayout& layout) {
  absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(layout);
  if (!segments.ok()) return segments.status();
  for (uint64_t number : *segments) {
    absl::StatusOr<SegmentReader> segment = SegmentReader::Open(layout, number);
    if (segment.ok()) return segment->header().store_id;
    if (!absl::IsDataLoss(segment.status()) && !absl::IsOutOfRange(segment.status())) return segment.status();
  }
  StoreId fresh;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(fresh.data()), static_cast<int>(fresh.size())) != 1) {
    return absl::InternalError("no random bytes to be had for the store's id");
  }
  return fresh;
}

absl::StatusOr<CaughtUpIndex> CatchUpIndex(const StoreLayout& layout, const StoreId& store_id, OnDamage on_damage) {
  absl::StatusOr<std::unique_ptr<Index>> index = Index::Open(layout.Index(), store_id);
  if (index.ok()) {
    absl::StatusOr<bool> within = IsWithinLog(layout, (*index)->position());
    if (!within.ok()) return within.status();
    if (!*within) index = absl::DataLossError("the index knows more than the log");
  }
  if (absl::IsDataLoss(index.status())) {
    if (absl::Status status = Index::Remove(layout.Index()); !status.ok()) return status;
    index = Index::Open(layout.Index(), store_id);
  }
  if (!index.ok()) return index.status();
  if (absl::Status status = CorrectPositions(layout, **index); !status.ok()) return status;
  absl::StatusOr<LogEnd> log_end = ScanLog(layout, (*index)->position(), on_damage, [&](const Block& block) {
    return (*index)->Apply(block.position(), block.end(), block.next_sequence(), block.directory, block.body);
  });
  if (!log_end.ok()) return log_end.status();
  return CaughtUpIndex{*std::move(index), *std::move(log_end)};
}

absl::StatusOr<RecoveredStore> RecoverStore(const RecorderOptions& options, FileCreator create_file) {
  const StoreLayout layout(options.directory);
  const absl::Time now = absl::Now();
  RecoveredStore store;
  if (absl::Status status = EnsureDirectories(layout); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<FileLock>> owner_lock = TakeOwnerLock(layout);
  if (!owner_lock.ok()) return owner_lock.status();
  store.owner_lock = *std::move(owner_lock);
  // A reader may be catching up the index; it will be done soon. Later ones see the owner's lock and leave the index
  // alone.
  absl::StatusOr<std::unique_ptr<FileLock>> index_lock = FileLock::Take(layout.IndexLock(), FileLock::Wait::kYes);
  if (!index_lock.ok()) return index_lock.status();
  absl::StatusOr<std::unique_ptr<CredentialFingerprint>> fingerprint =
      CredentialFingerprint::Open(layout.FingerprintKey());
  if (!fingerprint.ok()) return fingerprint.status();
  store.fingerprint = *std::move(fingerprint);

  absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(layout);
  if (!segments.ok()) return segments.status();
  if (absl::Status status = CheckEarlierSegments(layout, *segments); !status.ok()) return status;
  absl::StatusOr<StoreId> store_id = FindStoreId(layout);
  if (!store_id.ok()) return store_id.status();
  absl::StatusOr<CaughtUpIndex> caught_up = CatchUpIndex(layout, *store_id, OnDamage::kStop);
  if (!caught_up.ok()) return caught_up.status();
  const LogEnd& log_end = caught_up->log_end;
  if (!log_end.damage.ok()) return log_end.damage;
  store.index = std::move(caught_up->index);

  LogWriter::Start start;
  start.store_id = *store_id;
  start.first_sequence = log_end.next_sequence.value_or(store.index->next_sequence());
  start.open_calls = store.index->OpenCalls();
  if (!segments->empty()) {
    start.segment = segments->back() + 1;
    if (log_end.end.segment() == segments->back()) {
      if (log_end.end.offset() == 0) start.segment = segments->back();
      LogEnd sealed = log_end;
      sealed.next_sequence = start.first_sequence;
      if (absl::Status status = SealLastSegment(layout, sealed, now); !status.ok()) return status;
    }
  }
  store.log = std::make_unique<LogWriter>(layout, options.segment_bytes, std::move(create_file), std::move(start));
  if (absl::Status status = store.log->Open(now); !status.ok()) return status;
  absl::StatusOr<std::optional<WrittenBlock>> ends =
      EndInterruptedCalls(layout, store.index->OpenCalls(), *store.fingerprint, now, *store.log);
  if (!ends.ok()) return ends.status();
  if (ends->has_value()) {
    const WrittenBlock& block = **ends;
    absl::Status status =
        store.index->Apply(block.position, block.end, block.next_sequence, block.directory, block.body);
    if (!status.ok()) return status;
  }
  if (absl::Status status = store.index->Commit(Index::Extent::kPositions); !status.ok()) return status;
  absl::StatusOr<uint64_t> largest_id = store.index->LargestId();
  if (!largest_id.ok()) return largest_id.status();
  store.largest_id = *largest_id;
  return store;
}

absl::StatusOr<std::unique_ptr<Recorder>> OpenLogRecorder(const RecorderOptions& options, FileCreator create_file) {
  absl::StatusOr<RecoveredStore> store = RecoverStore(options, std::move(create_file));
  if (!store.ok()) return store.status();
  return std::make_unique<LogRecorder>(options, *std::move(store));
}

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Open(const RecorderOptions& options) {
  return OpenLogRecorder(options, CreateFile);
}

}  // namespace sallyport::recorder
