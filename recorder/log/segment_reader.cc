#include "recorder/log/segment_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/merkle.h"
#include "recorder/crypto/text.h"
#include "recorder/format/wire_encoding.h"

namespace sallyport::recorder {

absl::StatusOr<SegmentReader> SegmentReader::Open(const LogPlace& place, StoreKeys& keys, uint64_t number) {
  absl::StatusOr<std::unique_ptr<SegmentBytes>> file = place.segments().Open(number);
  if (!file.ok()) return file.status();
  char bytes[kSegmentHeaderSize];
  absl::StatusOr<size_t> got = (*file)->Read(0, sizeof(bytes), bytes);
  if (!got.ok()) return got.status();
  std::optional<SegmentHeader> header;
  if (*got == sizeof(bytes)) header = SegmentHeader::Decode(bytes);
  if (!header.has_value()) {
    return absl::DataLossError(absl::StrCat("the header of ", (*file)->name(), " is damaged, or of another version"));
  }
  if (header->number != number) {
    return absl::DataLossError(
        absl::StrCat((*file)->name(), " holds segment ", header->number, ": the file was renamed or replaced"));
  }
  if (header->store_id != keys.store_id()) {
    return absl::DataLossError(absl::StrCat((*file)->name(), " belongs to another store"));
  }
  return SegmentReader(*std::move(file), keys, *header, LeafHash({bytes, sizeof(bytes)}));
}

absl::StatusOr<BlockOpener*> SegmentReader::Opener() {
  if (opener_.has_value()) return &*opener_;
  absl::StatusOr<DataKey> key = keys_->OpenDataKey(number());
  if (!key.ok() && !absl::IsNotFound(key.status())) return key.status();
  if (key.ok() && key->id != header_.key_id) {
    return absl::DataLossError(
        absl::StrCat("the data key kept for segment ", number(), " is not the one the segment names"));
  }
  opener_.emplace(header_.store_id, header_.key_id, key.ok() ? &key->key : nullptr);
  return &*opener_;
}

absl::Status SegmentReader::Damage(uint64_t offset, std::string_view what) const {
  return absl::DataLossError(absl::StrCat("the log is damaged in segment ", number(), " at offset ", offset, " (",
                                          bytes_->name(), "): ", View(what)));
}

absl::StatusOr<BlockHeader> SegmentReader::ReadBlockHeader(uint64_t offset, uint64_t file_size) const {
  char bytes[kBlockHeaderSize];
  absl::StatusOr<size_t> got = bytes_->Read(offset, sizeof(bytes), bytes);
  if (!got.ok()) return got.status();
  if (*got == 0) return absl::OutOfRangeError("end of segment");
  if (*got < sizeof(bytes)) return Damage(offset, "the file ends within a block header");
  const std::optional<BlockHeader> header = BlockHeader::Decode(bytes);
  if (!header.has_value()) return Damage(offset, "no block header");
  if (header->format != header_.format) return Damage(offset, "a block of another format than the segment");
  if (header->position != Position(number(), offset)) return Damage(offset, "a block that belongs elsewhere");
  if (header->payload_size() > file_size - std::min(file_size, offset + kBlockHeaderSize)) {
    return Damage(offset, "the file ends within a block");
  }
  return *header;
}

absl::StatusOr<Block> SegmentReader::ReadBlock(uint64_t offset) {
  absl::StatusOr<uint64_t> size = Size();
  if (!size.ok()) return size.status();
  absl::StatusOr<BlockHeader> header = ReadBlockHeader(offset, *size);
  if (!header.ok()) return header.status();
  std::string payload(header->payload_size(), '\0');
  absl::StatusOr<size_t> got = bytes_->Read(offset + kBlockHeaderSize, payload.size(), payload.data());
  if (!got.ok()) return got.status();
  payload.resize(*got);
  // Footers and tombstones need no key: to get one may cost a run of a key command.
  absl::StatusOr<Block> block = absl::InternalError("");
  if (header->seal == Seal::kNone) {
    block = BlockOpener(header_.store_id, header_.key_id, nullptr).Open(*header, std::move(payload));
  } else {
    absl::StatusOr<BlockOpener*> opener = Opener();
    if (!opener.ok()) return opener.status();
    block = (*opener)->Open(*header, std::move(payload));
  }
  if (!block.ok()) return Damage(offset, std::string(block.status().message()));
  return block;
}

absl::StatusOr<Block> SegmentReader::ReadDirectory(uint64_t offset) const {
  absl::StatusOr<uint64_t> size = Size();
  if (!size.ok()) return size.status();
  absl::StatusOr<BlockHeader> header = ReadBlockHeader(offset, *size);
  if (!header.ok()) return header.status();
  Block block;
  block.header = *header;
  block.leaf = HeaderLeaf(*header);
  std::string bytes(header->directory_size(), '\0');
  absl::StatusOr<size_t> got = bytes_->Read(offset + kBlockHeaderSize, bytes.size(), bytes.data());
  if (!got.ok()) return got.status();
  if (*got < bytes.size()) return Damage(offset, "the file ends within a block's directory");
  for (size_t at = 0; at < bytes.size(); at += DirectoryEntrySize(header->format)) {
    block.directory.push_back(DirectoryEntry::Decode(header->format, bytes.data() + at));
  }
  return block;
}

absl::Status SegmentReader::WalkDirectories(absl::FunctionRef<absl::Status(const Block&)> block) const {
  for (uint64_t offset = kSegmentHeaderSize;;) {
    absl::StatusOr<Block> read = ReadDirectory(offset);
    if (absl::IsOutOfRange(read.status())) return Damage(offset, "the segment ends without a footer");
    if (!read.ok()) return read.status();
    if (absl::Status status = block(*read); !status.ok()) return status;
    if (read->header.type == BlockType::kFooter) return absl::OkStatus();
    offset = read->end().offset();
  }
}

absl::StatusOr<SegmentFooter> SegmentReader::ReadFooter() {
  absl::StatusOr<uint64_t> size = Size();
  if (!size.ok()) return size.status();
  constexpr uint64_t kFooterSize = kBlockHeaderSize + kFooterBodySize;
  if (*size < kSegmentHeaderSize + kFooterSize) return Damage(*size, "the file ends without a footer");
  const uint64_t offset = *size - kFooterSize;
  absl::StatusOr<Block> footer = ReadBlock(offset);
  if (absl::IsDataLoss(footer.status()) || absl::IsOutOfRange(footer.status())) {
    return Damage(offset, "no footer, although another segment follows");
  }
  if (!footer.ok()) return footer.status();
  if (footer->header.type != BlockType::kFooter || SegmentFooter::Decode(footer->body.data()).size != offset) {
    return Damage(offset, "no footer, although another segment follows");
  }
  return SegmentFooter::Decode(footer->body.data());
}

absl::StatusOr<std::optional<uint64_t>> SegmentReader::FindBlock(uint64_t offset) {
  constexpr size_t kChunk = 1 << 20;
  char magic[sizeof(kBlockMagic)];
  PutFixed(magic, kBlockMagic);
  std::string chunk(kChunk, '\0');
  while (true) {
    absl::StatusOr<size_t> got = bytes_->Read(offset, kChunk, chunk.data());
    if (!got.ok()) return got.status();
    const std::string_view bytes(chunk.data(), *got);
    for (size_t at = bytes.find({magic, sizeof(magic)}); at != std::string_view::npos;
         at = bytes.find({magic, sizeof(magic)}, at + 1)) {
      absl::StatusOr<Block> block = ReadBlock(offset + at);
      if (block.ok()) return offset + at;
      if (!absl::IsDataLoss(block.status()) && !absl::IsOutOfRange(block.status())) return block.status();
    }
    if (*got < kChunk) return std::nullopt;
    offset += kChunk - (sizeof(magic) - 1);
  }
}

}  // namespace sallyport::recorder
