#include "recorder/log/block.h"

#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/merkle.h"
#include "recorder/format/entry_batch.h"
#include "recorder/format/wire_encoding.h"

namespace sallyport::recorder {
namespace {

// The fast end: entries are small and much alike, so a higher level buys little.
constexpr int kCompressionLevel = 1;
// Smaller bodies are hardly ever smaller still.
constexpr size_t kSmallestCompressed = 128;

// What stands around the entries of a call that is alone in its block.
constexpr uint64_t kAroundEntries =
    kBlockHeaderSize + kDirectoryEntrySize + kSaltSeedSize + Aes256Gcm::kTagSize + kPartCountSize;
// What a payload that is a part takes more than one that stands in its entry: its line, its tag, and what the entry
// says of it: a hash, a key, and some tags and numbers.
constexpr uint64_t kAroundPart = kPartLineSize + Aes256Gcm::kTagSize + sizeof(Hash) + SecretKey::kSize + 64;

}  // namespace

uint64_t MostStoredSize(uint64_t entries_size, uint64_t smallest_part) {
  return entries_size + kAroundEntries + entries_size / std::max<uint64_t>(1, smallest_part) * kAroundPart;
}

Hash HeaderLeaf(const BlockHeader& header) {
  char bytes[kBlockHeaderSize];
  header.Encode(bytes);
  return LeafHash({bytes, sizeof(bytes)});
}

absl::Status ForEachEntry(std::string_view body, absl::FunctionRef<absl::Status(std::string_view)> entry) {
  while (!body.empty()) {
    std::string_view bytes;
    if (!TakeLengthPrefixed(body, bytes)) return absl::DataLossError("an entry is longer than its block");
    if (absl::Status status = entry(bytes); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<SaltedEntries> SaltEntries(std::string_view salt_seed, std::string_view body, uint32_t entries) {
  SaltedEntries salted;
  salted.salts = Keystream(salt_seed, entries * kSaltSize);
  salted.leaves.reserve(entries);
  constexpr std::string_view kLeafPrefix("\0", 1);
  const absl::Status status = ForEachEntry(body, [&](std::string_view entry) {
    if (salted.leaves.size() == entries) return absl::DataLossError("a block holds more entries than it says");
    const std::string_view salt = std::string_view(salted.salts).substr(salted.leaves.size() * kSaltSize, kSaltSize);
    salted.leaves.push_back(Sha256({kLeafPrefix, salt, entry}));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  if (salted.leaves.size() != entries) return absl::DataLossError("a block holds fewer entries than it says");
  return salted;
}

void BlockBuilder::FreeCompressor::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

BlockBuilder::BlockBuilder(RandomSource random, size_t smallest_part)
    : random_(random), compressor_(ZSTD_createCCtx()), parts_(smallest_part, random, compressor_.get()) {}
BlockBuilder::~BlockBuilder() = default;

void BlockBuilder::Begin(absl::Span<const DirectoryEntry> directory) {
  calls_ = static_cast<uint32_t>(directory.size());
  entries_ = 0;
  directory_size_ = directory.size() * kDirectoryEntrySize;
  buffer_.resize(kBlockHeaderSize + directory_size_);
  char* at = buffer_.data() + kBlockHeaderSize;
  for (const DirectoryEntry& entry : directory) {
    entry.Encode(at);
    at += kDirectoryEntrySize;
  }
  body_.resize(kSaltSeedSize);
  parts_.Clear();
}

absl::Status BlockBuilder::AddEntries(std::string_view entries, uint32_t count, uint32_t entries_of_call) {
  if (absl::Status status = parts_.TakeApart(entries, body_); !status.ok()) return status;
  entries_ += count;
  // An end is written with this field last, see EntryBatch.
  constexpr size_t kSize = kEndCountTag.size() + sizeof(uint32_t);
  if (entries_of_call != 0 && entries.size() >= kSize && entries.substr(entries.size() - kSize, 2) == kEndCountTag) {
    char* const value = body_.data() + body_.size() - sizeof(uint32_t);
    if (GetFixed<uint32_t>(value) == 0) PutFixed(value, entries_of_call);
  }
  return absl::OkStatus();
}

std::string_view BlockBuilder::Encode(BlockHeader& header) {
  header.codec = Codec::kPlain;
  if (body_.size() < kSmallestCompressed || compressor_ == nullptr) return body_;
  // Room for less than the body: what does not fit is not worth it.
  if (compressed_.size() < body_.size()) compressed_.resize(body_.size());
  const size_t size = ZSTD_compressCCtx(compressor_.get(), compressed_.data(), body_.size() - 1, body_.data(),
                                        body_.size(), kCompressionLevel);
  if (ZSTD_isError(size)) return body_;
  header.codec = Codec::kZstd;
  return std::string_view(compressed_).substr(0, size);
}

absl::StatusOr<std::string_view> BlockBuilder::Finish(const Place& place, const StoreId& store_id, const KeyId& key_id,
                                                      Aes256Gcm& cipher) {
  BlockHeader header;
  char random[kSaltSeedSize + Aes256Gcm::kNonceSize];
  if (absl::Status status = random_(random, sizeof(random)); !status.ok()) return status;
  std::copy_n(random, kSaltSeedSize, body_.data());
  std::copy_n(random + kSaltSeedSize, header.nonce.size(), header.nonce.begin());

  header.seal = Seal::kAes256Gcm;
  header.position = place.position;
  header.first_sequence = place.first_sequence;
  header.leaf_index = place.leaf_index;
  header.entries = entries_;
  header.calls = calls_;
  header.plain_length = static_cast<uint32_t>(body_.size());
  absl::StatusOr<SaltedEntries> salted =
      SaltEntries(std::string_view(body_).substr(0, kSaltSeedSize), entries_bytes(), entries_);
  if (!salted.ok()) return salted.status();
  header.entries_root = MerkleRoot(salted->leaves);

  const std::string_view encoded = Encode(header);
  header.stored_length = static_cast<uint32_t>(encoded.size() + Aes256Gcm::kTagSize);
  const std::string table = parts_.Table();
  if (table.size() + parts_.bytes().size() > UINT32_MAX)
    return absl::InternalError("the parts of a block are too large");
  header.parts_length = static_cast<uint32_t>(table.size() + parts_.bytes().size());
  char bytes[kBlockHeaderSize];
  header.Encode(bytes);
  cipher.Seal(header.nonce, SealAssociatedData(store_id, key_id, bytes), encoded, buffer_);

  const std::string_view payload = std::string_view(buffer_).substr(kBlockHeaderSize);
  header.payload_hash =
      PayloadHash(header.format, payload.substr(0, directory_size_), payload.substr(directory_size_), table);
  buffer_.append(table);
  buffer_.append(parts_.bytes());
  header.Encode(bytes);
  std::copy_n(bytes, kBlockHeaderSize, buffer_.data());
  leaf_ = LeafHash({bytes, sizeof(bytes)});
  return buffer_;
}

PlainBlock EncodePlainBlock(BlockType type, const BlockBuilder::Place& place, std::string_view body) {
  BlockHeader header;
  header.type = type;
  header.position = place.position;
  header.first_sequence = place.first_sequence;
  header.leaf_index = place.leaf_index;
  header.stored_length = header.plain_length = static_cast<uint32_t>(body.size());
  header.payload_hash = PayloadHash(header.format, {}, body, {});
  char bytes[kBlockHeaderSize];
  header.Encode(bytes);
  PlainBlock block{std::string(bytes, sizeof(bytes)), LeafHash({bytes, sizeof(bytes)})};
  block.bytes.append(body);
  return block;
}

PlainBlock EncodeFooter(const BlockBuilder::Place& place, uint64_t first_sequence, absl::Time now) {
  SegmentFooter footer;
  footer.entries = place.first_sequence - first_sequence;
  footer.size = place.position.offset();
  footer.closed_ns = absl::ToUnixNanos(now);
  char body[kFooterBodySize];
  footer.Encode(body);
  return EncodePlainBlock(BlockType::kFooter, place, {body, sizeof(body)});
}

void BlockOpener::FreeDecompressor::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

BlockOpener::BlockOpener(const StoreId& store_id, const KeyId& key_id, const SecretKey* key)
    : store_id_(store_id),
      key_id_(key_id),
      cipher_(key == nullptr ? nullptr : std::make_unique<Aes256Gcm>(*key)),
      decompressor_(ZSTD_createDCtx()) {}
BlockOpener::BlockOpener(BlockOpener&&) noexcept = default;
BlockOpener::~BlockOpener() = default;

absl::StatusOr<Block> BlockOpener::Open(const BlockHeader& header, std::string payload) {
  if (payload.size() != header.payload_size()) return absl::DataLossError("the block is cut short");
  const std::string_view directory = std::string_view(payload).substr(0, header.directory_size());
  const std::string_view stored = std::string_view(payload).substr(header.directory_size(), header.stored_length);
  const std::string_view parts = std::string_view(payload).substr(header.directory_size() + stored.size());
  const std::optional<std::vector<PartLine>> lines = ReadPartTable(parts);
  if (!lines.has_value()) return absl::DataLossError("the table of parts is damaged");
  const std::string_view table = parts.substr(0, lines->empty() ? 0 : PartTableSize(lines->size()));
  if (PayloadHash(header.format, directory, stored, table) != header.payload_hash) {
    return absl::DataLossError("hash mismatch");
  }
  Block block;
  block.header = header;
  char bytes[kBlockHeaderSize];
  header.Encode(bytes);
  block.leaf = LeafHash({bytes, sizeof(bytes)});
  block.directory.reserve(header.calls);
  for (uint32_t i = 0; i < header.calls; ++i) {
    block.directory.push_back(
        DirectoryEntry::Decode(header.format, payload.data() + i * DirectoryEntrySize(header.format)));
  }
  if (header.seal == Seal::kNone) {
    payload.erase(0, header.directory_size());
    const absl::Status status = Decode(header, std::move(payload), block);
    return status.ok() ? absl::StatusOr<Block>(std::move(block)) : status;
  }
  if (cipher_ == nullptr) {
    block.shredded = true;
    return block;
  }
  std::string encoded;
  if (!cipher_->Open(header.nonce, SealAssociatedData(store_id_, key_id_, bytes), stored, encoded)) {
    return absl::DataLossError("the block does not open with its segment's data key");
  }
  if (absl::Status status = Decode(header, std::move(encoded), block); !status.ok()) return status;
  if (absl::Status status = parts.empty() ? absl::OkStatus() : PutTogether(parts, block.body); !status.ok()) {
    return status;
  }
  return block;
}

absl::Status BlockOpener::Decode(const BlockHeader& header, std::string encoded, Block& block) {
  if (header.codec == Codec::kPlain) {
    block.body = std::move(encoded);
  } else {
    block.body.resize(header.plain_length);
    const size_t size =
        ZSTD_decompressDCtx(decompressor_.get(), block.body.data(), block.body.size(), encoded.data(), encoded.size());
    if (ZSTD_isError(size) || size != header.plain_length) {
      return absl::DataLossError("the block does not decompress to what its header says");
    }
  }
  if (header.type != BlockType::kEntries) return absl::OkStatus();
  block.salt_seed = block.body.substr(0, kSaltSeedSize);
  block.body.erase(0, kSaltSeedSize);
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
