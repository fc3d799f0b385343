// The part of SqliteIndex that deals with calls of which something was shredded or deleted.
#include <algorithm>

#include "recorder/format/call_columns.h"
#include "recorder/format/index_schema.h"
#include "recorder/index/sqlite/sqlite_index.h"

namespace sallyport::recorder {

absl::Status SqliteIndex::ApplyShredded(Position position, Position end, uint64_t next_sequence,
                                        absl::Span<const DirectoryEntry> directory) {
  if (absl::Status status = BeginIfNeeded(); !status.ok()) return status;
  // If earlier blocks of the segment were applied when they could be read, it has yet to be scrubbed.
  if (position_.segment() != position.segment() || position_.offset() <= kSegmentHeaderSize) {
    add_scrubbed_.Bind(1, position.segment());
    if (absl::Status status = add_scrubbed_.Run(); !status.ok()) return status;
  }
  for (const DirectoryEntry& entry : directory) {
    if (absl::Status status = ShredCall(entry.call_id, position); !status.ok()) return status;
  }
  position_ = end;
  next_sequence_ = next_sequence;
  return BoundMemory();
}

absl::Status SqliteIndex::NoteDamage() {
  return database_->Execute(absl::StrCat("PRAGMA user_version = ", kMissesDamaged));
}

void SqliteIndex::ApplyDeleted(uint64_t first_segment, uint64_t last_segment) {
  gaps_.emplace_back(first_segment, last_segment);
}

bool SqliteIndex::IsInGap(uint64_t segment) const {
  return std::any_of(gaps_.begin(), gaps_.end(),
                     [&](const auto& gap) { return segment >= gap.first && segment <= gap.second; });
}

absl::Status SqliteIndex::ApplyToDestroyed(Position position, absl::Span<const DirectoryEntry> directory) {
  for (const DirectoryEntry& entry : directory) {
    const bool lost_block = !gaps_.empty() && entry.previous.set() && IsInGap(entry.previous.segment());
    absl::Status status;
    if (lost_block && open_.contains(entry.call_id)) {
      status = ShredCall(entry.call_id, position);
    } else if (!SetPosition(position, entry) && entry.previous.set()) {
      status = ContinueUnknown(entry.call_id, position);
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqliteIndex::ContinueUnknown(uint64_t id, Position position) {
  if (absl::Status status = rows_->Flush(); !status.ok()) return status;
  CallRow row;
  const absl::StatusOr<bool> known = rows_->Find(id, row);
  if (!known.ok()) return known.status();
  // A call that ended and nevertheless goes on.
  if (*known && row.end_reason != kShredded) return absl::OkStatus();
  return ShredCall(id, position);
}

absl::Status SqliteIndex::ScrubBlock(Position position, absl::Span<const DirectoryEntry> directory) {
  if (absl::Status status = BeginIfNeeded(); !status.ok()) return status;
  for (const DirectoryEntry& entry : directory) {
    if (absl::Status status = ShredCall(entry.call_id, position); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqliteIndex::FinishScrub(uint64_t segment) {
  if (absl::Status status = BeginIfNeeded(); !status.ok()) return status;
  add_scrubbed_.Bind(1, segment);
  if (absl::Status status = add_scrubbed_.Run(); !status.ok()) return status;
  return FinishForget();
}

absl::StatusOr<bool> SqliteIndex::IsScrubbed(uint64_t segment) {
  int64_t found = 0;
  find_scrubbed_.Bind(1, segment);
  return find_scrubbed_.RunForInteger(found);
}

absl::Status SqliteIndex::ShredCall(uint64_t id, Position position) {
  // Now every call that is known has a row, but for sessions, whose changes are written in order.
  if (absl::Status status = WriteOpenRows(); !status.ok()) return status;
  if (const auto open = open_.find(id); open != open_.end()) {
    position = std::max(position, PositionOf(open->second.row));
    open_.erase(open);
  }
  CallRow row;
  const absl::StatusOr<bool> known = rows_->Find(id, row);
  if (!known.ok()) return known.status();
  ++unsaved_rows_;
  if (!*known) return rows_->Shred(id, position.segment(), position);
  position = std::max(position, PositionOf(row));
  if (row.end_reason != kShredded) return ReplaceByShredded(id, row, position);
  return position == PositionOf(row) ? absl::OkStatus() : rows_->SetPosition(id, position);
}

absl::Status SqliteIndex::ReplaceByShredded(uint64_t id, const CallRow& row, Position position) {
  if (row.end_reason != kShredded) ReleaseNames(row);
  return rows_->Shred(id, static_cast<uint64_t>(row.first_segment), position);
}

void SqliteIndex::ReleaseNames(const CallRow& row) {
  for (int64_t name : NamesOf(row)) names_->Release(name);
  if (row.session != 0) sessions_->Lose(static_cast<uint64_t>(row.session));
}

absl::Status SqliteIndex::ForgetBlock(Position /*position*/, absl::Span<const DirectoryEntry> directory,
                                      absl::FunctionRef<bool(uint64_t segment)> is_deleted) {
  if (absl::Status status = BeginIfNeeded(); !status.ok()) return status;
  if (absl::Status status = WriteOpenRows(); !status.ok()) return status;
  for (const DirectoryEntry& entry : directory) {
    if (absl::Status status = ForgetCall(entry, is_deleted); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqliteIndex::ForgetCall(const DirectoryEntry& entry, absl::FunctionRef<bool(uint64_t)> is_deleted) {
  const uint64_t id = entry.call_id;
  CallRow row;
  const absl::StatusOr<bool> known = rows_->Find(id, row);
  if (!known.ok() || !*known) return known.status();
  if (const auto open = open_.find(id); open != open_.end()) {
    SetPositionOf(row, std::max(PositionOf(row), PositionOf(open->second.row)));
    open_.erase(open);
  }
  ++unsaved_rows_;
  const bool later_is_left = !is_deleted(PositionOf(row).segment());
  if (later_is_left) return ReplaceByShredded(id, row, PositionOf(row));
  // The first deleted block of the call that comes here names the last one that is left.
  if (entry.previous.set() && !is_deleted(entry.previous.segment())) {
    return ReplaceByShredded(id, row, entry.previous);
  }
  if (row.end_reason != kShredded) ReleaseNames(row);
  return rows_->Remove(id);
}

absl::Status SqliteIndex::ForgetScrub(uint64_t segment) {
  if (absl::Status status = BeginIfNeeded(); !status.ok()) return status;
  forget_scrubbed_.Bind(1, segment);
  return forget_scrubbed_.Run();
}

absl::Status SqliteIndex::FinishForget() {
  if (absl::Status status = Save(Extent::kPositions); !status.ok()) return status;
  empty_write_ahead_log_ = true;
  return MoveWriteAheadLog();
}

absl::Status SqliteIndex::FinishRebuild() {
  // A call that was open where segments are missing and never came back ended in them.
  std::vector<std::pair<uint64_t, Position>> lost;
  for (const auto& [id, call] : open_) {
    const uint64_t last = PositionOf(call.row).segment();
    if (std::any_of(gaps_.begin(), gaps_.end(), [&](const auto& gap) { return gap.first > last; })) {
      lost.emplace_back(id, PositionOf(call.row));
    }
  }
  for (const auto& [id, position] : lost) {
    if (absl::Status status = BeginIfNeeded(); !status.ok()) return status;
    if (absl::Status status = ShredCall(id, position); !status.ok()) return status;
  }
  if (absl::Status status = Save(Extent::kPositions); !status.ok()) return status;
  return database_->Execute("PRAGMA locking_mode=NORMAL; PRAGMA journal_mode=WAL;");
}

}  // namespace sallyport::recorder
