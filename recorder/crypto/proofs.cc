#include "recorder/crypto/proofs.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::recorder {
namespace {

constexpr uint64_t kRun = 1024;     // leaves
constexpr uint64_t kReadRuns = 32;  // read at once: 1 MiB

absl::Status DoesNotProve(uint64_t size) {
  return absl::InvalidArgumentError(absl::StrCat("the proof does not lead to the root of the tree of ", size));
}

absl::Status TooLarge(uint64_t size) {
  return absl::InvalidArgumentError(absl::StrCat("a tree of ", size, " leaves is larger than any can be"));
}

// The largest power of two below `count`, which is at least 2: where RFC 6962 splits a tree.
uint64_t Split(uint64_t count) { return std::bit_floor(count - 1); }

}  // namespace

absl::Status VerifyInclusion(const Hash& leaf, uint64_t index, uint64_t size, absl::Span<const Hash> proof,
                             const Hash& root) {
  if (size > kMaxTreeSize) return TooLarge(size);
  if (index >= size) {
    return absl::InvalidArgumentError(absl::StrCat("there is no leaf ", index, " in a tree of ", size));
  }
  uint64_t node = index;
  uint64_t last = size - 1;
  Hash hash = leaf;
  for (const Hash& sibling : proof) {
    if (last == 0) return DoesNotProve(size);
    if ((node & 1) != 0 || node == last) {
      hash = NodeHash(sibling, hash);
      // A last node without a sibling goes up as it is.
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root ? absl::OkStatus() : DoesNotProve(size);
}

absl::Status VerifyConsistency(uint64_t old_size, const Hash& old_root, uint64_t new_size, const Hash& new_root,
                               absl::Span<const Hash> proof) {
  if (new_size > kMaxTreeSize) return TooLarge(new_size);
  if (old_size > new_size) {
    return absl::InvalidArgumentError(absl::StrCat("a tree of ", new_size, " leaves cannot extend one of ", old_size));
  }
  if (old_size == 0 || old_size == new_size) {
    const Hash expected = old_size == 0 ? Sha256({}) : new_root;
    if (old_size == new_size && old_root != new_root) return DoesNotProve(new_size);
    return old_root == expected && proof.empty() ? absl::OkStatus() : DoesNotProve(new_size);
  }
  if (proof.empty()) return DoesNotProve(new_size);
  // A complete old tree is itself the first node; otherwise the proof names it.
  Hash old_hash = old_root;
  if (!std::has_single_bit(old_size)) {
    old_hash = proof.front();
    proof.remove_prefix(1);
  }
  Hash new_hash = old_hash;
  uint64_t node = old_size - 1;
  uint64_t last = new_size - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  for (const Hash& sibling : proof) {
    if (last == 0) return DoesNotProve(new_size);
    if ((node & 1) != 0 || node == last) {
      old_hash = NodeHash(sibling, old_hash);
      new_hash = NodeHash(sibling, new_hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = NodeHash(new_hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && new_hash == new_root ? absl::OkStatus() : DoesNotProve(new_size);
}

absl::StatusOr<Hash> Prover::Root(uint64_t size) {
  if (size > kMaxTreeSize) return TooLarge(size);
  return Range(0, size);
}

absl::StatusOr<std::vector<Hash>> Prover::Inclusion(uint64_t index, uint64_t size) {
  if (size > kMaxTreeSize) return TooLarge(size);
  if (index >= size) {
    return absl::InvalidArgumentError(absl::StrCat("there is no leaf ", index, " in a tree of ", size));
  }
  // From the root down, so in reverse.
  std::vector<Hash> proof;
  uint64_t begin = 0, end = size;
  while (end - begin > 1) {
    const uint64_t middle = begin + Split(end - begin);
    const bool left = index < middle;
    absl::StatusOr<Hash> sibling = left ? Range(middle, end) : Range(begin, middle);
    if (!sibling.ok()) return sibling.status();
    proof.push_back(*sibling);
    (left ? end : begin) = middle;
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

absl::StatusOr<std::vector<Hash>> Prover::Consistency(uint64_t old_size, uint64_t new_size) {
  if (new_size > kMaxTreeSize) return TooLarge(new_size);
  if (old_size > new_size) {
    return absl::InvalidArgumentError(absl::StrCat("a tree of ", new_size, " leaves cannot extend one of ", old_size));
  }
  std::vector<Hash> proof;
  if (old_size == 0 || old_size == new_size) return proof;
  // SUBPROOF, from the root down: to where the old tree ends exactly at the end of a subtree.
  uint64_t begin = 0, end = new_size;
  while (old_size != end) {
    const uint64_t middle = begin + Split(end - begin);
    const bool left = old_size <= middle;
    absl::StatusOr<Hash> sibling = left ? Range(middle, end) : Range(begin, middle);
    if (!sibling.ok()) return sibling.status();
    proof.push_back(*sibling);
    (left ? end : begin) = middle;
  }
  if (begin != 0) {
    absl::StatusOr<Hash> node = Range(begin, end);
    if (!node.ok()) return node.status();
    proof.push_back(*node);
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

absl::StatusOr<Hash> Prover::Range(uint64_t begin, uint64_t end) {
  std::vector<Hash> nodes;
  uint64_t leaf = begin;
  // In a range smaller than a run `begin` need not be where a run begins; it holds no complete run then.
  if (end - begin >= kRun) {
    if (absl::Status status = ReadRuns(end); !status.ok()) return status;
    nodes.assign(runs_.begin() + static_cast<ptrdiff_t>(begin / kRun),
                 runs_.begin() + static_cast<ptrdiff_t>(end / kRun));
    leaf = end / kRun * kRun;
  }
  if (leaf < end) {
    std::vector<Hash> rest(end - leaf);
    if (absl::Status status = read_(leaf, absl::MakeSpan(rest)); !status.ok()) return status;
    nodes.push_back(MerkleRoot(rest));
  }
  // An incomplete last subtree is joined like a node that has no sibling yet.
  return MerkleRoot(nodes);
}

absl::Status Prover::ReadRuns(uint64_t end) {
  const uint64_t wanted = end / kRun;
  while (runs_.size() < wanted) {
    const uint64_t count = std::min(kReadRuns, wanted - runs_.size());
    buffer_.resize(count * kRun);
    if (absl::Status status = read_(runs_.size() * kRun, absl::MakeSpan(buffer_)); !status.ok()) return status;
    for (uint64_t i = 0; i < count; ++i) {
      std::vector<Hash> run(buffer_.begin() + static_cast<ptrdiff_t>(i * kRun),
                            buffer_.begin() + static_cast<ptrdiff_t>((i + 1) * kRun));
      runs_.push_back(MerkleRoot(run));
    }
  }
  buffer_.clear();
  buffer_.shrink_to_fit();
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
