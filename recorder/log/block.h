// Builds and opens blocks.
#ifndef SALLYPORT_RECORDER_LOG_BLOCK_H_
#define SALLYPORT_RECORDER_LOG_BLOCK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"
#include "recorder/log/payload_parts.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace sallyport::recorder {

// A block in memory, its hashes verified.
struct Block {
  BlockHeader header;
  Hash leaf = {};  // in the tree over the log
  std::vector<DirectoryEntry> directory;
  // Its data key is destroyed: what is in it cannot be known any more.
  bool shredded = false;
  std::string salt_seed;
  // Entries, each behind its varint length, with their payloads; of a footer or tombstone the body as it is. Empty if
  // shredded.
  std::string body;

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

// The root over a block's entries, and the salts that go with them, one after another.
struct SaltedEntries {
  std::string salts;
  std::vector<Hash> leaves;
};
absl::StatusOr<SaltedEntries> SaltEntries(std::string_view salt_seed, std::string_view body, uint32_t entries);

// What entries of one call take on disk at most, whatever block they are in.
uint64_t MostStoredSize(uint64_t entries_size, uint64_t smallest_part);

// Puts together the bytes of one block of entries after another in buffers that keep their capacity. Not thread-safe.
class BlockBuilder {
 public:
  // Payloads from `smallest_part` bytes on become parts.
  BlockBuilder(RandomSource random, size_t smallest_part);
  ~BlockBuilder();

  // The next block's directory. Its entries follow.
  void Begin(absl::Span<const DirectoryEntry> directory);
  // Bytes of whole entries, each behind its length. `entries_of_call` is written into the end with which they end;
  // 0 leaves it as it is.
  absl::Status AddEntries(std::string_view entries, uint32_t count, uint32_t entries_of_call);

  // What the block is bound to.
  struct Place {
    Position position;
    uint64_t first_sequence = 0;
    uint64_t leaf_index = 0;
  };
  // Compresses, seals and completes the block. The result lives until the next Begin.
  absl::StatusOr<std::string_view> Finish(const Place& place, const StoreId& store_id, const KeyId& key_id,
                                          Aes256Gcm& cipher);
  // The leaf of the block just finished.
  const Hash& leaf() const { return leaf_; }
  // The entries of the block just finished, as they are in its body.
  std::string_view entries_bytes() const { return std::string_view(body_).substr(kSaltSeedSize); }
  uint32_t entries() const { return entries_; }

 private:
  struct FreeCompressor {
    void operator()(ZSTD_CCtx_s* context) const;
  };

  // The body, compressed if that makes it smaller.
  std::string_view Encode(BlockHeader& header);

  const RandomSource random_;
  std::unique_ptr<ZSTD_CCtx_s, FreeCompressor> compressor_;
  PartBuilder parts_;
  std::string body_;  // salt seed and entries
  std::string compressed_;
  std::string buffer_;  // the block
  size_t directory_size_ = 0;
  uint32_t calls_ = 0;
  uint32_t entries_ = 0;
  Hash leaf_ = {};
};

// The leaf that a block's header is in the tree over the log.
Hash HeaderLeaf(const BlockHeader& header);

// A block that is neither compressed nor sealed: a footer or a tombstone.
struct PlainBlock {
  std::string bytes;
  Hash leaf;
};
PlainBlock EncodePlainBlock(BlockType type, const BlockBuilder::Place& place, std::string_view body);
// The footer that ends a segment at `place.position`; `first_sequence` is that of the segment.
PlainBlock EncodeFooter(const BlockBuilder::Place& place, uint64_t first_sequence, absl::Time now);

// Opens the blocks of one segment. Not thread-safe.
class BlockOpener {
 public:
  // Without a key every sealed block is shredded.
  BlockOpener(const StoreId& store_id, const KeyId& key_id, const SecretKey* key);
  BlockOpener(BlockOpener&&) noexcept;
  ~BlockOpener();

  // Checks the payload that follows `header` in the file, opens it and takes it apart. DATA_LOSS if it is not what the
  // header says.
  absl::StatusOr<Block> Open(const BlockHeader& header, std::string payload);

 private:
  struct FreeDecompressor {
    void operator()(ZSTD_DCtx_s* context) const;
  };

  absl::Status Decode(const BlockHeader& header, std::string encoded, Block& block);

  StoreId store_id_;
  KeyId key_id_;
  std::unique_ptr<Aes256Gcm> cipher_;
  std::unique_ptr<ZSTD_DCtx_s, FreeDecompressor> decompressor_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_LOG_BLOCK_H_
