#include "recorder/log/log_scan.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::recorder {
namespace {

// Walks along one segment after another.
class Scan {
 public:
  Scan(const StoreLayout& layout, OnDamage on_damage, absl::FunctionRef<absl::Status(const Block&)> block)
      : layout_(layout), on_damage_(on_damage), block_(block) {}

  absl::StatusOr<LogEnd> Run(Position from) {
    absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(layout_);
    if (!segments.ok()) return segments.status();
    result_.end = from;
    auto segment = std::lower_bound(segments->begin(), segments->end(), from.segment());
    uint64_t expected = from.set() && from.offset() != 0 ? from.segment() : (segment != segments->end() ? *segment : 0);
    for (; segment != segments->end() && !stopped_; ++segment, ++expected) {
      const bool last = segment + 1 == segments->end();
      if (*segment != expected) {
        NoteDamage(absl::DataLossError(absl::StrCat("the log is damaged: segment ", expected, " is missing")));
        if (stopped_) break;
        expected = *segment;
      }
      const uint64_t offset = *segment == from.segment() ? std::max<uint64_t>(from.offset(), kSegmentHeaderSize)
                                                         : uint64_t{kSegmentHeaderSize};
      if (absl::Status status = RunSegment(*segment, offset, last); !status.ok()) return status;
    }
    return result_;
  }

 private:
  void NoteDamage(absl::Status damage) {
    if (result_.damage.ok()) result_.damage = std::move(damage);
    stopped_ = stopped_ || on_damage_ == OnDamage::kStop;
  }

  absl::Status RunSegment(uint64_t number, uint64_t offset, bool last) {
    absl::StatusOr<SegmentReader> reader = SegmentReader::Open(layout_, number);
    if (!reader.ok()) {
      const bool no_header = absl::IsOutOfRange(reader.status());
      if (!no_header && !absl::IsDataLoss(reader.status())) return reader.status();
      if (no_header && last) {
        result_.end = Position(number, 0);
        result_.torn = absl::DataLossError(reader.status().message());
      } else {
        NoteDamage(absl::DataLossError(reader.status().message()));
      }
      return absl::OkStatus();
    }
    if (offset == kSegmentHeaderSize) result_.next_sequence = reader->header().first_sequence;
    while (true) {
      result_.end = Position(number, offset);
      absl::StatusOr<Block> block = reader->ReadBlock(offset);
      if (absl::IsOutOfRange(block.status())) return EndWithoutFooter(number, offset, last);
      if (absl::IsDataLoss(block.status())) {
        absl::StatusOr<std::optional<uint64_t>> next = reader->FindBlock(offset + 1);
        if (!next.ok()) return next.status();
        if (!next->has_value() && last) {
          result_.torn = block.status();
          return absl::OkStatus();
        }
        NoteDamage(block.status());
        if (stopped_ || !next->has_value()) return absl::OkStatus();
        offset = **next;
        continue;
      }
      if (!block.ok()) return block.status();
      offset = block->end().offset();
      if (block->header.type == BlockType::kFooter) {
        result_.end = Position(number + 1, 0);
        result_.next_sequence = block->header.first_sequence;
        return absl::OkStatus();
      }
      result_.next_sequence = block->header.first_sequence + block->header.entries;
      if (absl::Status status = block_(*block); !status.ok()) return status;
    }
  }

  absl::Status EndWithoutFooter(uint64_t number, uint64_t offset, bool last) {
    if (!last) {
      NoteDamage(absl::DataLossError(absl::StrCat("the log is damaged in segment ", number, " at offset ", offset,
                                                  ": it ends without a footer, but another segment follows")));
    }
    return absl::OkStatus();
  }

  const StoreLayout& layout_;
  const OnDamage on_damage_;
  const absl::FunctionRef<absl::Status(const Block&)> block_;
  LogEnd result_;
  bool stopped_ = false;
};

}  // namespace

absl::StatusOr<LogEnd> ScanLog(const StoreLayout& layout, Position from, OnDamage on_damage,
                               absl::FunctionRef<absl::Status(const Block&)> block) {
  return Scan(layout, on_damage, block).Run(from);
}

}  // namespace sallyport::recorder
