// The bytes of the log, as FORMAT.md describes them. Reader and writer share these and nothing else.
#ifndef SALLYPORT_RECORDER_FORMAT_LOG_FORMAT_H_
#define SALLYPORT_RECORDER_FORMAT_LOG_FORMAT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/crypto/crypto.h"

namespace sallyport::recorder {

constexpr std::string_view kSegmentMagic = "SALLYLOG";
// What is written, and the oldest that is still read. FORMAT.md says what differs.
constexpr uint16_t kFormatVersion = 4;
constexpr uint16_t kOldestFormatVersion = 2;
constexpr uint32_t kBlockMagic = 0x4B425053;  // "SPBK"

constexpr size_t kSegmentHeaderSize = 128;
constexpr size_t kBlockHeaderSize = 136;
constexpr size_t DirectoryEntrySize(uint16_t format) { return format == 2 ? 16 : 24; }
constexpr size_t kDirectoryEntrySize = DirectoryEntrySize(kFormatVersion);
// The table of parts is their number, and then a line for each.
constexpr size_t kPartCountSize = 4;
constexpr size_t kPartLineSize = 36;
constexpr size_t kFooterBodySize = 24;
constexpr size_t kKeyIdSize = 16;
// A body of entries begins with the seed of their salts.
constexpr size_t kSaltSeedSize = 16;
constexpr size_t kSaltSize = 16;
// So many bytes from the beginning of a block's header are associated data when its body is sealed.
constexpr size_t kBoundHeaderSize = 96;

// The largest body, in bytes.
constexpr size_t kMaxBodySize = size_t{1} << 30;
// The most bytes of entries in it: the rest is the seed of their salts.
constexpr size_t kMaxEntriesSize = kMaxBodySize - kSaltSeedSize;
// No segment reaches this size, so that offsets fit a position.
constexpr uint64_t kMaxSegmentSize = uint64_t{1} << 39;
constexpr uint64_t kMaxSegmentNumber = (uint64_t{1} << 23) - 1;

using StoreId = std::array<char, 16>;
using KeyId = std::array<char, kKeyIdSize>;  // names a data key

// Where a block begins: the segment's number and the offset in its file. Grows along the log. Fits a positive int64.
class Position {
 public:
  constexpr Position() = default;
  constexpr Position(uint64_t segment, uint64_t offset) : packed_(segment << kOffsetBits | offset) {}
  static constexpr Position FromPacked(uint64_t packed) {
    Position position;
    position.packed_ = packed;
    return position;
  }
  constexpr uint64_t packed() const { return packed_; }
  constexpr uint64_t segment() const { return packed_ >> kOffsetBits; }
  constexpr uint64_t offset() const { return packed_ & ((uint64_t{1} << kOffsetBits) - 1); }
  // False for the position that stands for "none".
  constexpr bool set() const { return packed_ != 0; }
  friend constexpr auto operator<=>(Position, Position) = default;

 private:
  static constexpr int kOffsetBits = 40;
  uint64_t packed_ = 0;
};

struct SegmentHeader {
  uint16_t format = kFormatVersion;
  StoreId store_id = {};
  uint64_t number = 0;
  int64_t created_ns = 0;       // Unix epoch
  uint64_t first_sequence = 0;  // of the first entry that follows
  uint64_t leaf_index = 0;      // of this header: how many leaves the tree had before
  KeyId key_id = {};            // of the data key that seals the segment's blocks
  Hash tree_root = {};          // of the tree before this header

  // The bytes are the leaf's data.
  void Encode(char (&out)[kSegmentHeaderSize]) const;
  // Nothing if the magic, version or checksum is wrong.
  static std::optional<SegmentHeader> Decode(const char (&bytes)[kSegmentHeaderSize]);
};

enum class BlockType : uint8_t {
  kEntries = 1,
  kFooter = 2,     // the last of a segment
  kTombstone = 3,  // says which segments were deleted
};

// What was done to a body before it was sealed.
enum class Codec : uint8_t {
  kPlain = 0,
  kZstd = 1,
};

enum class Seal : uint8_t {
  kNone = 0,
  kAes256Gcm = 1,
};

// Stands before each block's directory and body.
struct BlockHeader {
  uint16_t format = kFormatVersion;
  BlockType type = BlockType::kEntries;
  Codec codec = Codec::kPlain;
  Seal seal = Seal::kNone;
  Position position;            // the block's own, so that one moved elsewhere is noticed
  uint64_t first_sequence = 0;  // of its first entry, counted over the whole log
  uint32_t entries = 0;
  uint32_t calls = 0;          // in the directory
  uint32_t stored_length = 0;  // of the body as it is in the file
  uint32_t plain_length = 0;   // of the body once opened and decoded
  uint64_t leaf_index = 0;     // how many leaves the tree had before this block
  std::array<char, 12> nonce = {};
  Hash entries_root = {};     // of the Merkle tree over the salted entries; zeros where there are none
  Hash payload_hash = {};     // PayloadHash of what follows
  uint32_t parts_length = 0;  // of the table of parts and the parts; 0 where there are none, and in format 2

  size_t directory_size() const { return calls * DirectoryEntrySize(format); }
  // Of directory, body and parts.
  uint64_t payload_size() const { return directory_size() + uint64_t{stored_length} + parts_length; }

  // The bytes are the leaf's data.
  void Encode(char (&out)[kBlockHeaderSize]) const;
  // Nothing if the checksum is wrong, this is no block header that this version can read, or its lengths contradict
  // each other.
  static std::optional<BlockHeader> Decode(const char (&bytes)[kBlockHeaderSize]);
};

// SHA-256(SHA-256(directory) || SHA-256(body) || SHA-256(table of parts)), so that a directory can be shown without the
// rest. In format 2 there is no third.
Hash PayloadHash(uint16_t format, std::string_view directory, std::string_view stored_body,
                 std::string_view part_table);

// What a sealed body is bound to: store id, key id and the first kBoundHeaderSize bytes of the header.
std::string SealAssociatedData(const StoreId& store_id, const KeyId& key_id, const char (&header)[kBlockHeaderSize]);

// One call that has entries in a block.
struct DirectoryEntry {
  uint64_t call_id = 0;
  Position previous;  // the block before this one that holds entries of the call; unset if none does
  // In format 2 these are not there, and 0.
  uint32_t entries = 0;  // of the call in this block
  bool ends = false;     // the call's end is among them

  // Writes a line of kFormatVersion.
  void Encode(char* out) const;
  static DirectoryEntry Decode(uint16_t format, const char* bytes);
};

// The table of a block's parts: payloads that are sealed each for itself and stand behind the body.
struct PartLine {
  uint32_t length = 0;  // as stored
  Hash hash = {};       // SHA-256 of the part as stored

  void Encode(char* out) const;
  static PartLine Decode(const char* bytes);
};
// Reads the table of parts. `bytes` are all that stands behind a body: the table and the parts; without any there are
// no lines. Nothing if it is no table, or says another length of the parts than they have.
std::optional<std::vector<PartLine>> ReadPartTable(std::string_view bytes);
constexpr size_t PartTableSize(size_t parts) { return kPartCountSize + parts * kPartLineSize; }

// The body of a footer.
struct SegmentFooter {
  uint64_t entries = 0;   // in the segment
  uint64_t size = 0;      // of the segment up to the footer
  int64_t closed_ns = 0;  // Unix epoch

  void Encode(char (&out)[kFooterBodySize]) const;
  static SegmentFooter Decode(const char* bytes);
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_LOG_FORMAT_H_
