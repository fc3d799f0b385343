#include "recorder/evidence/block_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

absl::Status DamageAt(Position at, std::string_view what) {
  return absl::DataLossError(absl::StrCat("segment ", at.segment(), ", offset ", at.offset(), ": ", View(what)));
}

absl::StatusOr<std::string_view> BlockSource::Read(Position at, size_t size) {
  if (number_ != at.segment()) {
    absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout_.Segment(at.segment()));
    if (absl::IsNotFound(file.status())) {
      return absl::NotFoundError(absl::StrCat("segment ", at.segment(), " was deleted"));
    }
    if (!file.ok()) return file.status();
    const absl::StatusOr<uint64_t> length = file->Size();
    if (!length.ok()) return length.status();
    window_.emplace(*std::move(file), *length);
    number_ = at.segment();
  }
  const absl::StatusOr<std::string_view> bytes = window_->At(at.offset(), size);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < size) return DamageAt(at, "the segment ends here");
  return *bytes;
}

absl::StatusOr<BlockSource::Block> BlockSource::ReadBlock(Position at) {
  absl::StatusOr<std::string_view> bytes = Read(at, kBlockHeaderSize);
  if (!bytes.ok()) return bytes.status();
  Block block;
  if (auto bad = CheckBlockHeader(*bytes, std::nullopt, block.checked)) {
    return DamageAt({at.segment(), at.offset() + bad->offset}, bad->text);
  }
  if (block.checked.position != at) return DamageAt(at, "a block stands here that belongs elsewhere");
  const uint64_t size = kBlockHeaderSize + block.checked.payload_size();
  if (window_->size() < at.offset() + size) return DamageAt(at, "the segment ends within this block");
  bytes = Read(at, size);
  if (!bytes.ok()) return bytes.status();
  block.header = bytes->substr(0, kBlockHeaderSize);
  const std::string_view payload = bytes->substr(kBlockHeaderSize);
  if (auto bad = CheckPayload(block.checked, payload, block.payload)) {
    return DamageAt({at.segment(), at.offset() + kBlockHeaderSize + bad->offset}, bad->text);
  }
  block.end = {at.segment(), at.offset() + size};
  return block;
}

absl::StatusOr<BodyOpener*> BodyOpeners::For(uint64_t segment) {
  if (number_ != segment) {
    absl::StatusOr<DataKey> key = keys_.OpenDataKey(segment);
    if (!key.ok()) return key.status();
    opener_.emplace(keys_.store_id(), *key);
    number_ = segment;
  }
  return &*opener_;
}

}  // namespace sallyport::recorder
