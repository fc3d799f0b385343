#include "recorder/log/log_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "recorder/wire_encoding.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kSegmentChecksumOffset = kSegmentHeaderSize - 8;
constexpr size_t kBlockChecksumOffset = kBlockHeaderSize - 8;

}  // namespace

void SegmentHeader::Encode(char (&out)[kSegmentHeaderSize]) const {
  char* at = std::copy(kSegmentMagic.begin(), kSegmentMagic.end(), out);
  at = PutFixed<uint16_t>(at, kFormatVersion);
  at = PutFixed<uint16_t>(at, 0);
  at = PutFixed<uint32_t>(at, kSegmentHeaderSize);
  at = std::copy(store_id.begin(), store_id.end(), at);
  at = PutFixed(at, number);
  at = PutFixed(at, created_ns);
  at = PutFixed(at, first_sequence);
  PutFixed<uint64_t>(at, XXH3_64bits(out, kSegmentChecksumOffset));
}

std::optional<SegmentHeader> SegmentHeader::Decode(const char (&bytes)[kSegmentHeaderSize]) {
  if (std::string_view(bytes, kSegmentMagic.size()) != kSegmentMagic) return std::nullopt;
  if (GetFixed<uint64_t>(bytes + kSegmentChecksumOffset) != XXH3_64bits(bytes, kSegmentChecksumOffset)) {
    return std::nullopt;
  }
  if (GetFixed<uint16_t>(bytes + 8) != kFormatVersion || GetFixed<uint32_t>(bytes + 12) != kSegmentHeaderSize) {
    return std::nullopt;
  }
  SegmentHeader header;
  std::copy_n(bytes + 16, header.store_id.size(), header.store_id.begin());
  header.number = GetFixed<uint64_t>(bytes + 32);
  header.created_ns = GetFixed<int64_t>(bytes + 40);
  header.first_sequence = GetFixed<uint64_t>(bytes + 48);
  return header;
}

void BlockHeader::Encode(char (&out)[kBlockHeaderSize]) const {
  char* at = PutFixed(out, kBlockMagic);
  at = PutFixed(at, static_cast<uint8_t>(type));
  at = PutFixed(at, static_cast<uint8_t>(codec));
  at = PutFixed<uint16_t>(at, 0);
  at = PutFixed(at, position.packed());
  at = PutFixed(at, first_sequence);
  at = PutFixed(at, entries);
  at = PutFixed(at, calls);
  at = PutFixed(at, stored_length);
  at = PutFixed(at, plain_length);
  PutFixed(at, checksum);
}

std::optional<BlockHeader> BlockHeader::Decode(const char (&bytes)[kBlockHeaderSize]) {
  if (GetFixed<uint32_t>(bytes) != kBlockMagic || GetFixed<uint16_t>(bytes + 6) != 0) return std::nullopt;
  BlockHeader header;
  header.type = static_cast<BlockType>(bytes[4]);
  header.codec = static_cast<Codec>(bytes[5]);
  header.position = Position::FromPacked(GetFixed<uint64_t>(bytes + 8));
  header.first_sequence = GetFixed<uint64_t>(bytes + 16);
  header.entries = GetFixed<uint32_t>(bytes + 24);
  header.calls = GetFixed<uint32_t>(bytes + 28);
  header.stored_length = GetFixed<uint32_t>(bytes + 32);
  header.plain_length = GetFixed<uint32_t>(bytes + 36);
  header.checksum = GetFixed<uint64_t>(bytes + kBlockChecksumOffset);

  if (header.codec != Codec::kPlain || header.stored_length != header.plain_length) return std::nullopt;
  if (header.plain_length > kMaxBodySize) return std::nullopt;
  switch (header.type) {
    case BlockType::kEntries:
      // Every call in the directory has an entry, and every entry at least a length and a byte.
      if (header.calls > header.entries || header.entries == 0 || header.plain_length / 2 < header.entries) {
        return std::nullopt;
      }
      return header;
    case BlockType::kFooter:
      if (header.calls != 0 || header.entries != 0 || header.plain_length != kFooterBodySize) return std::nullopt;
      return header;
  }
  return std::nullopt;
}

uint64_t BlockHeader::Checksum(std::string_view payload) const {
  char bytes[kBlockHeaderSize];
  Encode(bytes);
  return XXH3_64bits_withSeed(payload.data(), payload.size(), XXH3_64bits(bytes, kBlockChecksumOffset));
}

void DirectoryEntry::Encode(char* out) const { PutFixed(PutFixed(out, call_id), previous.packed()); }

DirectoryEntry DirectoryEntry::Decode(const char* bytes) {
  return {GetFixed<uint64_t>(bytes), Position::FromPacked(GetFixed<uint64_t>(bytes + 8))};
}

void SegmentFooter::Encode(char (&out)[kFooterBodySize]) const {
  PutFixed(PutFixed(PutFixed(out, entries), size), closed_ns);
}

SegmentFooter SegmentFooter::Decode(const char* bytes) {
  return {GetFixed<uint64_t>(bytes), GetFixed<uint64_t>(bytes + 8), GetFixed<int64_t>(bytes + 16)};
}

}  // namespace sallyport::recorder
