// Builds and opens blocks.
#ifndef SALLYPORT_RECORDER_LOG_BLOCK_H_
#define SALLYPORT_RECORDER_LOG_BLOCK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "recorder/log/log_format.h"

namespace sallyport::recorder {

// A block in memory, its checksum verified.
struct Block {
  BlockHeader header;
  std::vector<DirectoryEntry> directory;
  std::string body;  // plain: entries, each behind its varint length

  Position position() const { return header.position; }
  // Of the first entry behind it.
  uint64_t next_sequence() const { return header.first_sequence + header.entries; }
  // Where the next block of the segment begins.
  Position end() const {
    return {position().segment(), position().offset() + kBlockHeaderSize + header.payload_size()};
  }
};

// Hands on each entry of a block's body, without its length. DATA_LOSS if the lengths do not add up, otherwise the
// first error of `entry`.
absl::Status ForEachEntry(std::string_view body, absl::FunctionRef<absl::Status(std::string_view)> entry);

// Puts together the bytes of one block after another in one buffer, which keeps its capacity. Not thread-safe.
class BlockBuilder {
 public:
  // The next block's directory. Its bodies follow.
  void Begin(absl::Span<const DirectoryEntry> directory);
  // Bytes of whole entries.
  void AddBody(std::string_view entries, uint32_t count);
  // Completes the block. The result lives until the next Begin.
  std::string_view Finish(BlockType type, Position position, uint64_t first_sequence);
  // The body of the block just finished, before it was encoded.
  std::string_view body() const { return std::string_view(buffer_).substr(body_offset_); }
  uint32_t entries() const { return entries_; }

 private:
  std::string buffer_;
  size_t body_offset_ = 0;
  uint32_t calls_ = 0;
  uint32_t entries_ = 0;
};

// The footer block that ends a segment at `position`.
std::string EncodeFooter(Position position, uint64_t first_sequence, uint64_t next_sequence, absl::Time now);

// Checks the payload that follows `header` in the file and takes it apart. DATA_LOSS if the checksum is wrong.
absl::StatusOr<Block> OpenBlock(const BlockHeader& header, std::string payload);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_BLOCK_H_
