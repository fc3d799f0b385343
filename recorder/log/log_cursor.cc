#include "recorder/log/log_cursor.h"

#include <vector>

namespace sallyport::recorder {

bool LogCursor::HasNextSegment() const { return place_.segments().Has(at_.segment() + 1); }

absl::StatusOr<std::optional<Block>> LogCursor::Next() {
  if (!at_.set()) {
    absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place_);
    if (!segments.ok()) return segments.status();
    if (segments->empty()) return std::nullopt;
    at_ = Position(segments->front(), 0);
  }
  while (true) {
    if (!segment_.has_value() || segment_->number() != at_.segment()) {
      absl::StatusOr<SegmentReader> segment = SegmentReader::Open(place_, *keys_, at_.segment());
      if (absl::IsNotFound(segment.status())) return std::nullopt;  // not begun yet
      if (!segment.ok()) return segment.status();
      segment_.emplace(*std::move(segment));
      if (at_.offset() == 0) at_ = Position(at_.segment(), kSegmentHeaderSize);
    }
    // Asked before reading: if the next segment exists by now, this one was complete when it was read.
    const bool complete = HasNextSegment();
    absl::StatusOr<Block> block = segment_->ReadBlock(at_.offset());
    if (block.ok() && block->header.type == BlockType::kFooter) {
      at_ = Position(at_.segment() + 1, 0);
      continue;
    }
    if (block.ok()) {
      at_ = block->end();
      if (block->header.type != BlockType::kEntries) continue;
      return std::optional<Block>(*std::move(block));
    }
    if (!complete && (absl::IsOutOfRange(block.status()) || absl::IsDataLoss(block.status()))) return std::nullopt;
    if (absl::IsOutOfRange(block.status())) return absl::DataLossError("a segment ends without a footer");
    return block.status();
  }
}

}  // namespace sallyport::recorder
