#include "recorder/log/block.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/wire_encoding.h"

namespace sallyport::recorder {

absl::Status ForEachEntry(std::string_view body, absl::FunctionRef<absl::Status(std::string_view)> entry) {
  while (!body.empty()) {
    std::string_view bytes;
    if (!TakeLengthPrefixed(body, bytes)) return absl::DataLossError("an entry is longer than its block");
    if (absl::Status status = entry(bytes); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void BlockBuilder::Begin(absl::Span<const DirectoryEntry> directory) {
  calls_ = static_cast<uint32_t>(directory.size());
  entries_ = 0;
  body_offset_ = kBlockHeaderSize + directory.size() * kDirectoryEntrySize;
  buffer_.resize(body_offset_);
  char* at = buffer_.data() + kBlockHeaderSize;
  for (const DirectoryEntry& entry : directory) {
    entry.Encode(at);
    at += kDirectoryEntrySize;
  }
}

void BlockBuilder::AddBody(std::string_view entries, uint32_t count) {
  buffer_.append(entries);
  entries_ += count;
}

std::string_view BlockBuilder::Finish(BlockType type, Position position, uint64_t first_sequence) {
  BlockHeader header;
  header.type = type;
  header.codec = Codec::kPlain;
  header.position = position;
  header.first_sequence = first_sequence;
  header.entries = entries_;
  header.calls = calls_;
  header.plain_length = static_cast<uint32_t>(buffer_.size() - body_offset_);
  header.stored_length = header.plain_length;
  header.checksum = header.Checksum(std::string_view(buffer_).substr(kBlockHeaderSize));
  char encoded[kBlockHeaderSize];
  header.Encode(encoded);
  buffer_.replace(0, kBlockHeaderSize, encoded, kBlockHeaderSize);
  return buffer_;
}

std::string EncodeFooter(Position position, uint64_t first_sequence, uint64_t next_sequence, absl::Time now) {
  SegmentFooter footer;
  footer.entries = next_sequence - first_sequence;
  footer.size = position.offset();
  footer.closed_ns = absl::ToUnixNanos(now);
  char body[kFooterBodySize];
  footer.Encode(body);
  BlockBuilder builder;
  builder.Begin({});
  builder.AddBody({body, sizeof(body)}, 0);
  return std::string(builder.Finish(BlockType::kFooter, position, next_sequence));
}

absl::StatusOr<Block> OpenBlock(const BlockHeader& header, std::string payload) {
  if (payload.size() != header.payload_size() || header.Checksum(payload) != header.checksum) {
    return absl::DataLossError("checksum mismatch");
  }
  Block block;
  block.header = header;
  block.directory.reserve(header.calls);
  for (uint32_t i = 0; i < header.calls; ++i) {
    block.directory.push_back(DirectoryEntry::Decode(payload.data() + i * kDirectoryEntrySize));
  }
  payload.erase(0, header.directory_size());
  block.body = std::move(payload);
  return block;
}

}  // namespace sallyport::recorder
