#include "recorder/record_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "recorder/format/data_key_state.h"
#include "recorder/format/store_check.h"
#include "recorder/format/store_layout.h"
#include "recorder/index/catch_up.h"
#include "recorder/index/sqlite/sqlite_engine.h"
#include "recorder/log/call_chain.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/log/descriptor_archive.h"
#include "recorder/log/log_cursor.h"
#include "recorder/system/file.h"
#include "recorder/system/private_file.h"

namespace sallyport::recorder {
namespace {

constexpr uint64_t kMostUnindexedRead = 16 << 20;

absl::StatusOr<v1::Entry> ParseEntry(std::string_view bytes) {
  v1::Entry entry;
  if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("the log holds something that is no entry");
  }
  return entry;
}

// Follows the log with a cursor.
class CursorFollower : public LogFollower {
 public:
  explicit CursorFollower(LogCursor cursor) : cursor_(std::move(cursor)) {}

  absl::StatusOr<int> Poll(absl::FunctionRef<absl::Status(const v1::Entry&)> entry) override {
    int entries = 0;
    while (true) {
      absl::StatusOr<std::optional<Block>> block = cursor_.Next();
      if (!block.ok()) return block.status();
      if (!block->has_value()) return entries;
      if ((*block)->shredded) continue;
      const absl::Status status = ForEachEntry((*block)->body, [&](std::string_view bytes) {
        absl::StatusOr<v1::Entry> parsed = ParseEntry(bytes);
        if (!parsed.ok()) return parsed.status();
        ++entries;
        return entry(*parsed);
      });
      if (!status.ok()) return status;
    }
  }

 private:
  LogCursor cursor_;
};

class StoreReader : public RecordReader {
 public:
  StoreReader(const LogPlace& place, std::shared_ptr<StoreKeys> keys, std::unique_ptr<CallSearch> search,
              absl::Status log_health)
      : place_(place),
        keys_(std::move(keys)),
        search_(std::move(search)),
        index_(FileVersion::Of(place_.layout().Index())),
        log_health_(std::move(log_health)),
        chain_(place_, *keys_) {}

  absl::Status LogHealth() const override { return log_health_; }
  bool IsCurrent() const override {
    const absl::StatusOr<FileVersion> now = FileVersion::Of(place_.layout().Index());
    return index_.ok() && now.ok() && now->IsSameFileAs(*index_);
  }

  absl::StatusOr<std::vector<CallSummary>> Calls(const CallQuery& query) override {
    absl::StatusOr<OpenCalls> open_calls = WhatOpenCallsAre();
    if (!open_calls.ok()) return open_calls.status();
    return search_->Calls(query, *open_calls);
  }

  absl::StatusOr<std::vector<SessionSummary>> Sessions(const SessionQuery& query) override {
    return search_->Sessions(query);
  }

  absl::StatusOr<CallSummary> Call(uint64_t id) override {
    absl::StatusOr<OpenCalls> open_calls = WhatOpenCallsAre();
    if (!open_calls.ok()) return open_calls.status();
    absl::StatusOr<CallSummary> call = search_->Call(id, *open_calls);
    if (absl::IsNotFound(call.status())) return NoSuchCall(id);
    return call;
  }

  absl::StatusOr<bool> InScope(uint64_t id, const CallScope& scope) override { return search_->InScope(id, scope); }

  absl::StatusOr<CallCount> Count(const CallQuery& query, uint64_t most) override {
    absl::StatusOr<OpenCalls> open_calls = WhatOpenCallsAre();
    if (!open_calls.ok()) return open_calls.status();
    return search_->Count(query, *open_calls, most);
  }

  absl::StatusOr<std::vector<StatisticsSeries>> Statistics(const StatisticsQuery& query) override {
    absl::StatusOr<OpenCalls> open_calls = WhatOpenCallsAre();
    if (!open_calls.ok()) return open_calls.status();
    return search_->Statistics(query, *open_calls);
  }

  absl::StatusOr<std::vector<MethodSummary>> Methods(const CallQuery& query) override {
    absl::StatusOr<OpenCalls> open_calls = WhatOpenCallsAre();
    if (!open_calls.ok()) return open_calls.status();
    return search_->Methods(query, *open_calls);
  }

  absl::StatusOr<std::vector<Position>> CallBlocks(uint64_t id) override {
    absl::StatusOr<CallSearch::CallPlace> place = search_->Place(id);
    if (absl::IsNotFound(place.status())) return NoSuchCall(id);
    if (!place.ok()) return place.status();
    if (place->shredded) {
      return absl::FailedPreconditionError(
          absl::StrCat("call ", FormatId(id),
                       " is shredded: what held it, or a part of it, is destroyed and cannot be read any more"));
    }
    Position last = place->last;
    if (place->open) {
      absl::StatusOr<Position> later = LaterBlock(id, last, place->exact_to);
      if (!later.ok()) return later.status();
      last = *later;
    }
    return chain_.Blocks(id, last);
  }

  absl::Status ReadCall(uint64_t id, absl::FunctionRef<absl::Status(const v1::Entry&)> entry) override {
    absl::StatusOr<std::vector<Position>> blocks = CallBlocks(id);
    if (!blocks.ok()) return blocks.status();
    return chain_.ReadEntries(*blocks, [&](uint64_t call_id, std::string_view bytes) {
      if (call_id != id) return absl::OkStatus();
      absl::StatusOr<v1::Entry> parsed = ParseEntry(bytes);
      return parsed.ok() ? entry(*parsed) : parsed.status();
    });
  }

  absl::Status ReadBlocks(const std::vector<Position>& blocks, absl::FunctionRef<bool(uint64_t id)> wanted,
                          absl::FunctionRef<absl::Status(const v1::Entry&)> entry) override {
    return chain_.ReadEntries(blocks, [&](uint64_t call_id, std::string_view bytes) {
      if (!wanted(call_id)) return absl::OkStatus();
      absl::StatusOr<v1::Entry> parsed = ParseEntry(bytes);
      return parsed.ok() ? entry(*parsed) : parsed.status();
    });
  }

  absl::StatusOr<std::string> Descriptors(std::string_view version) override {
    return ReadDescriptors(place_.layout(), *keys_, version);
  }

  absl::StatusOr<StoreGaps> Gaps() override {
    StoreGaps gaps;
    if (absl::Status status = CountDestroyed(gaps); !status.ok()) return status;
    const absl::StatusOr<bool> damaged = search_->MissesDamaged();
    if (!damaged.ok()) return damaged.status();
    gaps.damaged = *damaged;
    absl::StatusOr<Position> indexed = search_->Progress();
    if (!indexed.ok()) return indexed.status();
    LogCursor cursor(place_, *keys_, *indexed);
    for (uint64_t bytes = 0; bytes < kMostUnindexedRead;) {
      absl::StatusOr<std::optional<Block>> block = cursor.Next();
      // Damage is told by whoever reads what is damaged.
      if (absl::IsDataLoss(block.status()) || (block.ok() && !block->has_value())) return gaps;
      if (!block.ok()) return block.status();
      bytes += (*block)->end().offset() - (*block)->position().offset();
      if ((*block)->shredded) continue;
      const absl::Status status = ForEachEntry((*block)->body, [&](std::string_view bytes_of_entry) {
        absl::StatusOr<v1::Entry> entry = ParseEntry(bytes_of_entry);
        if (!entry.ok()) return entry.status();
        gaps.unindexed_since =
            std::min(gaps.unindexed_since, absl::FromUnixNanos(static_cast<int64_t>(entry->time_ns())));
        if (entry->has_start()) ++gaps.unindexed_calls;
        return absl::OkStatus();
      });
      if (!status.ok()) return status;
    }
    gaps.more_unindexed = true;
    return gaps;
  }

  absl::StatusOr<std::unique_ptr<LogFollower>> Follow() override {
    absl::StatusOr<Position> indexed = search_->Progress();
    if (!indexed.ok()) return indexed.status();
    LogCursor cursor(place_, *keys_, *indexed);
    while (true) {
      absl::StatusOr<std::optional<Block>> block = cursor.Next();
      if (!block.ok()) return block.status();
      if (!block->has_value()) return std::make_unique<CursorFollower>(std::move(cursor));
    }
  }

 private:
  absl::Status CountDestroyed(StoreGaps& gaps) const {
    absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place_);
    if (!segments.ok()) return segments.status();
    for (const uint64_t segment : *segments) {
      const DataKeyState key = StateOfDataKey(place_.layout(), segment);
      gaps.shredded_segments += key == DataKeyState::kDestroyed ? 1 : 0;
      gaps.segments_without_key += key == DataKeyState::kMissing ? 1 : 0;
    }
    const absl::StatusOr<v1::Tombstone> tombstone = LoadTombstone(place_.layout());
    // A damaged copy is for `verify` to tell.
    if (!tombstone.ok()) return absl::IsDataLoss(tombstone.status()) ? absl::OkStatus() : tombstone.status();
    for (const v1::Tombstone::Range& range : tombstone->deleted()) {
      gaps.deleted_segments += range.last_segment() - range.first_segment() + 1;
    }
    if (!segments->empty()) gaps.missing_segments = segments->back() - segments->size();
    // A deletion that is not finished has deleted less.
    gaps.missing_segments -= std::min(gaps.missing_segments, gaps.deleted_segments);
    return absl::OkStatus();
  }

  absl::StatusOr<OpenCalls> WhatOpenCallsAre() const {
    absl::StatusOr<bool> held = FileLock::IsHeld(place_.layout().OwnerLock());
    if (!held.ok()) return held.status();
    return *held ? OpenCalls::kGoingOn : OpenCalls::kInterrupted;
  }

  static absl::Status NoSuchCall(uint64_t id) {
    return absl::NotFoundError(absl::StrCat("there is no call ", FormatId(id), " in this store"));
  }

  // The last block with entries of an open call, of which the index may know only an earlier one.
  absl::StatusOr<Position> LaterBlock(uint64_t id, Position last, Position exact_to) {
    LogCursor cursor(place_, *keys_, std::max(last, exact_to));
    while (true) {
      absl::StatusOr<std::optional<Block>> block = cursor.Next();
      if (!block.ok()) return block.status();
      if (!block->has_value()) return last;
      for (const DirectoryEntry& entry : (*block)->directory) {
        if (entry.call_id == id) last = (*block)->position();
      }
    }
  }

  const LogPlace place_;
  const std::shared_ptr<StoreKeys> keys_;
  const std::unique_ptr<CallSearch> search_;
  const absl::StatusOr<FileVersion> index_;  // when it was opened
  const absl::Status log_health_;
  CallChain chain_;
};

// Brings the index up to date, unless a gateway does that, or nobody but a reader of the directory is allowed to. The
// caller holds the index lock.
absl::StatusOr<absl::Status> CatchUpWhereNobodyDoes(const StoreLayout& layout, StoreKeys& keys, IndexEngine& engine) {
  absl::StatusOr<bool> owned = FileLock::IsHeld(layout.OwnerLock());
  if (!owned.ok()) return owned.status();
  if (*owned) return absl::Status();
  if (absl::Status status = RealFileSystem().EnsureDirectory(layout.IndexDirectory()); !status.ok()) return status;
  absl::StatusOr<CaughtUpIndex> caught_up = CatchUpIndex(layout, keys, engine);
  if (!caught_up.ok()) return caught_up.status();
  if (caught_up->index->unsaved()) {
    if (absl::Status status = caught_up->index->Save(CallIndex::Extent::kPositions); !status.ok()) return status;
  }
  return caught_up->log_end.damage;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordReader>> RecordReader::Open(const std::string& directory,
                                                                 const std::optional<KeySource>& key_source) {
  const StoreLayout layout(directory);
  if (absl::Status status = CheckStore(layout); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<StoreKeys>> keys = StoreKeys::Open(layout, key_source);
  if (!keys.ok()) return keys.status();
  return Open(directory, std::shared_ptr<StoreKeys>(*std::move(keys)));
}

absl::StatusOr<std::unique_ptr<RecordReader>> RecordReader::Open(const std::string& directory,
                                                                 std::shared_ptr<StoreKeys> keys) {
  const StoreLayout layout(directory);
  const std::unique_ptr<IndexEngine> engine = SqliteEngine(layout, NameSealer::Of(*keys));
  absl::Status log_health;
  // Files of another user's, such as root's, would keep the gateway from going on.
  const absl::Status owner = CheckOwner(layout.LogDirectory());
  // Held until the index is open, so that nobody puts another in its place meanwhile.
  absl::StatusOr<std::unique_ptr<FileLock>> lock = owner.ok() ? FileLock::Take(layout.IndexLock(), FileLock::Wait::kYes)
                                                              : absl::StatusOr<std::unique_ptr<FileLock>>(owner);
  if (lock.ok()) {
    absl::StatusOr<absl::Status> damage = CatchUpWhereNobodyDoes(layout, *keys, *engine);
    if (damage.ok()) {
      log_health = *std::move(damage);
    } else if (!absl::IsPermissionDenied(damage.status())) {
      return damage.status();
    }
  } else if (!absl::IsPermissionDenied(lock.status())) {
    return lock.status();
  }
  absl::StatusOr<std::unique_ptr<CallSearch>> search = engine->OpenSearch(IndexEngine::Access::kBesideWriter);
  if (!search.ok()) {
    absl::StatusOr<bool> owned = FileLock::IsHeld(layout.OwnerLock());
    if (owned.ok() && !*owned) search = engine->OpenSearch(IndexEngine::Access::kUnwritten);
  }
  if (!search.ok()) return search.status();
  return std::make_unique<StoreReader>(layout, std::move(keys), *std::move(search), std::move(log_health));
}

}  // namespace sallyport::recorder
