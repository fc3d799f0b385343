// A block: its header, directory and body, the last also where it was sealed by somebody with the key. Reader and
// verifier parse it apart from each other: what the verifier accepts the reader must, too, and read the same.
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "recorder/format/log_format.h"
#include "recorder/log/block.h"
#include "recorder/verify/body_opener.h"
#include "recorder/verify/header_check.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

constexpr char kFitChecksum = 1;
constexpr char kFitPayload = 2;
constexpr char kSeal = 4;
constexpr char kFormat2 = 8;

const SecretKey& Key() {
  static const SecretKey key(std::string(32, 'k'));
  return key;
}

void PutLittleEndian(std::string& bytes, size_t at, uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes[at + static_cast<size_t>(i)] = static_cast<char>(value >> (8 * i));
}

// What follows a header, as the input has it.
struct Payload {
  std::string directory;
  std::string body;
  std::string parts;  // without the table, which is made to fit them
  std::string table;

  std::string bytes() const { return directory + body + table + parts; }
};

// Two parts at most, the first of `first` bytes.
std::string TableOf(const std::string& parts, size_t first) {
  if (parts.empty()) return "";
  std::vector<std::string_view> all = {std::string_view(parts).substr(0, std::min(first, parts.size()))};
  if (all[0].size() < parts.size()) all.push_back(std::string_view(parts).substr(all[0].size()));
  std::string table(PartTableSize(all.size()), '\0');
  PutLittleEndian(table, 0, all.size(), 4);
  for (size_t i = 0; i < all.size(); ++i) {
    PutLittleEndian(table, PartTableSize(i), all[i].size(), 4);
    const Hash hash = Sha256({all[i]});
    std::copy(hash.begin(), hash.end(), table.begin() + static_cast<std::ptrdiff_t>(PartTableSize(i) + 4));
  }
  return table;
}

// Makes lengths, seal, hashes and checksum fit what is there, as far as `how` says.
void Fit(char how, std::string& header, Payload& payload) {
  const uint16_t format = (how & kFormat2) != 0 ? 2 : kFormatVersion;
  if ((how & kFitPayload) != 0) {
    header[7] = static_cast<char>(format == 2 ? 0 : format);
    PutLittleEndian(header, 28, payload.directory.size() / DirectoryEntrySize(format), 4);
    PutLittleEndian(header, 60, payload.table.size() + payload.parts.size(), 4);
    if ((how & kSeal) != 0) {
      header[6] = 1;
      PutLittleEndian(header, 32, payload.body.size() + Aes256Gcm::kTagSize, 4);
      std::string associated(sizeof(StoreId) + kKeyIdSize, '\0');
      associated.append(header, 0, kBoundHeaderSize);
      Aes256Gcm::Nonce nonce;
      std::copy_n(header.begin() + 48, nonce.size(), nonce.begin());
      std::string sealed;
      Aes256Gcm(Key()).Seal(nonce, associated, payload.body, sealed);
      payload.body = sealed;
    } else {
      PutLittleEndian(header, 32, payload.body.size(), 4);
    }
    const Hash hash = PayloadHash(format, payload.directory, payload.body, payload.table);
    std::copy(hash.begin(), hash.end(), header.begin() + 96);
  }
  if ((how & kFitChecksum) == 0) return;
  PutLittleEndian(header, kBlockHeaderSize - 8, XXH3_64bits(header.data(), kBlockHeaderSize - 8), 8);
}

void OpenBoth(const BlockHeader& header, const CheckedBlock& checked, const std::string& header_bytes,
              const CheckedPayload& taken, const std::string& payload) {
  if (checked.type != BlockType::kEntries || checked.plain_length > (1 << 20)) return;
  BodyOpener verifier({}, DataKey{{}, Key().Copy()});
  OpenedBody body;
  const std::optional<std::string> wrong = verifier.Open(header_bytes, checked, taken.body, body);
  const absl::StatusOr<Block> block = BlockOpener({}, {}, &Key()).Open(header, payload);
  // What an entry says of its part the verifier looks at later.
  if (wrong.has_value() || checked.parts_length != 0) return;
  Require(block.ok(), "what the verifier opens the reader opens");
  size_t entries = 0;
  const absl::Status status = ForEachEntry(block->body, [&](std::string_view entry) {
    Require(entries < body.entries.size() && entry == body.entries[entries],
            "reader and verifier read the same entries");
    ++entries;
    return absl::OkStatus();
  });
  Require(status.ok() && entries == body.entries.size(), "reader and verifier read as many entries");
}

}  // namespace

void FuzzBlock(std::string_view input) {
  if (input.size() < 2) return;
  const char how = input[0];
  const auto sizes = static_cast<size_t>(static_cast<unsigned char>(input[1]));
  const size_t calls = sizes % 8;
  const size_t line = DirectoryEntrySize((how & kFormat2) != 0 ? 2 : kFormatVersion);
  input.remove_prefix(2);
  const auto take = [&](size_t size) {
    std::string bytes(input.substr(0, size));
    input.remove_prefix(bytes.size());
    return bytes;
  };
  std::string header = take(kBlockHeaderSize);
  header.resize(kBlockHeaderSize);
  Payload whole;
  whole.directory = take(calls * line);
  whole.directory.resize(whole.directory.size() / line * line);
  whole.parts = take((how & kFormat2) != 0 ? 0 : sizes / 8);
  whole.table = TableOf(whole.parts, sizes / 16);
  whole.body = std::string(input);
  Fit(how, header, whole);

  char bytes[kBlockHeaderSize];
  std::copy_n(header.begin(), sizeof(bytes), bytes);
  const std::optional<BlockHeader> read = BlockHeader::Decode(bytes);
  CheckedBlock checked;
  const std::optional<BadBytes> bad = CheckBlockHeader(header, std::nullopt, checked);
  if (bad.has_value()) {
    Require(bad->offset + bad->length <= header.size(), "what is bad is within the header");
    return;
  }
  Require(read.has_value(), "a block header that the verifier takes the reader takes");
  Require(read->position == checked.position && read->entries == checked.entries && read->calls == checked.calls &&
              read->stored_length == checked.stored_length && read->plain_length == checked.plain_length &&
              read->leaf_index == checked.leaf_index && read->entries_root == checked.entries_root &&
              read->payload_hash == checked.payload_hash && read->format == checked.format &&
              read->parts_length == checked.parts_length,
          "reader and verifier read the same from a block header");
  const std::string payload = whole.bytes();
  if (payload.size() != checked.payload_size()) return;
  CheckedPayload taken;
  const std::optional<BadBytes> bad_payload = CheckPayload(checked, payload, taken);
  if (bad_payload.has_value()) {
    Require(bad_payload->offset + bad_payload->length <= payload.size() || payload.empty(),
            "what is bad is within the payload");
    return;
  }
  OpenBoth(*read, checked, header, taken, payload);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzBlock)
