#include "recorder/verify/evidence_parts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/proofs.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

bool ToHash(const std::string& bytes, Hash& hash) {
  if (bytes.size() != hash.size()) return false;
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return true;
}

}  // namespace

absl::Status Wrong(std::string_view what) { return absl::InvalidArgumentError(View(what)); }

absl::StatusOr<std::vector<Hash>> ToHashes(const google::protobuf::RepeatedPtrField<std::string>& all) {
  if (all.size() > static_cast<int>(kMaxProofHashes) * 2) return Wrong("a proof has too many hashes");
  std::vector<Hash> hashes(static_cast<size_t>(all.size()));
  for (int i = 0; i < all.size(); ++i) {
    if (!ToHash(all[i], hashes[static_cast<size_t>(i)])) return Wrong("a hash has not 32 bytes");
  }
  return hashes;
}

absl::Status Prefixed(std::string_view where, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(View(where), ": ", status.message()));
}

absl::Status CheckDirectoryOf(const CheckedBlock& block, const std::string& directory, const std::string& body_hash,
                              const std::string& parts_hash) {
  Hash body = {};
  Hash parts = {};
  if (!ToHash(body_hash, body)) return Wrong("the hash of its body has not 32 bytes");
  if (block.format != 2 && !ToHash(parts_hash, parts)) return Wrong("the hash of its table of parts has not 32 bytes");
  if (directory.size() != block.directory_size() || !FitsPayloadHash(block, directory, body, parts)) {
    return Wrong("the directory is not the one the header commits to");
  }
  return absl::OkStatus();
}

std::optional<CheckedDirectoryLine> FindLine(const CheckedBlock& block, std::string_view directory, uint64_t call_id) {
  for (uint32_t i = 0; i < block.calls; ++i) {
    const CheckedDirectoryLine line = DirectoryLine(block, directory, i);
    if (line.call_id == call_id) return line;
  }
  return std::nullopt;
}

absl::Status ShownLeaf::Check(const v1::ProvenLeaf& leaf, uint64_t index) {
  if (leaf.header().size() == kSegmentHeaderSize) {
    if (leaf.directory().empty() && leaf.body_hash().empty() && leaf.parts_hash().empty()) return absl::OkStatus();
    return Wrong("a segment's header has no directory");
  }
  if (leaf.header().size() != kBlockHeaderSize) return Wrong("the header has neither 128 nor 136 bytes");
  if (auto bad = CheckBlockHeader(leaf.header(), std::nullopt, block)) {
    return absl::InvalidArgumentError(absl::StrCat("byte ", bad->offset, " of the header: ", bad->text));
  }
  if (block.leaf_index != index) return Wrong("its header names another place in the log");
  return CheckDirectoryOf(block, leaf.directory(), leaf.body_hash(), leaf.parts_hash());
}

}  // namespace sallyport::recorder
