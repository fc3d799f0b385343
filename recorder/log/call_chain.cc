#include "recorder/log/call_chain.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/format/data_key_state.h"
#include "recorder/format/entry_scanner.h"

namespace sallyport::recorder {
namespace {

absl::Status Broken(Position at, std::string_view what) {
  return absl::DataLossError(
      absl::StrCat("the log is damaged in segment ", at.segment(), " at offset ", at.offset(), ": ", View(what)));
}

}  // namespace

absl::StatusOr<SegmentReader*> CallChain::Segment(uint64_t number) {
  auto found = segments_.find(number);
  if (found != segments_.end()) return &found->second;
  absl::StatusOr<SegmentReader> reader = SegmentReader::Open(place_, keys_, number);
  if (absl::IsNotFound(reader.status())) {
    return absl::DataLossError(absl::StrCat("segment ", number, ", which holds entries of the call, is gone"));
  }
  if (!reader.ok()) return reader.status();
  if (segments_.size() >= kSegmentsKeptOpen) segments_.erase(segments_.begin());
  return &segments_.emplace(number, *std::move(reader)).first->second;
}

absl::StatusOr<const Block*> CallChain::Directory(Position at) {
  if (directory_.position() == at) return &directory_;
  absl::StatusOr<SegmentReader*> segment = Segment(at.segment());
  if (!segment.ok()) return segment.status();
  absl::StatusOr<Block> block = (*segment)->ReadDirectory(at.offset());
  if (absl::IsOutOfRange(block.status())) return Broken(at, "the file ends before a block that another one names");
  if (!block.ok()) return block.status();
  directory_ = *std::move(block);
  return &directory_;
}

absl::StatusOr<std::shared_ptr<const Block>> CallChain::Whole(Position at) {
  if (whole_ != nullptr && whole_->position() == at) return whole_;
  absl::StatusOr<SegmentReader*> segment = Segment(at.segment());
  if (!segment.ok()) return segment.status();
  absl::StatusOr<Block> block = (*segment)->ReadBlock(at.offset());
  if (absl::IsOutOfRange(block.status())) return Broken(at, "the file ends before a block that another one names");
  if (!block.ok()) return block.status();
  whole_ = std::make_shared<const Block>(*std::move(block));
  return whole_;
}

absl::StatusOr<std::vector<Position>> CallChain::Blocks(uint64_t call_id, Position last) {
  std::vector<Position> blocks;
  for (Position at = last; at.set();) {
    absl::StatusOr<const Block*> block = Directory(at);
    if (!block.ok()) return block.status();
    const std::vector<DirectoryEntry>& directory = (*block)->directory;
    const auto entry = std::find_if(directory.begin(), directory.end(),
                                    [&](const DirectoryEntry& entry) { return entry.call_id == call_id; });
    if (entry == directory.end()) return Broken(at, "the block's directory lacks a call that should be in it");
    if (entry->previous >= at) return Broken(at, "the block's directory names a later block as an earlier one");
    blocks.push_back(at);
    at = entry->previous;
  }
  std::reverse(blocks.begin(), blocks.end());
  return blocks;
}

absl::Status CallChain::ReadEntries(const std::vector<Position>& blocks,
                                    absl::FunctionRef<absl::Status(uint64_t call_id, std::string_view entry)> entry) {
  for (Position at : blocks) {
    // Kept while its entries are handed on, whatever else is read meanwhile.
    const absl::StatusOr<std::shared_ptr<const Block>> block = Whole(at);
    if (!block.ok()) return block.status();
    if ((*block)->shredded) {
      return absl::NotFoundError(WhyNoDataKey(place_.layout(), at.segment()));
    }
    const absl::Status status = ForEachEntry((*block)->body, [&](std::string_view bytes) {
      ScannedEntry head;
      if (!ScanEntry(bytes, head)) return Broken(at, "the block holds something that is no entry");
      return entry(head.call_id, bytes);
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
