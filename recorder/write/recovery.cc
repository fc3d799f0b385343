#include "recorder/write/recovery.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/format/store_version.h"
#include "recorder/index/catch_up.h"
#include "recorder/index/index_feeder.h"
#include "recorder/index/sqlite/sqlite_engine.h"
#include "recorder/keys/key_admin.h"
#include "recorder/log/block.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/log/segment_reader.h"
#include "recorder/write/interrupted_calls.h"
#include "recorder/write/retention.h"
#include "recorder/write/store_repair.h"

namespace sallyport::recorder {
namespace {

absl::Status EnsureDirectories(const StoreLayout& layout, FileSystem& files) {
  for (const std::string& path :
       {layout.directory(), layout.LogDirectory(), layout.KeysDirectory(), layout.TreeDirectory(),
        layout.IndexDirectory(), layout.QuarantineDirectory(), layout.DescriptorsDirectory()}) {
    if (absl::Status status = files.EnsureDirectory(path); !status.ok()) return status;
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
absl::Status SetAside(const StoreLayout& layout, FileSystem& files, Position end, absl::Time now) {
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
  return ReplaceFile(files,
                     absl::StrCat(layout.QuarantineDirectory(), "/segment-", end.segment(), "-offset-", end.offset(),
                                  "-", absl::ToUnixMicros(now), ".torn"),
                     torn);
}

// Ends the last segment where its last valid block ends. Returns the footer's leaf.
absl::StatusOr<Hash> SealLastSegment(const LogPlace& place, StoreKeys& keys, FileSystem& files,
                                     const BlockBuilder::Place& end, absl::Time now) {
  const uint64_t number = end.position.segment();
  if (absl::Status status = SetAside(place.layout(), files, end.position, now); !status.ok()) return status;
  absl::StatusOr<SegmentReader> segment = SegmentReader::Open(place, keys, number);
  if (!segment.ok()) return segment.status();
  absl::StatusOr<std::unique_ptr<File>> file = files.Open(place.layout().Segment(number));
  if (!file.ok()) return file.status();
  // First the torn bytes go and then the footer comes, so that nothing ever follows a footer.
  if (absl::Status status = (*file)->Truncate(end.position.offset()); !status.ok()) return status;
  if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
  const PlainBlock footer = EncodeFooter(end, segment->header().first_sequence, now);
  if (absl::Status status = (*file)->Write(end.position.offset(), footer.bytes); !status.ok()) return status;
  if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
  place.segments().Seal(number);
  return footer.leaf;
}

// Segments before the last one are complete: their numbers follow each other, and each ends in its footer. Returns what
// is wrong with them.
absl::StatusOr<std::vector<absl::Status>> CheckEarlierSegments(const LogPlace& place, StoreKeys& keys,
                                                               const std::vector<uint64_t>& segments) {
  absl::StatusOr<v1::Tombstone> tombstone = LoadTombstone(place.layout());
  if (!tombstone.ok()) return tombstone.status();
  std::vector<absl::Status> damages;
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    for (uint64_t missing = segments[i] + 1; missing < segments[i + 1]; ++missing) {
      if (IsDeleted(*tombstone, missing)) continue;
      damages.push_back(absl::DataLossError(absl::StrCat("the log is damaged: segment ", missing, " is missing")));
      break;
    }
    absl::StatusOr<SegmentReader> segment = SegmentReader::Open(place, keys, segments[i]);
    absl::Status status = segment.ok() ? segment->ReadFooter().status() : segment.status();
    if (absl::IsDataLoss(status)) {
      damages.push_back(std::move(status));
    } else if (!status.ok()) {
      return status;
    }
  }
  return damages;
}

// Damage does not stop the gateway: what is damaged stays as it is, for whoever looks into it, nothing is ever written
// to it again, and everything else stays readable.
void ReportDamage(const absl::Status& damage) {
  spdlog::error(
      "{}. It is left as it is and nothing more is written to it; everything else stays readable. `sallyport verify` "
      "says what is affected",
      std::string(damage.message()));
}

// Lets everybody who can read the directory see by which key its checkpoints are verified.
absl::Status PublishVerifierKey(const StoreLayout& layout, FileSystem& files, const StoreKeys& keys) {
  absl::StatusOr<VerifierKey> key = CheckpointVerifierKey(keys.store_id(), keys.signing_key());
  if (!key.ok()) return key.status();
  const std::string text = key->Text() + "\n";
  absl::StatusOr<std::string> present = ReadWholeFile(layout.VerifierKey(), 1024);
  if (present.ok() && *present == text) return absl::OkStatus();
  return ReplaceFile(files, layout.VerifierKey(), text);
}

// Ends the last segment if that was not done, and says where the log goes on.
absl::StatusOr<LogWriter::Start> PrepareLog(const LogPlace& place, StoreKeys& keys, FileSystem& files,
                                            const std::vector<uint64_t>& segments, RecoveredTree& tree,
                                            absl::Time now) {
  LogWriter::Start start;
  start.first_sequence = tree.state.next_sequence;
  if (!segments.empty()) {
    const Position end = tree.log_end.end;
    // Not one that a checkpoint was signed over, even if it is gone.
    start.segment = std::max(segments.back() + 1, end.segment() + (end.offset() == 0 ? 0 : 1));
    if (end.segment() == segments.back()) {
      absl::StatusOr<Hash> footer =
          SealLastSegment(place, keys, files, {end, start.first_sequence, tree.state.range.end()}, now);
      if (!footer.ok()) return footer.status();
      tree.state.range.Append(*footer);
      tree.leaves.push_back(*footer);
    }
  }
  start.tree = tree.state.range;
  return start;
}

// Takes the locks, opens the keys, and makes whole what can be made from the rest. Nobody else looks at the index as
// long as the lock lives that is returned.
absl::StatusOr<std::unique_ptr<FileLock>> OpenToWrite(const RecorderOptions& options, FileSystem& files,
                                                      RecoveredStore& store) {
  const StoreLayout& layout = store.place.layout();
  // First of all: what a newer program wrote is not touched.
  if (absl::Status status = CheckStoreVersion(layout); !status.ok()) return status;
  if (absl::Status status = EnsureDirectories(layout, files); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<FileLock>> owner_lock = TakeOwnerLock(layout);
  if (!owner_lock.ok()) return owner_lock.status();
  store.owner_lock = *std::move(owner_lock);
  // A reader may be catching up the index; it will be done soon. Later ones see the owner's lock and leave the index
  // alone.
  absl::StatusOr<std::unique_ptr<FileLock>> index_lock = FileLock::Take(layout.IndexLock(), FileLock::Wait::kYes);
  if (!index_lock.ok()) return index_lock.status();
  if (absl::Status status = CheckIndexVersion(layout); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<StoreKeys>> keys = StoreKeys::OpenOrCreate(layout, options.keys, files, options.now());
  if (!keys.ok()) return keys.status();
  store.keys = *std::move(keys);
  store.engine = SqliteEngine(layout, NameSealer::Of(*store.keys));
  if (absl::Status status = RepairStore(store.place, *store.keys, *store.engine, files); !status.ok()) return status;
  if (absl::Status status = FinishShredding(layout, files); !status.ok()) return status;
  if (absl::Status status = PublishVerifierKey(layout, files, *store.keys); !status.ok()) return status;
  store.fingerprint = std::make_unique<CredentialFingerprint>(store.keys->Derive("fingerprints"));
  return index_lock;
}

// Finishes a deletion that was under way: where the log has its tombstone, that is its promise.
absl::Status FinishDeletionUnderWay(const RecoveredTree& tree, FileSystem& files, RecoveredStore& store) {
  const StoreLayout& layout = store.place.layout();
  if (tree.last_tombstone.has_value()) {
    if (absl::Status status = KeepTombstone(layout, files, *tree.last_tombstone); !status.ok()) return status;
  }
  absl::StatusOr<v1::Tombstone> tombstone = LoadTombstone(layout);
  if (!tombstone.ok()) return tombstone.status();
  return FinishDeletion(store.place, files, *tombstone,
                        [&](const std::vector<uint64_t>& left, absl::FunctionRef<bool(uint64_t)> is_deleted) {
                          return ForgetSegments(store.place, *store.keys, *store.index, left, is_deleted);
                        });
}

// Tells each damage once.
void ReportDamages(std::vector<absl::Status> damages, const RecoveredTree& tree, const CaughtUpIndex& caught_up,
                   RecoveredStore& store) {
  for (const absl::Status& damage : {tree.log_end.damage, caught_up.log_end.damage}) {
    if (!damage.ok() && std::find(damages.begin(), damages.end(), damage) == damages.end()) damages.push_back(damage);
  }
  for (const absl::Status& damage : damages) ReportDamage(damage);
  store.damages = damages.size();
}

// Begins the next segment, and in it ends the calls that nobody ended.
absl::Status OpenLog(const RecorderOptions& options, LogWriter::Start start, FileSystem& files, absl::Time now,
                     RecoveredStore& store) {
  start.open_calls = store.index->OpenCalls();
  LogWriter::Options log_options;
  log_options.segment_bytes = options.segment_bytes;
  log_options.smallest_part = options.smallest_part;
  log_options.space_ahead = SpaceAhead(options);
  store.log = std::make_unique<LogWriter>(store.place, log_options, files, *store.keys, std::move(start));
  if (absl::Status status = store.log->Open(now); !status.ok()) return status;
  absl::StatusOr<std::optional<WrittenBlock>> ends =
      EndInterruptedCalls(store.place, *store.keys, store.log->open_calls(), *store.fingerprint, now, *store.log);
  if (!ends.ok()) return ends.status();
  if (ends->has_value()) {
    const WrittenBlock& block = **ends;
    absl::Status status =
        store.index->Apply(block.position, block.end, block.next_sequence, block.directory, block.body);
    if (!status.ok()) return status;
  }
  if (absl::Status status = store.index->Save(CallIndex::Extent::kPositions); !status.ok()) return status;
  absl::StatusOr<uint64_t> largest_id = store.index->LargestId();
  if (!largest_id.ok()) return largest_id.status();
  store.largest_id = *largest_id;
  return absl::OkStatus();
}

// Signs the log as it is before anything is served: from now on no start can take another tree of this size for the
// log's. `at` is where the last checkpoint stands.
absl::Status SignBeforeServing(const RecorderOptions& options, TreeState at, RecoveredTree& tree, FileSystem& files,
                               RecoveredStore& store) {
  at.range = tree.base;
  Checkpointer::Options checkpoints;
  checkpoints.interval = options.checkpoint_interval;
  checkpoints.blocks = options.checkpoint_blocks;
  checkpoints.sinks = options.checkpoint_sinks;
  absl::StatusOr<std::unique_ptr<Checkpointer>> checkpointer =
      Checkpointer::Start(store.place.layout(), *store.keys, files, std::move(checkpoints), at);
  if (!checkpointer.ok()) return checkpointer.status();
  store.checkpointer = *std::move(checkpointer);
  for (const Hash& leaf : store.log->TakeLeaves()) tree.leaves.push_back(leaf);
  store.checkpointer->Advance(tree.leaves, {store.log->tree(), store.log->end(), store.log->next_sequence()});
  return store.checkpointer->Flush();
}

}  // namespace

absl::StatusOr<RecoveredStore> RecoverStore(const RecorderOptions& options, FileSystem& files) {
  const StoreLayout layout(options.directory);
  const LogPlace place(layout, files);
  const absl::Time now = options.now();
  RecoveredStore store(place);
  const absl::StatusOr<std::unique_ptr<FileLock>> index_lock = OpenToWrite(options, files, store);
  if (!index_lock.ok()) return index_lock.status();

  absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place);
  if (!segments.ok()) return segments.status();
  absl::StatusOr<std::vector<absl::Status>> damages = CheckEarlierSegments(place, *store.keys, *segments);
  if (!damages.ok()) return damages.status();
  absl::StatusOr<std::optional<TreeState>> persisted = LoadTreeState(layout, *store.keys);
  if (!persisted.ok()) return persisted.status();
  absl::StatusOr<RecoveredTree> tree = RecoverTree(place, *store.keys, *persisted);
  if (!tree.ok()) return tree.status();
  absl::StatusOr<CaughtUpIndex> caught_up = CatchUpIndex(place, *store.keys, *store.engine);
  if (!caught_up.ok()) return caught_up.status();
  store.index = std::move(caught_up->index);
  if (absl::Status status = FinishDeletionUnderWay(*tree, files, store); !status.ok()) return status;
  ReportDamages(*std::move(damages), *tree, *caught_up, store);

  tree->state.next_sequence = std::max(tree->state.next_sequence, store.index->next_sequence());
  absl::StatusOr<LogWriter::Start> start = PrepareLog(place, *store.keys, files, *segments, *tree, now);
  if (!start.ok()) return start.status();
  if (absl::Status status = OpenLog(options, *std::move(start), files, now, store); !status.ok()) return status;
  const absl::Status signed_now = SignBeforeServing(options, persisted->value_or(TreeState()), *tree, files, store);
  if (!signed_now.ok()) return signed_now;
  return store;
}

absl::StatusOr<std::unique_ptr<Recorder>> OpenLogRecorder(const RecorderOptions& options, FileSystem& files) {
  absl::StatusOr<RecoveredStore> store = RecoverStore(options, files);
  if (!store.ok()) return store.status();
  return std::make_unique<LogRecorder>(options, files, *std::move(store));
}

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Open(const RecorderOptions& options) {
  return OpenLogRecorder(options, RealFileSystem());
}

}  // namespace sallyport::recorder
