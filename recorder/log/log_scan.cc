#include "recorder/log/log_scan.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::recorder {
namespace {

// Walks along one segment after another.
class Scan {
 public:
  Scan(const LogPlace& place, StoreKeys& keys, OnDamage on_damage, LogVisitor& visitor, Position until)
      : place_(place), keys_(keys), on_damage_(on_damage), visitor_(visitor), until_(until) {}

  absl::StatusOr<LogEnd> ScanFrom(Position from) {
    absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place_);
    if (!segments.ok()) return segments.status();
    absl::StatusOr<v1::Tombstone> tombstone = LoadTombstone(place_.layout());
    if (absl::IsDataLoss(tombstone.status())) {
      NoteDamage(tombstone.status());
      tombstone = v1::Tombstone();
    }
    if (!tombstone.ok()) return tombstone.status();
    result_.end = from;
    auto segment = std::lower_bound(segments->begin(), segments->end(), from.segment());
    uint64_t expected = from.set() && from.offset() != 0 ? from.segment() : (segment != segments->end() ? *segment : 0);
    for (; segment != segments->end() && !stopped_; ++segment, ++expected) {
      if (until_.set() && *segment > until_.segment()) break;
      const bool last = segment + 1 == segments->end();
      while (expected < *segment && IsDeleted(*tombstone, expected)) ++expected;
      // Named by the tombstone, but the deletion is not done yet.
      if (IsDeleted(*tombstone, *segment)) continue;
      if (*segment != expected) {
        NoteDamage(absl::DataLossError(absl::StrCat("the log is damaged: segment ", expected, " is missing")));
        if (stopped_) break;
        expected = *segment;
      }
      const uint64_t offset = *segment == from.segment() ? std::max<uint64_t>(from.offset(), kSegmentHeaderSize)
                                                         : uint64_t{kSegmentHeaderSize};
      if (absl::Status status = ScanSegment(*segment, offset, last); !status.ok()) return status;
    }
    return result_;
  }

 private:
  void NoteDamage(absl::Status damage) {
    if (result_.damage.ok()) result_.damage = std::move(damage);
    stopped_ = stopped_ || on_damage_ == OnDamage::kStop;
  }

  absl::Status ScanSegment(uint64_t number, uint64_t offset, bool last) {
    absl::StatusOr<SegmentReader> reader = SegmentReader::Open(place_, keys_, number);
    if (absl::IsDataLoss(reader.status())) {
      NoteDamage(reader.status());
      // Nothing in it is readable; what comes next is behind it.
      result_.end = Position(number + 1, 0);
      return absl::OkStatus();
    }
    if (!reader.ok()) return reader.status();
    if (offset == kSegmentHeaderSize) {
      result_.next_sequence = reader->header().first_sequence;
      if (absl::Status status = visitor_.OnSegment(*reader); !status.ok()) return status;
    }
    while (true) {
      result_.end = Position(number, offset);
      if (until_.set() && result_.end >= until_) return absl::OkStatus();
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
      result_.next_sequence = block->next_sequence();
      if (absl::Status status = visitor_.OnBlock(*block); !status.ok()) return status;
      if (block->header.type == BlockType::kFooter) {
        result_.end = Position(number + 1, 0);
        return absl::OkStatus();
      }
    }
  }

  absl::Status EndWithoutFooter(uint64_t number, uint64_t offset, bool last) {
    if (!last) {
      NoteDamage(absl::DataLossError(absl::StrCat("the log is damaged in segment ", number, " at offset ", offset,
                                                  ": it ends without a footer, but another segment follows")));
    }
    return absl::OkStatus();
  }

  const LogPlace& place_;
  StoreKeys& keys_;
  const OnDamage on_damage_;
  LogVisitor& visitor_;
  const Position until_;
  LogEnd result_;
  bool stopped_ = false;
};

}  // namespace

absl::StatusOr<LogEnd> ScanLog(const LogPlace& place, StoreKeys& keys, Position from, OnDamage on_damage,
                               LogVisitor& visitor, Position until) {
  return Scan(place, keys, on_damage, visitor, until).ScanFrom(from);
}

absl::StatusOr<LogEnd> ScanEntries(const LogPlace& place, StoreKeys& keys, Position from, OnDamage on_damage,
                                   absl::FunctionRef<absl::Status(const Block&)> block) {
  class EntriesOnly : public LogVisitor {
   public:
    explicit EntriesOnly(absl::FunctionRef<absl::Status(const Block&)> block) : block_(block) {}
    absl::Status OnBlock(const Block& block) override {
      return block.header.type == BlockType::kEntries ? block_(block) : absl::OkStatus();
    }

   private:
    absl::FunctionRef<absl::Status(const Block&)> block_;
  };
  EntriesOnly visitor(block);
  return ScanLog(place, keys, from, on_damage, visitor);
}

}  // namespace sallyport::recorder
