#include "recorder/verify/body_opener.h"

#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "recorder/verify/subtree_stack.h"

namespace sallyport::recorder {
namespace {

// Takes a varint length and that many bytes off the front of `rest`. False if they are not there.
bool TakeEntry(std::string_view& rest, std::string_view& entry) {
  uint64_t length = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (rest.empty()) return false;
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    length |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      if (length > rest.size()) return false;
      entry = rest.substr(0, length);
      rest.remove_prefix(length);
      return true;
    }
  }
  return false;
}

// Cuts what is behind the salt seed into entries.
bool CutEntries(const CheckedBlock& block, OpenedBody& body) {
  body.entries.clear();
  std::string_view rest(body.plain);
  rest.remove_prefix(kSaltSeedSize);
  while (!rest.empty()) {
    std::string_view entry;
    if (!TakeEntry(rest, entry)) return false;
    body.entries.push_back(entry);
  }
  return body.entries.size() == block.entries;
}

}  // namespace

struct BodyOpener::Zstd {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  Zstd() = default;
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;
  ~Zstd() { ZSTD_freeDCtx(context); }
};

Hash EntryLeaf(std::string_view salt, std::string_view entry) {
  constexpr char kLeaf = 0;
  return Sha256({{&kLeaf, 1}, salt, entry});
}

BodyOpener::BodyOpener(const StoreId& store_id, const DataKey& key)
    : store_id_(store_id), key_id_(key.id), aead_(key.key), zstd_(std::make_unique<Zstd>()) {}
BodyOpener::~BodyOpener() = default;

std::optional<std::string> BodyOpener::Decode(const CheckedBlock& block, OpenedBody& body) {
  if (block.codec == Codec::kPlain) {
    body.plain.swap(encoded_);
  } else {
    // One frame and nothing behind it, and no more than the header says comes out of it.
    if (ZSTD_findFrameCompressedSize(encoded_.data(), encoded_.size()) != encoded_.size()) {
      return "what was sealed is not one zstd frame";
    }
    body.plain.resize(block.plain_length);
    const size_t size =
        ZSTD_decompressDCtx(zstd_->context, body.plain.data(), body.plain.size(), encoded_.data(), encoded_.size());
    if (ZSTD_isError(size) != 0) return absl::StrCat("zstd: ", ZSTD_getErrorName(size));
    body.plain.resize(size);
  }
  if (body.plain.size() != block.plain_length) return "the body is not as long as its header says";
  return std::nullopt;
}

std::optional<std::string> BodyOpener::Open(std::string_view header, const CheckedBlock& block, std::string_view stored,
                                            OpenedBody& body) {
  std::string associated;
  associated.append(store_id_.data(), store_id_.size());
  associated.append(key_id_.data(), key_id_.size());
  associated.append(header.substr(0, kBoundHeaderSize));
  if (!aead_.Open(block.nonce, associated, stored, encoded_)) return "the body does not open with the segment's key";
  if (auto wrong = Decode(block, body)) return wrong;
  if (!CutEntries(block, body)) return absl::StrCat("the body is not ", block.entries, " entries");

  body.salt_bytes = Keystream(std::string_view(body.plain).substr(0, kSaltSeedSize), body.entries.size() * kSaltSize);
  body.salts.clear();
  body.leaves.clear();
  SubtreeStack tree;
  for (size_t i = 0; i < body.entries.size(); ++i) {
    body.salts.push_back(std::string_view(body.salt_bytes).substr(i * kSaltSize, kSaltSize));
    body.leaves.push_back(EntryLeaf(body.salts.back(), body.entries[i]));
    tree.PushLeaf(body.leaves.back());
  }
  if (tree.Root() != block.entries_root) return "the entries do not fit the header's entries root";
  return std::nullopt;
}

}  // namespace sallyport::recorder
