// RFC 6962 Merkle trees: growing one, and its root.
#ifndef SALLYPORT_RECORDER_CRYPTO_MERKLE_H_
#define SALLYPORT_RECORDER_CRYPTO_MERKLE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/crypto/crypto.h"

namespace sallyport::recorder {

// SHA-256(0x00 || data) and SHA-256(0x01 || left || right), RFC 6962 section 2.1.
Hash LeafHash(std::string_view data);
Hash NodeHash(const Hash& left, const Hash& right);

// The root over leaf hashes, which are used up. Of none: SHA-256("").
Hash MerkleRoot(std::vector<Hash>& leaves);

// The leaves [begin, end) of a tree in as few hashes as they can be joined from again: the roots of the largest
// complete subtrees that tile the range, left to right. Of a range that begins at 0 they give the root. A value.
class CompactRange {
 public:
  // Empty, at `begin`.
  explicit CompactRange(uint64_t begin = 0) : begin_(begin), end_(begin) {}
  // INVALID_ARGUMENT if that many nodes do not belong to such a range.
  static absl::StatusOr<CompactRange> FromNodes(uint64_t begin, uint64_t end, std::vector<Hash> nodes);
  // How many nodes a range has. `begin` <= `end`.
  static size_t NodeCount(uint64_t begin, uint64_t end);

  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }
  const std::vector<Hash>& nodes() const { return nodes_; }

  void Append(const Hash& leaf);
  // INVALID_ARGUMENT if `next` does not begin where this one ends.
  absl::Status Append(const CompactRange& next);
  // The root of the tree with `end()` leaves. The range must begin at 0.
  Hash Root() const;

 private:
  // Adds the root of a complete subtree of 2^level leaves.
  void Push(Hash node, int level);

  uint64_t begin_;
  uint64_t end_;
  std::vector<Hash> nodes_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CRYPTO_MERKLE_H_
