#include "recorder/crypto/merkle.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::recorder {
namespace {

// The level of the largest complete subtree that begins at `begin` and ends at or before `end`. `begin` < `end`.
int LargestLevel(uint64_t begin, uint64_t end) {
  const int fits = std::bit_width(end - begin) - 1;
  return begin == 0 ? fits : std::min(fits, std::countr_zero(begin));
}

}  // namespace

Hash LeafHash(std::string_view data) { return Sha256({std::string_view("\0", 1), data}); }

Hash NodeHash(const Hash& left, const Hash& right) {
  char bytes[1 + 2 * sizeof(Hash)];
  bytes[0] = '\x01';
  std::copy(left.begin(), left.end(), bytes + 1);
  std::copy(right.begin(), right.end(), bytes + 1 + sizeof(Hash));
  return Sha256({std::string_view(bytes, sizeof(bytes))});
}

Hash MerkleRoot(std::vector<Hash>& leaves) {
  if (leaves.empty()) return Sha256({});
  // A last node without a sibling goes up as it is, which is what splitting at the largest power of two amounts to.
  size_t count = leaves.size();
  while (count > 1) {
    for (size_t i = 0; i + 1 < count; i += 2) leaves[i / 2] = NodeHash(leaves[i], leaves[i + 1]);
    if (count % 2 != 0) leaves[count / 2] = leaves[count - 1];
    count = (count + 1) / 2;
  }
  return leaves.front();
}

size_t CompactRange::NodeCount(uint64_t begin, uint64_t end) {
  size_t count = 0;
  while (begin < end) {
    begin += uint64_t{1} << LargestLevel(begin, end);
    ++count;
  }
  return count;
}

absl::StatusOr<CompactRange> CompactRange::FromNodes(uint64_t begin, uint64_t end, std::vector<Hash> nodes) {
  if (begin > end || end > uint64_t{1} << 62 || nodes.size() != NodeCount(begin, end)) {
    return absl::InvalidArgumentError(
        absl::StrCat(nodes.size(), " hashes do not stand for the leaves from ", begin, " to ", end));
  }
  CompactRange range(begin);
  range.end_ = end;
  range.nodes_ = std::move(nodes);
  return range;
}

void CompactRange::Append(const Hash& leaf) { Push(leaf, 0); }

void CompactRange::Push(Hash node, int level) {
  assert((end_ & ((uint64_t{1} << level) - 1)) == 0);
  uint64_t start = end_;
  end_ += uint64_t{1} << level;
  // While it is a right child whose left sibling is in the range, too, the two become their parent.
  while ((start >> level & 1) != 0 && start - (uint64_t{1} << level) >= begin_) {
    node = NodeHash(nodes_.back(), node);
    nodes_.pop_back();
    start -= uint64_t{1} << level;
    ++level;
  }
  nodes_.push_back(node);
}

absl::Status CompactRange::Append(const CompactRange& next) {
  if (next.begin_ != end_) {
    return absl::InvalidArgumentError(
        absl::StrCat("leaves from ", next.begin_, " on do not follow those up to ", end_));
  }
  uint64_t begin = next.begin_;
  for (const Hash& node : next.nodes_) {
    const int level = LargestLevel(begin, next.end_);
    Push(node, level);
    begin += uint64_t{1} << level;
  }
  return absl::OkStatus();
}

Hash CompactRange::Root() const {
  assert(begin_ == 0);
  if (nodes_.empty()) return Sha256({});
  Hash root = nodes_.back();
  for (size_t i = nodes_.size() - 1; i-- > 0;) root = NodeHash(nodes_[i], root);
  return root;
}

}  // namespace sallyport::recorder
