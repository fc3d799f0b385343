#include "recorder/format/log_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>

#include "recorder/format/wire_encoding.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kSegmentChecksumOffset = kSegmentHeaderSize - 8;
constexpr size_t kBlockChecksumOffset = kBlockHeaderSize - 8;

// In format 2 the byte was zero.
uint8_t FormatByte(uint16_t format) { return format == 2 ? 0 : static_cast<uint8_t>(format); }

}  // namespace

void SegmentHeader::Encode(char (&out)[kSegmentHeaderSize]) const {
  char* at = std::copy(kSegmentMagic.begin(), kSegmentMagic.end(), out);
  at = PutFixed(at, format);
  at = PutFixed<uint16_t>(at, 0);
  at = PutFixed<uint32_t>(at, kSegmentHeaderSize);
  at = std::copy(store_id.begin(), store_id.end(), at);
  at = PutFixed(at, number);
  at = PutFixed(at, created_ns);
  at = PutFixed(at, first_sequence);
  at = PutFixed(at, leaf_index);
  at = std::copy(key_id.begin(), key_id.end(), at);
  at = std::copy(tree_root.begin(), tree_root.end(), at);
  at = PutFixed<uint64_t>(at, 0);
  PutFixed<uint64_t>(at, XXH3_64bits(out, kSegmentChecksumOffset));
}

std::optional<SegmentHeader> SegmentHeader::Decode(const char (&bytes)[kSegmentHeaderSize]) {
  if (std::string_view(bytes, kSegmentMagic.size()) != kSegmentMagic) return std::nullopt;
  if (GetFixed<uint64_t>(bytes + kSegmentChecksumOffset) != XXH3_64bits(bytes, kSegmentChecksumOffset)) {
    return std::nullopt;
  }
  const auto format = GetFixed<uint16_t>(bytes + 8);
  if (format < kOldestFormatVersion || format > kFormatVersion || GetFixed<uint16_t>(bytes + 10) != 0 ||
      GetFixed<uint32_t>(bytes + 12) != kSegmentHeaderSize || GetFixed<uint64_t>(bytes + 112) != 0) {
    return std::nullopt;
  }
  SegmentHeader header;
  header.format = format;
  std::copy_n(bytes + 16, header.store_id.size(), header.store_id.begin());
  header.number = GetFixed<uint64_t>(bytes + 32);
  header.created_ns = GetFixed<int64_t>(bytes + 40);
  header.first_sequence = GetFixed<uint64_t>(bytes + 48);
  header.leaf_index = GetFixed<uint64_t>(bytes + 56);
  std::copy_n(bytes + 64, header.key_id.size(), header.key_id.begin());
  std::copy_n(bytes + 80, header.tree_root.size(), header.tree_root.begin());
  return header;
}

void BlockHeader::Encode(char (&out)[kBlockHeaderSize]) const {
  char* at = PutFixed(out, kBlockMagic);
  at = PutFixed(at, static_cast<uint8_t>(type));
  at = PutFixed(at, static_cast<uint8_t>(codec));
  at = PutFixed(at, static_cast<uint8_t>(seal));
  at = PutFixed(at, FormatByte(format));
  at = PutFixed(at, position.packed());
  at = PutFixed(at, first_sequence);
  at = PutFixed(at, entries);
  at = PutFixed(at, calls);
  at = PutFixed(at, stored_length);
  at = PutFixed(at, plain_length);
  at = PutFixed(at, leaf_index);
  at = std::copy(nonce.begin(), nonce.end(), at);
  at = PutFixed(at, parts_length);
  at = std::copy(entries_root.begin(), entries_root.end(), at);
  at = std::copy(payload_hash.begin(), payload_hash.end(), at);
  PutFixed<uint64_t>(at, XXH3_64bits(out, kBlockChecksumOffset));
}

namespace {

// Whether the lengths fit each other and the kind of block.
bool LengthsAgree(const BlockHeader& header) {
  if (header.parts_length != 0 &&
      (header.format == 2 || header.type != BlockType::kEntries || header.parts_length <= PartTableSize(1))) {
    return false;
  }
  if (header.plain_length > kMaxBodySize) return false;
  const uint64_t tag = header.seal == Seal::kAes256Gcm ? Aes256Gcm::kTagSize : 0;
  if (header.stored_length < tag) return false;
  const uint64_t encoded = header.stored_length - tag;
  // What compression makes larger is stored plain.
  if (header.codec == Codec::kPlain ? encoded != header.plain_length : encoded >= header.plain_length) return false;
  switch (header.type) {
    case BlockType::kEntries:
      // Every call in the directory has an entry, and every entry at least a length and a byte.
      return header.calls <= header.entries && header.entries != 0 && header.plain_length > kSaltSeedSize &&
             (header.plain_length - kSaltSeedSize) / 2 >= header.entries;
    case BlockType::kFooter:
      return header.calls == 0 && header.entries == 0 && header.plain_length == kFooterBodySize;
    case BlockType::kTombstone:
      return header.calls == 0 && header.entries == 0;
  }
  return false;
}

}  // namespace

std::optional<BlockHeader> BlockHeader::Decode(const char (&bytes)[kBlockHeaderSize]) {
  if (GetFixed<uint32_t>(bytes) != kBlockMagic) return std::nullopt;
  if (GetFixed<uint64_t>(bytes + kBlockChecksumOffset) != XXH3_64bits(bytes, kBlockChecksumOffset)) {
    return std::nullopt;
  }
  BlockHeader header;
  header.format = bytes[7] == 0 ? 2 : static_cast<uint8_t>(bytes[7]);
  if (bytes[7] != 0 && (header.format <= kOldestFormatVersion || header.format > kFormatVersion)) return std::nullopt;
  header.parts_length = GetFixed<uint32_t>(bytes + 60);
  header.type = static_cast<BlockType>(bytes[4]);
  header.codec = static_cast<Codec>(bytes[5]);
  header.seal = static_cast<Seal>(bytes[6]);
  header.position = Position::FromPacked(GetFixed<uint64_t>(bytes + 8));
  header.first_sequence = GetFixed<uint64_t>(bytes + 16);
  header.entries = GetFixed<uint32_t>(bytes + 24);
  header.calls = GetFixed<uint32_t>(bytes + 28);
  header.stored_length = GetFixed<uint32_t>(bytes + 32);
  header.plain_length = GetFixed<uint32_t>(bytes + 36);
  header.leaf_index = GetFixed<uint64_t>(bytes + 40);
  std::copy_n(bytes + 48, header.nonce.size(), header.nonce.begin());
  std::copy_n(bytes + 64, header.entries_root.size(), header.entries_root.begin());
  std::copy_n(bytes + 96, header.payload_hash.size(), header.payload_hash.begin());
  if (header.codec != Codec::kPlain && header.codec != Codec::kZstd) return std::nullopt;
  if (header.seal != Seal::kNone && header.seal != Seal::kAes256Gcm) return std::nullopt;
  // Entries are always sealed; what is no secret never is, nor encoded.
  const bool entries = header.type == BlockType::kEntries;
  if (entries ? header.seal == Seal::kNone : header.codec != Codec::kPlain || header.seal != Seal::kNone) {
    return std::nullopt;
  }
  if (!LengthsAgree(header)) return std::nullopt;
  return header;
}

Hash PayloadHash(uint16_t format, std::string_view directory, std::string_view stored_body,
                 std::string_view part_table) {
  const Hash of_directory = Sha256({directory});
  const Hash of_body = Sha256({stored_body});
  if (format != 2) {
    const Hash of_parts = Sha256({part_table});
    return Sha256({AsText(of_directory), AsText(of_body), AsText(of_parts)});
  }
  return Sha256({AsText(of_directory), AsText(of_body)});
}

std::string SealAssociatedData(const StoreId& store_id, const KeyId& key_id, const char (&header)[kBlockHeaderSize]) {
  std::string data;
  data.reserve(store_id.size() + key_id.size() + kBoundHeaderSize);
  data.append(store_id.data(), store_id.size());
  data.append(key_id.data(), key_id.size());
  data.append(header, kBoundHeaderSize);
  return data;
}

void DirectoryEntry::Encode(char* out) const {
  char* at = PutFixed(PutFixed(out, call_id), previous.packed());
  PutFixed(PutFixed(at, entries), static_cast<uint32_t>(ends ? 1 : 0));
}

DirectoryEntry DirectoryEntry::Decode(uint16_t format, const char* bytes) {
  DirectoryEntry entry{GetFixed<uint64_t>(bytes), Position::FromPacked(GetFixed<uint64_t>(bytes + 8))};
  if (format == 2) return entry;
  entry.entries = GetFixed<uint32_t>(bytes + 16);
  entry.ends = (GetFixed<uint32_t>(bytes + 20) & 1) != 0;
  return entry;
}

void PartLine::Encode(char* out) const { std::copy(hash.begin(), hash.end(), PutFixed(out, length)); }

PartLine PartLine::Decode(const char* bytes) {
  PartLine line;
  line.length = GetFixed<uint32_t>(bytes);
  std::copy_n(bytes + 4, line.hash.size(), line.hash.begin());
  return line;
}

std::optional<std::vector<PartLine>> ReadPartTable(std::string_view bytes) {
  if (bytes.empty()) return std::vector<PartLine>();
  if (bytes.size() < kPartCountSize) return std::nullopt;
  const uint64_t count = GetFixed<uint32_t>(bytes.data());
  if (count == 0 || count > (bytes.size() - kPartCountSize) / kPartLineSize) return std::nullopt;
  std::vector<PartLine> lines;
  lines.reserve(count);
  uint64_t size = PartTableSize(count);
  for (uint64_t i = 0; i < count; ++i) {
    lines.push_back(PartLine::Decode(bytes.data() + PartTableSize(i)));
    size += lines.back().length;
  }
  if (size != bytes.size()) return std::nullopt;
  return lines;
}

void SegmentFooter::Encode(char (&out)[kFooterBodySize]) const {
  PutFixed(PutFixed(PutFixed(out, entries), size), closed_ns);
}

SegmentFooter SegmentFooter::Decode(const char* bytes) {
  return {GetFixed<uint64_t>(bytes), GetFixed<uint64_t>(bytes + 8), GetFixed<int64_t>(bytes + 16)};
}

}  // namespace sallyport::recorder
