#include "gateway/operations/events/event_log.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "recorder/log/log_scan.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::gateway {

using recorder::Block;
using recorder::Position;

absl::StatusOr<EventCursor> EventLog::Newest(const recorder::LogPlace& place, recorder::StoreKeys& keys) {
  absl::StatusOr<std::vector<uint64_t>> segments = recorder::ListSegments(place);
  if (!segments.ok()) return segments.status();
  EventCursor end;
  if (segments->empty()) return end;
  // The last segment says what comes before it.
  const Position from(segments->back(), recorder::kSegmentHeaderSize);
  absl::StatusOr<recorder::LogEnd> scanned = recorder::ScanEntries(place, keys, from, recorder::OnDamage::kSkip,
                                                                   [](const Block&) { return absl::OkStatus(); });
  if (!scanned.ok()) return scanned.status();
  end.block = scanned->end;
  end.next_sequence = scanned->next_sequence.value_or(0);
  return end;
}

EventLog::EventLog(const recorder::LogPlace& place, recorder::StoreKeys& keys, const EventCursor& from)
    : place_(place), keys_(keys), log_(std::in_place, place, keys, from.block) {
  MoveTo(from);
}

void EventLog::MoveTo(const EventCursor& cursor) {
  log_.emplace(place_, keys_, cursor.block);
  next_sequence_ = cursor.next_sequence;
  knows_sequence_ = cursor.block.set();
  mid_sequence_ = cursor.next_sequence;
  missing_ = LogGap::Why::kDeleted;
  begins_at_ = 0;
  block_.reset();
  taken_ = 0;
}

EventCursor EventLog::cursor() const {
  // Nothing has been read: the number of the first entry is not known yet.
  if (!knows_sequence_) return Oldest();
  if (block_.has_value()) return {block_->position(), block_->header.first_sequence + taken_};
  return {log_->position(), next_sequence_};
}

absl::StatusOr<bool> EventLog::Read(EventLogReader& reader) {
  while (true) {
    if (!block_.has_value()) {
      absl::StatusOr<std::optional<Block>> next = NextBlock();
      if (!next.ok()) return next.status();
      if (!next->has_value()) return TellGapBeforeEnd(reader);
      block_ = **std::move(next);
      taken_ = 0;
      const bool more = TellGap(*block_, reader);
      if (!more) return false;
    }
    absl::StatusOr<bool> more = ReadBlock(reader);
    if (!more.ok() || !*more) return more;
  }
}

bool EventLog::TellGap(const Block& block, EventLogReader& reader) {
  const uint64_t first = block.header.first_sequence;
  const uint64_t expected = std::exchange(next_sequence_, first);
  const uint64_t middle = std::exchange(mid_sequence_, 0);
  const bool known = std::exchange(knows_sequence_, true);
  const LogGap::Why why = std::exchange(missing_, LogGap::Why::kDeleted);
  begins_at_ = 0;
  if (!known || expected == first) return true;
  if (expected > first) {
    // The cursor stands within this block; else somebody has put another log, or an older one, in this one's place.
    if (middle == expected && expected <= block.next_sequence()) {
      taken_ = expected - first;
      return true;
    }
    return reader.OnGap({LogGap::Why::kSetBack, first, 0});
  }
  return reader.OnGap({why, expected, first - expected});
}

bool EventLog::TellGapBeforeEnd(EventLogReader& reader) {
  const uint64_t first = std::exchange(begins_at_, 0);
  if (!knows_sequence_ || next_sequence_ >= first) return true;
  const uint64_t expected = std::exchange(next_sequence_, first);
  const LogGap::Why why = std::exchange(missing_, LogGap::Why::kDeleted);
  return reader.OnGap({why, expected, first - expected});
}

absl::StatusOr<bool> EventLog::ReadBlock(EventLogReader& reader) {
  const Block& block = *block_;
  bool more = true;
  if (block.shredded) {
    const LogGap gap{LogGap::Why::kShredded, block.header.first_sequence + taken_, block.header.entries - taken_};
    if (gap.entries > 0) more = reader.OnGap(gap);
  } else {
    const absl::Status enough = absl::CancelledError("enough");
    uint64_t seen = 0;
    v1::Entry entry;
    const absl::Status status = recorder::ForEachEntry(block.body, [&](std::string_view bytes) {
      if (seen++ < taken_) return absl::OkStatus();
      if (!more) return enough;
      ++taken_;
      more = entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))
                 ? reader.OnEntry(entry)
                 : reader.OnGap({LogGap::Why::kDamaged, block.header.first_sequence + taken_ - 1, 1});
      return absl::OkStatus();
    });
    if (status == enough) return false;
    // Lengths that do not add up: the rest of the block is lost, and the log goes on.
    if (!status.ok()) more = reader.OnGap({LogGap::Why::kDamaged, block.header.first_sequence + taken_, 0}) && more;
  }
  next_sequence_ = block.next_sequence();
  block_.reset();
  taken_ = 0;
  return more;
}

absl::StatusOr<std::optional<Block>> EventLog::NextBlock() {
  while (true) {
    absl::StatusOr<std::optional<Block>> block = log_->Next();
    if (absl::IsDataLoss(block.status())) {
      if (absl::Status status = PassDamage(); !status.ok()) return status;
      continue;
    }
    if (!block.ok() || block->has_value()) return block;
    absl::StatusOr<bool> passed = PassMissing();
    if (!passed.ok()) return passed.status();
    if (!*passed) return std::nullopt;
  }
}

absl::Status EventLog::PassDamage() {
  missing_ = LogGap::Why::kDamaged;
  mid_sequence_ = 0;
  std::optional<Position> next;
  const Position damaged = log_->position();
  const absl::Status found = absl::CancelledError("found");
  const absl::StatusOr<recorder::LogEnd> scanned =
      recorder::ScanEntries(place_, keys_, damaged, recorder::OnDamage::kSkip, [&](const Block& block) {
        next = block.position();
        return found;
      });
  if (!scanned.ok() && scanned.status() != found) return scanned.status();
  // Nothing readable follows yet: what does will be in a segment of its own.
  if (!next.has_value()) next = Position(damaged.segment() + 1, 0);
  log_.emplace(place_, keys_, *next);
  return absl::OkStatus();
}

absl::StatusOr<bool> EventLog::PassMissing() {
  const Position at = log_->position();
  if (!at.set() || place_.segments().Has(at.segment())) return false;
  absl::StatusOr<std::vector<uint64_t>> segments = recorder::ListSegments(place_);
  if (!segments.ok()) return segments.status();
  if (segments->empty()) return false;
  const auto later = std::upper_bound(segments->begin(), segments->end(), at.segment());
  // Behind the last segment the next one begins. A cursor further on is of another log, which may have more.
  if (later == segments->end() && segments->back() + 1 == at.segment() && at.offset() == 0) return false;
  mid_sequence_ = 0;
  const uint64_t next = later == segments->end() ? segments->front() : *later;
  log_.emplace(place_, keys_, Position(next, 0));
  // Its header says how many entries there were before it, though there may be none in it yet.
  const absl::StatusOr<recorder::SegmentReader> segment = recorder::SegmentReader::Open(place_, keys_, next);
  begins_at_ = segment.ok() ? segment->header().first_sequence : 0;
  return true;
}

absl::StatusOr<uint64_t> EventLog::BytesAhead() const {
  const Position at = cursor().block;
  absl::StatusOr<std::vector<uint64_t>> segments = recorder::ListSegments(place_);
  if (!segments.ok()) return segments.status();
  uint64_t bytes = 0;
  for (const uint64_t segment : *segments) {
    if (segment < at.segment()) continue;
    const absl::StatusOr<std::unique_ptr<recorder::SegmentBytes>> open = place_.segments().Open(segment);
    if (absl::IsNotFound(open.status())) continue;  // deleted meanwhile
    if (!open.ok()) return open.status();
    absl::StatusOr<uint64_t> size = (*open)->Size();
    if (!size.ok()) return size.status();
    bytes += segment == at.segment() ? *size - std::min(*size, at.offset()) : *size;
  }
  return bytes;
}

}  // namespace sallyport::gateway
