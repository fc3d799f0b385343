#include "recorder/index/index_feeder.h"

#include <algorithm>
#include <utility>

#include "recorder/format/data_key_state.h"
#include "recorder/log/deleted_segments.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::recorder {
namespace {

class Feeder : public LogVisitor {
 public:
  Feeder(const LogPlace& place, CallIndex& index, const v1::Tombstone& tombstone,
         absl::FunctionRef<absl::Status(const Block&)> after_block)
      : place_(place),
        index_(index),
        tombstone_(tombstone),
        after_block_(after_block),
        next_segment_(index.position().segment()) {}

  // Whether there were blocks that cannot be read although nobody destroyed their key.
  bool lacked_key() const { return lacked_key_; }

  absl::Status OnSegment(const SegmentReader& segment) override {
    // Before the first segment there is nothing that could have been open.
    if (next_segment_ != 0) {
      for (uint64_t missing = next_segment_; missing < segment.number(); ++missing) {
        if (IsDeleted(tombstone_, missing)) index_.ApplyDeleted(missing, missing);
      }
    }
    next_segment_ = segment.number() + 1;
    return absl::OkStatus();
  }

  absl::Status OnBlock(const Block& block) override {
    if (block.header.type != BlockType::kEntries) return absl::OkStatus();
    lacked_key_ = lacked_key_ || (block.shredded && StateOfDataKey(place_.layout(), block.position().segment()) ==
                                                        DataKeyState::kMissing);
    const absl::Status status =
        block.shredded
            ? index_.ApplyShredded(block.position(), block.end(), block.next_sequence(), block.directory)
            : index_.Apply(block.position(), block.end(), block.next_sequence(), block.directory, block.body);
    return status.ok() ? after_block_(block) : status;
  }

 private:
  const LogPlace& place_;
  CallIndex& index_;
  const v1::Tombstone& tombstone_;
  const absl::FunctionRef<absl::Status(const Block&)> after_block_;
  uint64_t next_segment_;
  bool lacked_key_ = false;
};

// Hands on the blocks of entries of one segment, without their entries, as far as they are readable. The segment may be
// one that a tombstone names already.
absl::Status ForEachBlock(const LogPlace& place, StoreKeys& keys, uint64_t number,
                          absl::FunctionRef<absl::Status(const Block&)> visit) {
  absl::StatusOr<SegmentReader> segment = SegmentReader::Open(place, keys, number);
  if (absl::IsDataLoss(segment.status())) return absl::OkStatus();  // nothing in it was ever indexed
  if (!segment.ok()) return segment.status();
  uint64_t offset = kSegmentHeaderSize;
  while (true) {
    absl::StatusOr<Block> block = segment->ReadDirectory(offset);
    if (absl::IsOutOfRange(block.status())) return absl::OkStatus();
    if (absl::IsDataLoss(block.status())) {
      absl::StatusOr<std::optional<uint64_t>> next = segment->FindBlock(offset + 1);
      if (!next.ok()) return next.status();
      if (!next->has_value()) return absl::OkStatus();
      offset = **next;
      continue;
    }
    if (!block.ok()) return block.status();
    if (block->header.type == BlockType::kFooter) return absl::OkStatus();
    if (block->header.type == BlockType::kEntries) {
      if (absl::Status status = visit(*block); !status.ok()) return status;
    }
    offset = block->end().offset();
  }
}

}  // namespace

absl::StatusOr<LogEnd> FeedIndex(const LogPlace& place, StoreKeys& keys, CallIndex& index,
                                 absl::FunctionRef<absl::Status(const Block&)> after_block, Position until) {
  absl::StatusOr<v1::Tombstone> tombstone = LoadTombstone(place.layout());
  // The walk reports it as damage.
  if (absl::IsDataLoss(tombstone.status())) tombstone = v1::Tombstone();
  if (!tombstone.ok()) return tombstone.status();
  Feeder feeder(place, index, *tombstone, after_block);
  absl::StatusOr<LogEnd> end = ScanLog(place, keys, index.position(), OnDamage::kSkip, feeder, until);
  if (end.ok() && (!end->damage.ok() || feeder.lacked_key())) {
    if (absl::Status status = index.NoteDamage(); !status.ok()) return status;
  }
  return end;
}

absl::StatusOr<std::vector<uint64_t>> UnscrubbedSegments(const LogPlace& place, CallIndex& index) {
  absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place);
  if (!segments.ok()) return segments.status();
  absl::StatusOr<v1::Tombstone> tombstone = LoadTombstone(place.layout());
  if (absl::IsDataLoss(tombstone.status())) tombstone = v1::Tombstone();
  if (!tombstone.ok()) return tombstone.status();
  std::vector<uint64_t> unscrubbed;
  for (uint64_t segment : *segments) {
    // The deletion of one that is deleted is only not done yet.
    if (IsDeleted(*tombstone, segment)) continue;
    // One whose key is only missing may be read again.
    if (segment > index.position().segment() || StateOfDataKey(place.layout(), segment) != DataKeyState::kDestroyed)
      continue;
    const absl::StatusOr<bool> scrubbed = index.IsScrubbed(segment);
    if (!scrubbed.ok()) return scrubbed.status();
    if (!*scrubbed) unscrubbed.push_back(segment);
  }
  return unscrubbed;
}

absl::Status ScrubSegment(const LogPlace& place, StoreKeys& keys, CallIndex& index, uint64_t segment) {
  const absl::Status status = ForEachBlock(
      place, keys, segment, [&](const Block& block) { return index.ScrubBlock(block.position(), block.directory); });
  return status.ok() ? index.FinishScrub(segment) : status;
}

absl::Status ForgetSegments(const LogPlace& place, StoreKeys& keys, CallIndex& index,
                            const std::vector<uint64_t>& segments,
                            absl::FunctionRef<bool(uint64_t segment)> is_deleted) {
  std::vector<uint64_t> in_order = segments;
  std::sort(in_order.begin(), in_order.end());
  for (uint64_t segment : in_order) {
    const absl::Status status = ForEachBlock(place, keys, segment, [&](const Block& block) {
      return index.ForgetBlock(block.position(), block.directory, is_deleted);
    });
    if (!status.ok()) return status;
    if (absl::Status forgotten = index.ForgetScrub(segment); !forgotten.ok()) return forgotten;
  }
  return index.FinishForget();
}

}  // namespace sallyport::recorder
