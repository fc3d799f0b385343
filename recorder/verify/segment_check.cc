#include "recorder/verify/segment_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/crypto/text.h"
#include "recorder/format/data_key_state.h"
#include "recorder/verify/entries_check.h"

namespace sallyport::recorder {
namespace {

std::string LogName(uint64_t number) { return absl::StrFormat("log/%08d.seg", number); }

// Checks the blocks of one segment from front to back. Lives for one segment.
class SegmentChecker {
 public:
  SegmentChecker(const SegmentCheckPlan& plan, SegmentWindow window, std::optional<SegmentWindow> leaves,
                 CheckedSegmentLog& result)
      : plan_(plan),
        window_(std::move(window)),
        leaf_file_(std::move(leaves)),
        result_(result),
        entries_(plan, result) {}

  absl::Status Check();

 private:
  absl::Status CheckHeader(bool& readable);
  absl::Status OpenKey();
  // A block whose header is good, with all its bytes, which live until the window moves.
  struct WholeBlock {
    CheckedBlock block;
    std::string_view bytes;
  };
  // The block at result_.end; nothing if there is none to go on from.
  absl::StatusOr<std::optional<WholeBlock>> ReadBlock();
  // Checks the block at result_.end. False if there is none to go on from.
  absl::StatusOr<bool> CheckBlock();
  void CheckFooter(const CheckedBlock& block, std::string_view body, uint64_t body_offset);
  absl::StatusOr<bool> BlockFollows(uint64_t offset);
  void TakePayload(std::string_view header, const CheckedBlock& block, const CheckedPayload& payload);
  void SumDirectory(const CheckedBlock& block, std::string_view directory);
  absl::Status PushLeaf(std::string_view data, uint64_t offset);
  void SnapshotTree(uint64_t end);
  absl::Status LookBehind();
  void Stop(uint64_t offset, uint64_t length, std::string text);
  void Add(uint64_t offset, uint64_t length, std::string text);
  Finding Make(uint64_t offset, uint64_t length, std::string text) const;

  const SegmentCheckPlan& plan_;
  SegmentWindow window_;
  std::optional<SegmentWindow> leaf_file_;
  CheckedSegmentLog& result_;
  std::optional<BodyOpener> opener_;
  OpenedBody body_;
  EntriesCheck entries_;
  size_t next_wanted_ = 0;
};

Finding SegmentChecker::Make(uint64_t offset, uint64_t length, std::string text) const {
  Finding finding;
  finding.file = LogName(result_.number);
  finding.segment = result_.number;
  finding.offset = offset;
  finding.length = length;
  finding.text = std::move(text);
  return finding;
}

void SegmentChecker::Add(uint64_t offset, uint64_t length, std::string text) {
  if (result_.findings.size() >= plan_.max_findings) {
    ++result_.findings_left_out;
    return;
  }
  result_.findings.push_back(Make(offset, length, std::move(text)));
}

void SegmentChecker::Stop(uint64_t offset, uint64_t length, std::string text) {
  result_.stopped = Make(offset, length, std::move(text));
}

absl::Status SegmentChecker::Check() {
  bool readable = false;
  if (absl::Status status = CheckHeader(readable); !status.ok()) return status;
  if (!readable) return absl::OkStatus();
  if (absl::Status status = OpenKey(); !status.ok()) return status;
  uint64_t counted = 0;
  while (true) {
    const absl::StatusOr<bool> more = CheckBlock();
    if (!more.ok()) return more.status();
    if (plan_.on_bytes) plan_.on_bytes(result_.end - counted);
    counted = result_.end;
    if (!*more) break;
  }
  return result_.end < window_.size() ? LookBehind() : absl::OkStatus();
}

absl::Status SegmentChecker::CheckHeader(bool& readable) {
  absl::StatusOr<std::string_view> bytes = window_.At(0, kSegmentHeaderSize);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < kSegmentHeaderSize) {
    Stop(bytes->size(), kSegmentHeaderSize - bytes->size(), "the segment ends within its header");
    return absl::OkStatus();
  }
  CheckedSegment header;
  if (auto bad = CheckSegmentHeader(*bytes, result_.number, plan_.store_id ? &*plan_.store_id : nullptr, header)) {
    Stop(bad->offset, bad->length, std::move(bad->text));
    return absl::OkStatus();
  }
  result_.header = header;
  result_.leaves = SubtreeStack(header.leaf_index);
  result_.next_sequence = header.first_sequence;
  while (next_wanted_ < plan_.wanted_sizes.size() && plan_.wanted_sizes[next_wanted_] <= header.leaf_index) {
    ++next_wanted_;
  }
  if (absl::Status status = PushLeaf(*bytes, 0); !status.ok()) return status;
  result_.end = kSegmentHeaderSize;
  SnapshotTree(kSegmentHeaderSize);
  readable = true;
  return absl::OkStatus();
}

absl::Status SegmentChecker::OpenKey() {
  if (plan_.keys == nullptr) return absl::OkStatus();
  absl::StatusOr<DataKey> key = plan_.keys->OpenDataKey(result_.number);
  if (absl::IsNotFound(key.status())) {
    result_.without_key = true;
    result_.shredded = StateOfDataKey(plan_.layout, result_.number) == DataKeyState::kDestroyed;
    if (result_.shredded) return absl::OkStatus();
    Finding finding;
    finding.weight = Finding::Weight::kNote;
    finding.file = absl::StrFormat("keys/%08d.key", result_.number);
    finding.segment = result_.number;
    finding.text = std::string(key.status().message());
    result_.findings.push_back(std::move(finding));
    return absl::OkStatus();
  }
  if (absl::IsDataLoss(key.status())) {
    Finding finding;
    finding.file = absl::StrFormat("keys/%08d.key", result_.number);
    finding.segment = result_.number;
    finding.text = std::string(key.status().message());
    result_.findings.push_back(std::move(finding));
    return absl::OkStatus();
  }
  if (!key.ok()) return key.status();
  if (key->id != result_.header->key_id) {
    Add(64, kKeyIdSize, "the segment names another data key than the one kept for it");
    return absl::OkStatus();
  }
  opener_.emplace(result_.header->store_id, *key);
  return absl::OkStatus();
}

absl::Status SegmentChecker::PushLeaf(std::string_view data, uint64_t offset) {
  const Hash leaf = SubtreeStack::Leaf(data);
  const uint64_t index = result_.leaves.end();
  result_.leaves.PushLeaf(leaf);
  const uint64_t at = index * sizeof(Hash);
  if (!leaf_file_.has_value() || index >= plan_.leaves_size / sizeof(Hash)) return absl::OkStatus();
  const absl::StatusOr<std::string_view> kept = leaf_file_->At(at, sizeof(Hash));
  if (!kept.ok()) return kept.status();
  if (kept->size() != sizeof(Hash) || *kept == AsText(leaf)) return absl::OkStatus();
  size_t wrong = 0;
  while ((*kept)[wrong] == leaf[wrong]) ++wrong;
  if (result_.findings.size() >= plan_.max_findings) {
    ++result_.findings_left_out;
    return absl::OkStatus();
  }
  Finding finding;
  finding.file = "tree/leaves";
  finding.segment = result_.number;
  finding.offset = at + wrong;
  finding.length = 1;
  finding.text = absl::StrCat("leaf ", index, " is not the hash of the header at offset ", offset, " of ",
                              LogName(result_.number));
  result_.findings.push_back(std::move(finding));
  return absl::OkStatus();
}

void SegmentChecker::SnapshotTree(uint64_t end) {
  while (next_wanted_ < plan_.wanted_sizes.size() && plan_.wanted_sizes[next_wanted_] == result_.leaves.end()) {
    result_.trees.push_back({result_.leaves.end(), result_.leaves, {result_.number, end}});
    ++next_wanted_;
  }
}

absl::StatusOr<std::optional<SegmentChecker::WholeBlock>> SegmentChecker::ReadBlock() {
  const uint64_t at = result_.end;
  absl::StatusOr<std::string_view> bytes = window_.At(at, kBlockHeaderSize);
  if (!bytes.ok()) return bytes.status();
  if (bytes->empty()) return std::nullopt;
  if (result_.closed) {
    Stop(at, bytes->size(), "bytes behind the footer");
    return std::nullopt;
  }
  if (bytes->size() < kBlockHeaderSize) {
    Stop(at, bytes->size(), "the segment ends within a block's header");
    return std::nullopt;
  }
  CheckedBlock block;
  const BlockPlace place = {{result_.number, at}, result_.next_sequence, result_.leaves.end()};
  if (auto bad = CheckBlockHeader(*bytes, place, block)) {
    Stop(at + bad->offset, bad->length, std::move(bad->text));
    return std::nullopt;
  }
  if (block.format != result_.header->format) {
    Stop(at + 7, 1, "a block of another format than its segment");
    return std::nullopt;
  }
  const uint64_t size = kBlockHeaderSize + block.payload_size();
  if (size > window_.size() - at) {
    Stop(at, kBlockHeaderSize,
         absl::StrCat("the block needs ", size, " bytes, and the segment has only ", window_.size() - at));
    return std::nullopt;
  }
  bytes = window_.At(at, size);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < size) {
    Stop(at + bytes->size(), size - bytes->size(), "the segment ends within a block");
    return std::nullopt;
  }
  return WholeBlock{block, *bytes};
}

absl::StatusOr<bool> SegmentChecker::CheckBlock() {
  const uint64_t at = result_.end;
  absl::StatusOr<std::optional<WholeBlock>> read = ReadBlock();
  if (!read.ok()) return read.status();
  if (!read->has_value()) return false;
  const CheckedBlock& block = (*read)->block;
  const uint64_t size = (*read)->bytes.size();
  const std::string_view header = (*read)->bytes.substr(0, kBlockHeaderSize);
  const std::string_view payload = (*read)->bytes.substr(kBlockHeaderSize);
  CheckedPayload taken;
  if (auto bad = CheckPayload(block, payload, taken)) {
    const uint64_t bad_at = at + kBlockHeaderSize + bad->offset;
    const absl::StatusOr<bool> follows = BlockFollows(at + size);
    if (!follows.ok()) return follows.status();
    if (!*follows) {
      Stop(bad_at, bad->length, std::move(bad->text));
      return false;
    }
    // The header is good and a block follows: what is behind can be checked all the same.
    Add(bad_at, bad->length, std::move(bad->text));
    const absl::StatusOr<std::string_view> bytes = window_.At(at, size);
    if (!bytes.ok()) return bytes.status();
    if (absl::Status status = PushLeaf(bytes->substr(0, kBlockHeaderSize), at); !status.ok()) return status;
  } else {
    if (absl::Status status = PushLeaf(header, at); !status.ok()) return status;
    TakePayload(header, block, taken);
  }
  ++result_.blocks;
  result_.entries += block.entries;
  result_.next_sequence += block.entries;
  result_.end = at + size;
  SnapshotTree(result_.end);
  return true;
}

absl::StatusOr<bool> SegmentChecker::BlockFollows(uint64_t offset) {
  const absl::StatusOr<std::string_view> bytes = window_.At(offset, kBlockHeaderSize);
  if (!bytes.ok()) return bytes.status();
  CheckedBlock block;
  return bytes->size() == kBlockHeaderSize && !CheckBlockHeader(*bytes, std::nullopt, block).has_value() &&
         block.position == Position(result_.number, offset);
}

void SegmentChecker::TakePayload(std::string_view header, const CheckedBlock& block, const CheckedPayload& payload) {
  const std::string_view directory = payload.directory;
  const std::string_view stored = payload.body;
  const uint64_t body_at = block.position.offset() + kBlockHeaderSize + directory.size();
  switch (block.type) {
    case BlockType::kFooter:
      result_.closed = true;
      CheckFooter(block, stored, body_at);
      return;
    case BlockType::kTombstone:
      result_.tombstone = std::string(stored);
      result_.tombstone_position = block.position;
      return;
    case BlockType::kEntries:
      break;
  }
  result_.directory_lines += block.calls;
  if (block.position < plan_.index_end) {
    SumDirectory(block, directory);
  } else {
    ++result_.blocks_behind_index;
  }
  if (plan_.on_directory) plan_.on_directory(block, directory);
  if (!opener_.has_value()) return;
  if (auto wrong = opener_->Open(header, block, stored, body_)) {
    Add(body_at, stored.size(), *std::move(wrong));
    return;
  }
  ++result_.opened_blocks;
  entries_.Check(block, payload, body_, [&](std::string text) { Add(body_at, stored.size(), std::move(text)); });
}

void SegmentChecker::SumDirectory(const CheckedBlock& block, std::string_view directory) {
  for (uint32_t i = 0; i < block.calls; ++i) {
    const CheckedDirectoryLine line = DirectoryLine(block, directory, i);
    result_.places.Add(line.call_id, block.position);
    if (line.previous.set() && plan_.Has(line.previous.segment())) result_.places.Remove(line.call_id, line.previous);
  }
}

void SegmentChecker::CheckFooter(const CheckedBlock& block, std::string_view body, uint64_t body_offset) {
  const uint64_t entries = LittleEndian(body.data(), 8);
  const uint64_t size = LittleEndian(body.data() + 8, 8);
  const uint64_t counted = result_.next_sequence - result_.header->first_sequence;
  if (entries != counted) {
    Add(body_offset, 8, absl::StrCat("the footer counts ", entries, " entries, and there are ", counted));
  }
  if (size != block.position.offset()) {
    Add(body_offset + 8, 8, absl::StrCat("the footer says that it stands at ", size));
  }
}

absl::Status SegmentChecker::LookBehind() {
  constexpr std::string_view kMark = "SPBK";
  constexpr size_t kPiece = size_t{1} << 20;
  result_.all_zeros_behind = true;
  for (uint64_t at = result_.end; at < window_.size() && !result_.valid_block_behind; at += kPiece) {
    // A header that begins in this piece may end in the next.
    const absl::StatusOr<std::string_view> bytes = window_.At(at, kPiece + kBlockHeaderSize);
    if (!bytes.ok()) return bytes.status();
    if (bytes->empty()) break;
    if (bytes->find_first_not_of('\0') == std::string_view::npos) continue;
    result_.all_zeros_behind = false;
    for (size_t i = bytes->find(kMark); i != std::string_view::npos; i = bytes->find(kMark, i + 1)) {
      CheckedBlock block;
      if (at + i == result_.end || i + kBlockHeaderSize > bytes->size()) continue;
      if (CheckBlockHeader(bytes->substr(i, kBlockHeaderSize), std::nullopt, block).has_value()) continue;
      if (block.position == Position(result_.number, at + i)) {
        result_.valid_block_behind = true;
        break;
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool SegmentCheckPlan::Has(uint64_t segment) const {
  return std::binary_search(segments.begin(), segments.end(), segment);
}

void CountCall(const SegmentCheckPlan& plan, const PlacedCall& call, SetSum& contents) {
  if (call.started >= plan.index_end) return;
  StatedCall stated = call.part.stated();
  if (!call.ended.set() || call.ended >= plan.index_end) stated.SetEnd(CallRow());
  if (plan.on_call) plan.on_call(stated);
  contents.Add(stated.Canonical());
}

absl::Status CheckSegment(const SegmentCheckPlan& plan, uint64_t number, uint64_t size, CheckedSegmentLog& result) {
  result.number = number;
  result.size = size;
  result.places = SetSum(plan.seed);
  result.contents = SetSum(plan.seed);
  absl::StatusOr<ReadableFile> file = ReadableFile::Open(plan.layout.Segment(number));
  if (!file.ok()) return file.status();
  std::optional<SegmentWindow> leaves;
  if (plan.leaves_size != 0) {
    absl::StatusOr<ReadableFile> leaf_file = ReadableFile::Open(plan.layout.Leaves());
    if (!leaf_file.ok()) return leaf_file.status();
    leaves.emplace(*std::move(leaf_file), plan.leaves_size);
  }
  SegmentChecker checker(plan, SegmentWindow(*std::move(file), size), std::move(leaves), result);
  return checker.Check();
}

}  // namespace sallyport::recorder
