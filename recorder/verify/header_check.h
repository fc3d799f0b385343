// Reads the log's headers byte by byte for the verifier, as FORMAT.md has them. Shares sizes and magic numbers with the
// writer, not its code.
#ifndef SALLYPORT_RECORDER_VERIFY_HEADER_CHECK_H_
#define SALLYPORT_RECORDER_VERIFY_HEADER_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/format/log_format.h"

namespace sallyport::recorder {

// A little-endian number of 1 to 8 bytes.
uint64_t LittleEndian(const char* bytes, int size);

// Bytes that are not what they have to be.
struct BadBytes {
  uint64_t offset = 0;  // of the first one, from where the header (or what else was checked) begins
  uint64_t length = 1;  // the first bad byte is among so many
  std::string text;     // what they had to be
};

// What a segment header says, once checked.
struct CheckedSegment {
  uint16_t format = 0;
  StoreId store_id = {};
  uint64_t first_sequence = 0;
  uint64_t leaf_index = 0;
  KeyId key_id = {};
  Hash tree_root = {};
};

// `bytes` are kSegmentHeaderSize of them. `store_id` may be null: then any will do. Nothing is returned if all is well.
std::optional<BadBytes> CheckSegmentHeader(std::string_view bytes, uint64_t number, const StoreId* store_id,
                                           CheckedSegment& segment);

// What a block header says, once checked.
struct CheckedBlock {
  uint16_t format = 0;
  Position position;
  BlockType type = BlockType::kEntries;
  Codec codec = Codec::kPlain;
  bool sealed = false;
  uint64_t first_sequence = 0;
  uint32_t entries = 0;
  uint32_t calls = 0;
  uint32_t stored_length = 0;
  uint32_t plain_length = 0;
  uint64_t leaf_index = 0;
  std::array<char, 12> nonce = {};
  Hash entries_root = {};
  Hash payload_hash = {};
  uint32_t parts_length = 0;

  uint64_t line_size() const { return DirectoryEntrySize(format); }
  uint64_t directory_size() const { return uint64_t{calls} * line_size(); }
  uint64_t payload_size() const { return directory_size() + stored_length + parts_length; }
};

// Where in the log a block has to stand.
struct BlockPlace {
  Position position;
  uint64_t sequence = 0;
  uint64_t leaf_index = 0;
};

// `bytes` are kBlockHeaderSize of them. Without a place, the place the header names is taken for true. Nothing is
// returned if all is well.
std::optional<BadBytes> CheckBlockHeader(std::string_view bytes, const std::optional<BlockPlace>& place,
                                         CheckedBlock& block);

// What follows a block's header, taken apart.
struct CheckedPayload {
  std::string_view directory;
  std::string_view body;
  std::string_view part_table;
  std::vector<std::string_view> parts;  // as stored
};

// Checks directory, body and parts against the payload hash, and for sense: ids distinct, earlier blocks earlier, as
// many entries as the header says. `taken` refers to `payload`.
std::optional<BadBytes> CheckPayload(const CheckedBlock& block, std::string_view payload, CheckedPayload& taken);

// Whether the hashes of directory, body and table are those that the header commits to.
bool FitsPayloadHash(const CheckedBlock& block, std::string_view directory, const Hash& body, const Hash& part_table);

// One line of a directory, of which `directory` has `index` before it.
struct CheckedDirectoryLine {
  uint64_t call_id = 0;
  Position previous;
  uint32_t entries = 0;  // not known, and 0, in format 2
  bool ends = false;     // likewise
};
CheckedDirectoryLine DirectoryLine(const CheckedBlock& block, std::string_view directory, size_t index);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_HEADER_CHECK_H_
