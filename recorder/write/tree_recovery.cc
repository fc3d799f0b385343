#include "recorder/write/tree_recovery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/log/deleted_segments.h"

namespace sallyport::recorder {
namespace {

// What stands in the tree for a record that is lost.
Hash LostLeaf() { return LeafHash("lost"); }

// Adds the leaves of what a walk meets.
class TreeGrower : public LogVisitor {
 public:
  TreeGrower(CompactRange tree, v1::Tombstone tombstone, uint64_t most_lost)
      : tree_(std::move(tree)), base_(tree_), tombstone_(std::move(tombstone)), most_lost_(most_lost) {}

  absl::Status OnSegment(const SegmentReader& segment) override {
    return Add(segment.header().leaf_index, segment.header_leaf());
  }
  absl::Status OnBlock(const Block& block) override {
    if (block.header.type == BlockType::kTombstone) {
      v1::Tombstone tombstone;
      if (!tombstone.ParseFromString(block.body)) return absl::DataLossError("the log holds a tombstone that is none");
      if (absl::Status status = CheckTombstone(tombstone); !status.ok()) return status;
      last_tombstone_ = std::move(tombstone);
    }
    return Add(block.header.leaf_index, block.leaf);
  }

  CompactRange& tree() { return tree_; }
  std::optional<v1::Tombstone>& last_tombstone() { return last_tombstone_; }
  CompactRange& base() { return base_; }
  std::vector<Hash>& leaves() { return leaves_; }

 private:
  absl::Status Add(uint64_t index, const Hash& leaf) {
    if (index < tree_.end()) return absl::OkStatus();  // signed already
    if (absl::Status status = Fill(index); !status.ok()) return status;
    tree_.Append(leaf);
    leaves_.push_back(leaf);
    return absl::OkStatus();
  }

  // Accounts for what is missing up to `index`.
  absl::Status Fill(uint64_t index) {
    while (tree_.end() < index) {
      const auto deleted =
          std::find_if(tombstone_.deleted().begin(), tombstone_.deleted().end(),
                       [&](const v1::Tombstone::Range& range) { return range.first_leaf() == tree_.end(); });
      if (deleted != tombstone_.deleted().end() && deleted->end_leaf() <= index) {
        absl::StatusOr<CompactRange> range = LeavesOf(*deleted);
        if (!range.ok()) return range.status();
        if (absl::Status status = tree_.Append(*range); !status.ok()) return status;
        base_ = tree_;
        leaves_.clear();
        continue;
      }
      if (lost_++ == most_lost_) {
        return absl::DataLossError(absl::StrCat("the log is damaged: a record says it is the ", index,
                                                "th, but there cannot have been so many"));
      }
      tree_.Append(LostLeaf());
      leaves_.push_back(LostLeaf());
    }
    return absl::OkStatus();
  }

  CompactRange tree_;
  CompactRange base_;
  std::vector<Hash> leaves_;
  const v1::Tombstone tombstone_;
  std::optional<v1::Tombstone> last_tombstone_;
  const uint64_t most_lost_;
  uint64_t lost_ = 0;
};

// No more records than these can have been in the bytes there are, damaged ones included.
absl::StatusOr<uint64_t> MostRecords(const LogPlace& place) {
  absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place);
  if (!segments.ok()) return segments.status();
  // Whole segments may be missing.
  uint64_t most = segments->empty() ? 0 : segments->back() * 1024;
  for (uint64_t number : *segments) {
    absl::StatusOr<std::unique_ptr<SegmentBytes>> file = place.segments().Open(number);
    if (!file.ok()) return file.status();
    absl::StatusOr<uint64_t> size = (*file)->Size();
    if (!size.ok()) return size.status();
    most += *size / kBlockHeaderSize;
  }
  return most;
}

}  // namespace

namespace {

// OK if the log reaches to `end`, up to which a checkpoint was signed.
absl::Status CheckReaches(const LogPlace& place, StoreKeys& keys, const v1::Tombstone& tombstone, Position end) {
  if (end.offset() == 0) {
    if (end.segment() <= 1 || IsDeleted(tombstone, end.segment() - 1)) return absl::OkStatus();
    absl::StatusOr<SegmentReader> last = SegmentReader::Open(place, keys, end.segment() - 1);
    const absl::Status status = last.ok() ? last->ReadFooter().status() : last.status();
    if (!absl::IsNotFound(status) && !absl::IsDataLoss(status)) return status;
    return absl::DataLossError(
        absl::StrCat("the log is damaged in segment ", end.segment() - 1,
                     ", although a checkpoint was signed over all of it: ", std::string(status.message())));
  }
  absl::StatusOr<std::unique_ptr<SegmentBytes>> file = place.segments().Open(end.segment());
  if (absl::IsNotFound(file.status())) {
    return absl::DataLossError(absl::StrCat("the log is damaged: segment ", end.segment(),
                                            " is missing, although a checkpoint was signed over it"));
  }
  if (!file.ok()) return file.status();
  absl::StatusOr<uint64_t> size = (*file)->Size();
  if (!size.ok()) return size.status();
  if (*size >= end.offset()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the log is damaged in segment ", end.segment(), " at offset ", *size,
                                          ": it ends there, although a checkpoint was signed up to offset ",
                                          end.offset()));
}

}  // namespace

absl::StatusOr<RecoveredTree> RecoverTree(const LogPlace& place, StoreKeys& keys,
                                          const std::optional<TreeState>& persisted) {
  absl::StatusOr<uint64_t> most = MostRecords(place);
  if (!most.ok()) return most.status();
  absl::StatusOr<v1::Tombstone> tombstone = LoadTombstone(place.layout());
  if (!tombstone.ok()) return tombstone.status();
  RecoveredTree recovered;
  if (persisted.has_value()) recovered.state = *persisted;
  TreeGrower grower(recovered.state.range, *tombstone, *most);
  absl::StatusOr<LogEnd> end = ScanLog(place, keys, recovered.state.end, OnDamage::kSkip, grower);
  if (!end.ok()) return end.status();
  recovered.log_end = *std::move(end);
  const absl::Status reaches = CheckReaches(place, keys, *tombstone, persisted.value_or(TreeState()).end);
  if (!reaches.ok() && !absl::IsDataLoss(reaches)) return reaches;
  if (recovered.log_end.damage.ok()) recovered.log_end.damage = reaches;
  recovered.state.range = std::move(grower.tree());
  recovered.state.end = recovered.log_end.end;
  recovered.state.next_sequence = std::max(recovered.state.next_sequence, recovered.log_end.next_sequence.value_or(1));
  recovered.base = std::move(grower.base());
  recovered.last_tombstone = std::move(grower.last_tombstone());
  recovered.leaves = std::move(grower.leaves());
  return recovered;
}

}  // namespace sallyport::recorder
