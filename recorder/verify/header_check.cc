#include "recorder/verify/header_check.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cassert>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

constexpr uint64_t kTagSize = 16;
constexpr size_t kChecksumSize = 8;
// An entry is at least a length and a byte of content.
constexpr uint64_t kSmallestEntry = 2;

std::string LittleEndianBytes(uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

std::optional<BadBytes> MustBe(std::string_view bytes, size_t offset, std::string_view wanted, std::string_view what) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (bytes[offset + i] != wanted[i]) return BadBytes{offset + i, 1, std::string(what)};
  }
  return std::nullopt;
}

std::optional<BadBytes> MustBe(std::string_view bytes, size_t offset, int size, uint64_t wanted,
                               std::string_view what) {
  const uint64_t is = LittleEndian(bytes.data() + offset, size);
  if (is == wanted) return std::nullopt;
  return MustBe(bytes, offset, LittleEndianBytes(wanted, size), absl::StrCat(View(what), " is ", is, ", not ", wanted));
}

// The one byte whose change makes the header fit its checksum, if there is one.
std::optional<size_t> FindChangedByte(std::string_view bytes) {
  const size_t covered = bytes.size() - kChecksumSize;
  const uint64_t checksum = LittleEndian(bytes.data() + covered, kChecksumSize);
  const uint64_t difference = checksum ^ XXH3_64bits(bytes.data(), covered);
  for (size_t i = 0; i < kChecksumSize; ++i) {
    if ((difference & ~(uint64_t{0xFF} << (8 * i))) == 0) return covered + i;
  }
  std::string copy(bytes.substr(0, covered));
  for (size_t i = 0; i < covered; ++i) {
    const char was = copy[i];
    for (int value = 0; value < 256; ++value) {
      copy[i] = static_cast<char>(value);
      if (XXH3_64bits(copy.data(), covered) == checksum) return i;
    }
    copy[i] = was;
  }
  return std::nullopt;
}

std::optional<BadBytes> CheckChecksum(std::string_view bytes) {
  const size_t covered = bytes.size() - kChecksumSize;
  if (LittleEndian(bytes.data() + covered, kChecksumSize) == XXH3_64bits(bytes.data(), covered)) return std::nullopt;
  const std::string what = absl::StrCat("the header's bytes 0 to ", covered - 1, " do not fit its XXH3-64");
  if (const std::optional<size_t> changed = FindChangedByte(bytes)) return BadBytes{*changed, 1, what};
  return BadBytes{0, bytes.size(), what};
}

BadBytes Field(size_t offset, size_t length, std::string text) { return {offset, length, std::move(text)}; }

std::optional<BadBytes> CheckEntriesLengths(const CheckedBlock& block) {
  if (!block.sealed) return Field(6, 1, "entries are not sealed");
  if (block.entries == 0) return Field(24, 4, "a block of entries has none");
  if (block.calls == 0) return Field(28, 4, "a block of entries names no call");
  if (block.calls > block.entries) return Field(28, 4, "more calls than entries");
  if (block.parts_length != 0 && block.parts_length <= PartTableSize(1)) {
    return Field(60, 4, "there is no room for a part");
  }
  if (block.plain_length < kSaltSeedSize + kSmallestEntry * block.entries) {
    return Field(36, 4, absl::StrCat("there is no room for ", block.entries, " entries"));
  }
  return std::nullopt;
}

std::optional<BadBytes> CheckOtherLengths(std::string_view bytes, const CheckedBlock& block) {
  if (auto bad = MustBe(bytes, 60, 4, 0, "the length of parts")) return bad;
  if (block.codec != Codec::kPlain) return Field(5, 1, "only entries are compressed");
  if (block.sealed) return Field(6, 1, "only entries are sealed");
  if (auto bad = MustBe(bytes, 24, 4, 0, "the number of entries")) return bad;
  if (auto bad = MustBe(bytes, 28, 4, 0, "the number of calls")) return bad;
  if (block.type == BlockType::kFooter) {
    if (auto bad = MustBe(bytes, 36, 4, kFooterBodySize, "the length of a footer")) return bad;
  }
  return MustBe(bytes, 64, std::string(sizeof(Hash), '\0'), "the entries root without entries is not zero");
}

// Whether kind, lengths and counts go together.
std::optional<BadBytes> CheckLengths(std::string_view bytes, const CheckedBlock& block) {
  if (block.plain_length > kMaxBodySize) return Field(36, 4, "the body is longer than 2^30 bytes");
  if (!block.sealed) {
    if (auto bad = MustBe(bytes, 48, std::string(12, '\0'), "the nonce without a seal is not zero")) return bad;
  }
  if (auto bad = block.type == BlockType::kEntries ? CheckEntriesLengths(block) : CheckOtherLengths(bytes, block)) {
    return bad;
  }
  const uint64_t tag = block.sealed ? kTagSize : 0;
  if (block.codec == Codec::kPlain) {
    return MustBe(bytes, 32, 4, block.plain_length + tag, "the stored length");
  }
  if (block.stored_length < tag || block.stored_length - tag >= block.plain_length) {
    return Field(32, 4, "the stored length does not fit a compressed body");
  }
  return std::nullopt;
}

std::optional<BadBytes> CheckDirectory(const CheckedBlock& block, std::string_view directory) {
  std::vector<uint64_t> ids;
  ids.reserve(block.calls);
  uint64_t entries = 0;
  for (size_t i = 0; i < block.calls; ++i) {
    const CheckedDirectoryLine line = DirectoryLine(block, directory, i);
    ids.push_back(line.call_id);
    entries += line.entries;
    if (block.format != 2) {
      if (line.entries == 0) return BadBytes{i * block.line_size() + 16, 4, "the directory counts no entry of a call"};
      const uint64_t flags = LittleEndian(directory.data() + i * block.line_size() + 20, 4);
      if (flags > 1)
        return BadBytes{i * block.line_size() + 20, 4, "the directory says what this version does not know"};
    }
    if (!line.previous.set()) continue;
    if (line.previous >= block.position || line.previous.segment() == 0 ||
        line.previous.offset() < kSegmentHeaderSize) {
      return BadBytes{i * block.line_size() + 8, 8, "the directory names an earlier block that is no earlier block"};
    }
  }
  if (block.format != 2 && block.type == BlockType::kEntries && entries != block.entries) {
    return BadBytes{0, directory.size(),
                    absl::StrCat("the directory counts ", entries, " entries, and the block has ", block.entries)};
  }
  std::vector<uint64_t> sorted = ids;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end()) return std::nullopt;
  const auto first = std::find(ids.begin(), ids.end(), *twice);
  const auto second = std::find(first + 1, ids.end(), *twice);
  return BadBytes{static_cast<uint64_t>(second - ids.begin()) * block.line_size(), 8,
                  "the directory names a call twice"};
}

}  // namespace

uint64_t LittleEndian(const char* bytes, int size) {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

std::optional<BadBytes> CheckSegmentHeader(std::string_view bytes, uint64_t number, const StoreId* store_id,
                                           CheckedSegment& segment) {
  assert(bytes.size() == kSegmentHeaderSize);
  if (auto bad = MustBe(bytes, 0, kSegmentMagic, "not the header of a segment")) return bad;
  const uint64_t format = LittleEndian(bytes.data() + 8, 2);
  if (format != 2 && format != 3) {
    if (auto bad = MustBe(bytes, 8, 2, kFormatVersion, "the format version")) return bad;
  }
  if (auto bad = MustBe(bytes, 10, 2, 0, "a field that is zero")) return bad;
  if (auto bad = MustBe(bytes, 12, 4, kSegmentHeaderSize, "the header's length")) return bad;
  if (store_id != nullptr) {
    if (auto bad = MustBe(bytes, 16, {store_id->data(), store_id->size()}, "the segment is of another store")) {
      return bad;
    }
  }
  if (auto bad = MustBe(bytes, 32, 8, number, "the segment's number")) return bad;
  if (auto bad = MustBe(bytes, 112, 8, 0, "a field that is zero")) return bad;
  if (auto bad = CheckChecksum(bytes)) return bad;
  segment.format = static_cast<uint16_t>(format);
  std::copy_n(bytes.begin() + 16, segment.store_id.size(), segment.store_id.begin());
  segment.first_sequence = LittleEndian(bytes.data() + 48, 8);
  segment.leaf_index = LittleEndian(bytes.data() + 56, 8);
  std::copy_n(bytes.begin() + 64, segment.key_id.size(), segment.key_id.begin());
  std::copy_n(bytes.begin() + 80, segment.tree_root.size(), segment.tree_root.begin());
  return std::nullopt;
}

std::optional<BadBytes> CheckBlockHeader(std::string_view bytes, const std::optional<BlockPlace>& place,
                                         CheckedBlock& block) {
  assert(bytes.size() == kBlockHeaderSize);
  if (auto bad = MustBe(bytes, 0, 4, kBlockMagic, "the mark of a block")) return bad;
  if (place.has_value()) {
    if (auto bad = MustBe(bytes, 8, 8, place->position.packed(), "the block's own position")) return bad;
    if (auto bad = MustBe(bytes, 16, 8, place->sequence, "the first entry's number")) return bad;
    if (auto bad = MustBe(bytes, 40, 8, place->leaf_index, "the leaf's index")) return bad;
  }
  const bool format_2 = bytes[7] == 0;
  const auto format = static_cast<uint8_t>(bytes[7]);
  if (!format_2 && format != 3) {
    if (auto bad = MustBe(bytes, 7, 1, kFormatVersion, "the format of the block")) return bad;
  }
  if (format_2) {
    if (auto bad = MustBe(bytes, 60, 4, 0, "a field that is zero")) return bad;
  }
  if (auto bad = CheckChecksum(bytes)) return bad;
  const uint64_t type = LittleEndian(bytes.data() + 4, 1);
  const uint64_t codec = LittleEndian(bytes.data() + 5, 1);
  const uint64_t seal = LittleEndian(bytes.data() + 6, 1);
  if (type < 1 || type > 3) return BadBytes{4, 1, absl::StrCat("there is no block of type ", type)};
  if (codec > 1) return BadBytes{5, 1, absl::StrCat("there is no codec ", codec)};
  if (seal > 1) return BadBytes{6, 1, absl::StrCat("there is no seal ", seal)};
  block.format = format_2 ? 2 : format;
  block.type = static_cast<BlockType>(type);
  block.codec = static_cast<Codec>(codec);
  block.sealed = seal == 1;
  block.position = Position::FromPacked(LittleEndian(bytes.data() + 8, 8));
  block.first_sequence = LittleEndian(bytes.data() + 16, 8);
  block.entries = static_cast<uint32_t>(LittleEndian(bytes.data() + 24, 4));
  block.calls = static_cast<uint32_t>(LittleEndian(bytes.data() + 28, 4));
  block.stored_length = static_cast<uint32_t>(LittleEndian(bytes.data() + 32, 4));
  block.plain_length = static_cast<uint32_t>(LittleEndian(bytes.data() + 36, 4));
  block.leaf_index = LittleEndian(bytes.data() + 40, 8);
  block.parts_length = static_cast<uint32_t>(LittleEndian(bytes.data() + 60, 4));
  std::copy_n(bytes.begin() + 48, block.nonce.size(), block.nonce.begin());
  std::copy_n(bytes.begin() + 64, block.entries_root.size(), block.entries_root.begin());
  std::copy_n(bytes.begin() + 96, block.payload_hash.size(), block.payload_hash.begin());
  return CheckLengths(bytes, block);
}

bool FitsPayloadHash(const CheckedBlock& block, std::string_view directory, const Hash& body, const Hash& part_table) {
  const Hash of_directory = Sha256({directory});
  const std::string_view of_table = block.format == 2 ? std::string_view() : AsText(part_table);
  return Sha256({AsText(of_directory), AsText(body), of_table}) == block.payload_hash;
}

std::optional<BadBytes> CheckPayload(const CheckedBlock& block, std::string_view payload, CheckedPayload& taken) {
  assert(payload.size() == block.payload_size());
  taken.directory = payload.substr(0, block.directory_size());
  taken.body = payload.substr(taken.directory.size(), block.stored_length);
  const std::string_view behind = payload.substr(taken.directory.size() + taken.body.size());
  const uint64_t behind_at = payload.size() - behind.size();
  taken.part_table = {};
  taken.parts.clear();
  uint64_t count = 0;
  if (!behind.empty()) {
    count = LittleEndian(behind.data(), kPartCountSize);
    if (count == 0 || count > (behind.size() - kPartCountSize) / kPartLineSize) {
      return BadBytes{behind_at, kPartCountSize, absl::StrCat("there is no room for ", count, " parts")};
    }
    taken.part_table = behind.substr(0, PartTableSize(count));
  }
  if (!FitsPayloadHash(block, taken.directory, Sha256({taken.body}), Sha256({taken.part_table}))) {
    // A directory that makes no sense says more precisely where.
    if (auto bad = CheckDirectory(block, taken.directory)) return bad;
    return BadBytes{0, behind_at + taken.part_table.size(),
                    "directory, body and table of parts do not fit the header's payload hash"};
  }
  uint64_t at = taken.part_table.size();
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view line = taken.part_table.substr(PartTableSize(i), kPartLineSize);
    const uint64_t length = LittleEndian(line.data(), 4);
    if (length > behind.size() - at)
      return BadBytes{behind_at + PartTableSize(i), 4, "a part goes on behind its block"};
    taken.parts.push_back(behind.substr(at, length));
    const Hash hash = Sha256({taken.parts.back()});
    if (AsText(hash) != line.substr(4)) {
      return BadBytes{behind_at + at, std::max<uint64_t>(length, 1), "a part does not fit its hash"};
    }
    at += length;
  }
  if (at != behind.size()) return BadBytes{behind_at, kPartCountSize, "the parts are not as long as the header says"};
  return CheckDirectory(block, taken.directory);
}

CheckedDirectoryLine DirectoryLine(const CheckedBlock& block, std::string_view directory, size_t index) {
  const char* at = directory.data() + index * block.line_size();
  CheckedDirectoryLine line{LittleEndian(at, 8), Position::FromPacked(LittleEndian(at + 8, 8))};
  if (block.format == 2) return line;
  line.entries = static_cast<uint32_t>(LittleEndian(at + 16, 4));
  line.ends = (LittleEndian(at + 20, 4) & 1) != 0;
  return line;
}

}  // namespace sallyport::recorder
