#include "recorder/verify/log_join.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/crypto/text.h"
#include "recorder/format/call_id.h"

namespace sallyport::recorder {
namespace {

using Weight = Finding::Weight;

std::string LogName(uint64_t number) { return absl::StrFormat("log/%08d.seg", number); }

// Where two hashes differ first. They must differ.
size_t FirstDifference(const Hash& a, const Hash& b) {
  size_t i = 0;
  while (i < a.size() && a[i] == b[i]) ++i;
  return i;
}

std::optional<std::vector<Hash>> TilesOf(const v1::Tombstone::Range& range) {
  std::vector<Hash> tiles;
  for (const std::string& node : range.nodes()) {
    if (node.size() != sizeof(Hash)) return std::nullopt;
    std::copy(node.begin(), node.end(), tiles.emplace_back().begin());
  }
  return tiles;
}

// Of a tombstone in segment `here`, before which stood what it names.
bool RangesMakeSense(const v1::Tombstone& tombstone, uint64_t here) {
  uint64_t segment = 1;
  uint64_t leaf = 0;
  uint64_t sequence = 1;
  for (const v1::Tombstone::Range& range : tombstone.deleted()) {
    if (range.first_segment() < segment || range.last_segment() < range.first_segment() ||
        range.last_segment() >= here || range.first_leaf() < leaf || range.end_leaf() <= range.first_leaf() ||
        range.first_sequence() < sequence || range.end_sequence() < range.first_sequence()) {
      return false;
    }
    // Two that touch are one.
    segment = range.last_segment() + 2;
    leaf = range.end_leaf();
    sequence = range.end_sequence();
  }
  return true;
}

}  // namespace

Finding& LogJoin::Add(Weight weight, std::string file, uint64_t segment, uint64_t offset, uint64_t length,
                      std::string text) {
  return findings_.emplace_back(Finding{weight, std::move(file), segment, offset, length, std::move(text)});
}

std::optional<Hash> LogJoin::root() const {
  if (!tree_known_) return std::nullopt;
  return tree_.Root();
}

bool LogJoin::IsDeleted(uint64_t segment) const {
  return std::any_of(tombstone_.deleted().begin(), tombstone_.deleted().end(), [&](const auto& range) {
    return segment >= range.first_segment() && segment <= range.last_segment();
  });
}

absl::Status LogJoin::Join(std::vector<CheckedSegmentLog>& segments) {
  places_ = SetSum(plan_.seed);
  contents_ = SetSum(plan_.seed);
  ReadTombstone(segments);
  NoteRoot(Position());
  for (CheckedSegmentLog& segment : segments) {
    findings_.insert(findings_.end(), segment.findings.begin(), segment.findings.end());
    if (absl::Status status = PassGap(segment.number); !status.ok()) return status;
    const bool last = &segment == &segments.back();
    if (IsDeleted(segment.number)) {
      Add(Weight::kNote, LogName(segment.number), segment.number, 0, 0,
          "deleted, as the last tombstone says, but there");
    }
    if (segment.number >= next_segment_) {
      JoinSegment(segment, last);
      next_segment_ = segment.number + 1;
    }
    JoinCalls(segment);
    places_.Add(segment.places);
  }
  CountOpenCalls();
  for (Finding& finding : findings_) {
    // Leaf hashes are synced only before a checkpoint over them is signed.
    if (finding.file == "tree/leaves" && finding.offset / sizeof(Hash) >= covered_) finding.weight = Weight::kNote;
  }
  return absl::OkStatus();
}

void LogJoin::ReadTombstone(const std::vector<CheckedSegmentLog>& segments) {
  for (const CheckedSegmentLog& segment : segments) {
    if (!segment.tombstone_position.set()) continue;
    v1::Tombstone tombstone;
    if (!tombstone.ParseFromString(segment.tombstone) || !RangesMakeSense(tombstone, segment.number)) {
      Add(Weight::kError, LogName(segment.number), segment.number, segment.tombstone_position.offset(),
          kBlockHeaderSize + segment.tombstone.size(), "the tombstone makes no sense");
      continue;
    }
    tombstone_ = std::move(tombstone);
  }
}

void LogJoin::NoteRoot(Position end) {
  if (!tree_known_) return;
  if (std::binary_search(plan_.wanted_sizes.begin(), plan_.wanted_sizes.end(), tree_.end())) {
    roots_.try_emplace(tree_.end(), RootAt{tree_.Root(), end});
  }
}

absl::Status LogJoin::PassGap(uint64_t before) {
  while (next_segment_ < before) {
    const auto range = std::find_if(tombstone_.deleted().begin(), tombstone_.deleted().end(),
                                    [&](const auto& r) { return r.first_segment() == next_segment_; });
    if (range != tombstone_.deleted().end()) {
      if (absl::Status status = PassDeleted(*range); !status.ok()) return status;
      continue;
    }
    Add(Weight::kError, LogName(next_segment_), next_segment_, 0, 0,
        absl::StrCat("segments ", next_segment_, " to ", before - 1,
                     " are not there, and no tombstone says that they were deleted"));
    tree_known_ = false;
    next_segment_ = before;
  }
  return absl::OkStatus();
}

absl::Status LogJoin::PassDeleted(const v1::Tombstone::Range& range) {
  next_segment_ = range.last_segment() + 1;
  deleted_segments_ += range.last_segment() - range.first_segment() + 1;
  all_opened_ = false;
  open_.clear();
  if (!tree_known_) return absl::OkStatus();
  const std::optional<std::vector<Hash>> tiles = TilesOf(range);
  const uint64_t first_leaf = tree_.end();
  before_deleted_ = tree_;
  if (range.first_leaf() == first_leaf && range.first_sequence() == next_sequence_ && tiles.has_value() &&
      tree_.PushTiles(range.end_leaf(), *tiles)) {
    next_sequence_ = range.end_sequence();
    leaves_ = tree_.end();
    NoteRoot(Position());
    return ReadDeletedLeaves(range, *tiles);
  }
  Add(Weight::kError, LogName(range.first_segment()), range.first_segment(), 0, 0,
      absl::StrCat("what the tombstone says of the deleted segments ", range.first_segment(), " to ",
                   range.last_segment(), " does not fit what stands before them: leaf ", first_leaf, ", entry ",
                   next_sequence_));
  tree_known_ = false;
  return absl::OkStatus();
}

absl::Status LogJoin::ReadDeletedLeaves(const v1::Tombstone::Range& range, const std::vector<Hash>& tiles) {
  if (plan_.leaves_size / sizeof(Hash) < range.end_leaf()) return absl::OkStatus();
  absl::StatusOr<ReadableFile> file = ReadableFile::Open(plan_.layout.Leaves());
  if (!file.ok()) return file.status();
  SegmentWindow window(*std::move(file), plan_.leaves_size);
  SubtreeStack leaves(range.first_leaf());
  std::map<uint64_t, SubtreeStack> wanted;
  for (uint64_t i = range.first_leaf(); i < range.end_leaf(); ++i) {
    const absl::StatusOr<std::string_view> bytes = window.At(i * sizeof(Hash), sizeof(Hash));
    if (!bytes.ok()) return bytes.status();
    if (bytes->size() != sizeof(Hash)) return absl::DataLossError("tree/leaves became shorter while it was read");
    Hash leaf;
    std::copy(bytes->begin(), bytes->end(), leaf.begin());
    // What was deleted before the file was made again is not known any more.
    if (leaf == Hash()) return absl::OkStatus();
    leaves.PushLeaf(leaf);
    if (std::binary_search(plan_.wanted_sizes.begin(), plan_.wanted_sizes.end(), i + 1)) wanted.emplace(i + 1, leaves);
  }
  if (leaves.Tiles() != tiles) {
    Add(Weight::kError, "tree/leaves", 0, range.first_leaf() * sizeof(Hash),
        (range.end_leaf() - range.first_leaf()) * sizeof(Hash),
        "the leaves of the deleted segments are not those that the tombstone names");
    return absl::OkStatus();
  }
  for (auto& [size, within] : wanted) {
    SubtreeStack tree = before_deleted_;
    if (tree.Join(within)) roots_.try_emplace(size, RootAt{tree.Root(), Position()});
  }
  return absl::OkStatus();
}

void LogJoin::CheckPlaceInLog(const CheckedSegmentLog& segment) {
  const std::string name = LogName(segment.number);
  if (segment.header->leaf_index != tree_.end()) {
    Add(Weight::kError, name, segment.number, 56, 8,
        absl::StrCat("the header is leaf ", segment.header->leaf_index, ", where leaf ", tree_.end(), " has to be"));
    tree_known_ = false;
    return;
  }
  if (segment.header->first_sequence != next_sequence_) {
    Add(Weight::kError, name, segment.number, 48, 8,
        absl::StrCat("the first entry has number ", segment.header->first_sequence, ", where ", next_sequence_,
                     " has to be"));
  }
  const Hash root = tree_.Root();
  if (root != segment.header->tree_root) {
    Add(Weight::kError, name, segment.number, 80 + FirstDifference(root, segment.header->tree_root), 1,
        absl::StrCat("the root of the tree over the ", tree_.end(), " leaves before this segment is another"));
  }
}

void LogJoin::CheckTombstoneOf(const CheckedSegmentLog& segment) {
  const uint64_t first_leaf = segment.header->leaf_index;
  for (const v1::Tombstone::Range& range : tombstone_.deleted()) {
    const bool begins = range.first_segment() == segment.number;
    const bool ends = range.last_segment() == segment.number;
    if ((begins && (range.first_leaf() != first_leaf || range.first_sequence() != segment.header->first_sequence)) ||
        (ends && segment.closed &&
         (range.end_leaf() != segment.leaves.end() || range.end_sequence() != segment.next_sequence))) {
      Add(Weight::kError, LogName(segment.number), segment.number, 0, 0,
          "the last tombstone says that it was deleted, and of its place in the log what is not so");
    }
  }
}

void LogJoin::JoinSegment(const CheckedSegmentLog& segment, bool last) {
  if (segment.header.has_value()) {
    CheckTombstoneOf(segment);
    if (tree_known_) CheckPlaceInLog(segment);
    if (tree_known_) {
      for (const TreeUpTo& part : segment.trees) {
        SubtreeStack tree = tree_;
        if (tree.Join(part.leaves)) roots_.try_emplace(part.size, RootAt{tree.Root(), part.end});
      }
      tree_known_ = tree_.Join(segment.leaves);
    }
    next_sequence_ = segment.next_sequence;
    leaves_ = segment.leaves.end();
    end_ = {segment.number, segment.end};
  }
  JudgeEnd(segment, last);
}

void LogJoin::JudgeEnd(const CheckedSegmentLog& segment, bool last) {
  const std::string name = LogName(segment.number);
  if (!segment.stopped.has_value()) {
    if (!segment.closed && !last) {
      Add(Weight::kError, name, segment.number, segment.end, 0, "the segment ends without its footer");
    }
    return;
  }
  const uint64_t left = segment.size - segment.end;
  // Zeros are space taken ahead.
  if (last && segment.all_zeros_behind && segment.header.has_value() && leaves_ >= covered_) return;
  if (last && !segment.closed && !segment.valid_block_behind && leaves_ >= covered_) {
    Add(Weight::kNote, name, segment.number, segment.end, left,
        absl::StrCat(left, " bytes at the end of the log are no whole block: being written, or cut short by a crash (",
                     segment.stopped->text, " at offset ", segment.stopped->offset, ")"));
    return;
  }
  findings_.push_back(*segment.stopped);
  if (left > segment.stopped->length) {
    absl::StrAppend(&findings_.back().text, "; ", left, " bytes from offset ", segment.end, " on were not checked");
  }
  if (!last || segment.valid_block_behind) tree_known_ = false;
}

void LogJoin::JoinCalls(CheckedSegmentLog& segment) {
  if (plan_.keys == nullptr) return;
  const bool opened =
      !segment.without_key && segment.header.has_value() && !segment.valid_block_behind && segment.findings.empty();
  if (!opened) {
    // What calls did there is not known, so nothing can be said about those that were open.
    all_opened_ = false;
    open_.clear();
  }
  contents_.Add(segment.contents);
  whole_calls_ += segment.whole_calls;
  for (auto& [id, call] : segment.parts) JoinCall(id, call, segment.number);
  segment.parts.clear();
}

void LogJoin::JoinCall(uint64_t id, PlacedCall& call, uint64_t segment) {
  const auto add = [&](std::string_view text) {
    Add(Weight::kError, LogName(segment), segment, 0, 0, absl::StrCat("call ", FormatId(id), " ", View(text)));
  };
  const auto found = open_.find(id);
  if (call.part.started()) {
    if (found != open_.end()) {
      add("starts twice");
      return;
    }
    open_.emplace(id, std::move(call));
    return;
  }
  if (found == open_.end()) {
    // What follows a call's end is nothing to complain about; an end without a start is.
    if (all_opened_ && call.part.ended()) add("ends, and never started");
    return;
  }
  PlacedCall& whole = found->second;
  if (const std::string wrong = whole.part.Join(call.part); !wrong.empty()) add(wrong);
  if (!whole.part.ended()) return;
  whole.ended = call.ended;
  if (const std::string wrong = whole.part.CheckEnd(); !wrong.empty()) add(wrong);
  ++whole_calls_;
  CountCall(plan_, whole, contents_);
  open_.erase(found);
}

void LogJoin::CountOpenCalls() {
  for (const auto& [id, call] : open_) CountCall(plan_, call, contents_);
}

}  // namespace sallyport::recorder
