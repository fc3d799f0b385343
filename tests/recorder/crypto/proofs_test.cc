#include "recorder/crypto/proofs.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::recorder {
namespace {

std::string Hex(const Hash& hash) { return absl::BytesToHexString({hash.data(), hash.size()}); }

std::vector<Hash> Leaves(size_t count) {
  std::vector<Hash> leaves;
  for (size_t i = 0; i < count; ++i) leaves.push_back(LeafHash(absl::StrCat("leaf ", i)));
  return leaves;
}

Hash RootOf(absl::Span<const Hash> leaves) {
  std::vector<Hash> copy(leaves.begin(), leaves.end());
  return MerkleRoot(copy);
}

// RFC 6962 section 2.1, word by word.
Hash DefinedRoot(absl::Span<const Hash> leaves) {
  if (leaves.empty()) return Sha256({});
  if (leaves.size() == 1) return leaves[0];
  size_t split = 1;
  while (split * 2 < leaves.size()) split *= 2;
  return NodeHash(DefinedRoot(leaves.first(split)), DefinedRoot(leaves.subspan(split)));
}

// RFC 6962 section 2.1.2, word by word.
std::vector<Hash> DefinedSubproof(size_t old_size, absl::Span<const Hash> leaves, bool whole) {
  if (old_size == leaves.size()) return whole ? std::vector<Hash>() : std::vector<Hash>{DefinedRoot(leaves)};
  size_t split = 1;
  while (split * 2 < leaves.size()) split *= 2;
  std::vector<Hash> proof;
  if (old_size <= split) {
    proof = DefinedSubproof(old_size, leaves.first(split), whole);
    proof.push_back(DefinedRoot(leaves.subspan(split)));
  } else {
    proof = DefinedSubproof(old_size - split, leaves.subspan(split), false);
    proof.push_back(DefinedRoot(leaves.first(split)));
  }
  return proof;
}

Prover ProverOver(const std::vector<Hash>& leaves) {
  return Prover([&leaves](uint64_t first, absl::Span<Hash> out) {
    if (first + out.size() > leaves.size()) return absl::OutOfRangeError("no such leaf");
    std::copy_n(leaves.begin() + static_cast<ptrdiff_t>(first), out.size(), out.begin());
    return absl::OkStatus();
  });
}

// What a hostile hand could make of a proof.
std::vector<std::vector<Hash>> Mutations(const std::vector<Hash>& proof) {
  std::vector<std::vector<Hash>> mutations;
  for (size_t i = 0; i < proof.size(); ++i) {
    std::vector<Hash> flipped = proof;
    flipped[i][i % 32] ^= 1;
    mutations.push_back(flipped);
    std::vector<Hash> shorter = proof;
    shorter.erase(shorter.begin() + static_cast<ptrdiff_t>(i));
    mutations.push_back(shorter);
    if (i > 0 && proof[i] != proof[i - 1]) {
      std::vector<Hash> swapped = proof;
      std::swap(swapped[i], swapped[i - 1]);
      mutations.push_back(swapped);
    }
  }
  std::vector<Hash> longer = proof;
  longer.push_back(Hash{});
  mutations.push_back(longer);
  mutations.emplace_back(100, Hash{});
  return mutations;
}

constexpr size_t kSizes = 130;

}  // namespace

TEST_CASE("the tree's hashes are those of RFC 6962") {
  std::vector<Hash> none;
  CHECK(Hex(MerkleRoot(none)) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  std::vector<Hash> abc = {LeafHash("a"), LeafHash("b"), LeafHash("c")};
  CHECK(Hex(RootOf(abc)) == "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1");
  CHECK(Hex(*ProverOver(abc).Root(3)) == "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1");
}

TEST_CASE("each leaf of each small tree can be proved, and nothing else with the proof") {
  const std::vector<Hash> leaves = Leaves(kSizes);
  for (size_t size = 1; size <= kSizes; ++size) {
    const Hash root = DefinedRoot(absl::MakeSpan(leaves).first(size));
    Prover prover = ProverOver(leaves);
    REQUIRE(*prover.Root(size) == root);
    for (size_t index = 0; index < size; ++index) {
      absl::StatusOr<std::vector<Hash>> proof = prover.Inclusion(index, size);
      REQUIRE(proof.ok());
      REQUIRE(VerifyInclusion(leaves[index], index, size, *proof, root).ok());
      if (VerifyInclusion(leaves[(index + 1) % kSizes], index, size, *proof, root).ok()) FAIL("another leaf");
      if (VerifyInclusion(leaves[index], index, size, *proof, Hash{}).ok()) FAIL("another root");
      if (size > 1 && VerifyInclusion(leaves[index], (index + 1) % size, size, *proof, root).ok())
        FAIL("another place");
      for (const std::vector<Hash>& mutation : Mutations(*proof)) {
        if (VerifyInclusion(leaves[index], index, size, mutation, root).ok()) FAIL("mutated: " << index << " " << size);
      }
    }
  }
}

TEST_CASE("each small tree can be proved to extend each smaller one, and no other") {
  const std::vector<Hash> leaves = Leaves(kSizes);
  std::vector<Hash> roots;
  for (size_t size = 0; size <= kSizes; ++size) roots.push_back(DefinedRoot(absl::MakeSpan(leaves).first(size)));
  Prover prover = ProverOver(leaves);
  for (size_t size = 0; size <= kSizes; ++size) {
    for (size_t old_size = 0; old_size <= size; ++old_size) {
      absl::StatusOr<std::vector<Hash>> proof = prover.Consistency(old_size, size);
      REQUIRE(proof.ok());
      if (old_size > 0) REQUIRE(*proof == DefinedSubproof(old_size, absl::MakeSpan(leaves).first(size), true));
      REQUIRE(VerifyConsistency(old_size, roots[old_size], size, roots[size], *proof).ok());
      if (VerifyConsistency(old_size, Hash{}, size, roots[size], *proof).ok()) FAIL("another old root");
      if (old_size > 0 && VerifyConsistency(old_size, roots[old_size], size, Hash{}, *proof).ok()) FAIL("another root");
      if (old_size > 0 && old_size < size &&
          VerifyConsistency(old_size - 1, roots[old_size], size, roots[size], *proof).ok()) {
        FAIL("another old size");
      }
      for (const std::vector<Hash>& mutation : Mutations(*proof)) {
        if (VerifyConsistency(old_size, roots[old_size], size, roots[size], mutation).ok()) {
          FAIL("mutated: " << old_size << " " << size);
        }
      }
    }
  }
}

TEST_CASE("proofs over a tree of many runs are those of RFC 6962, and later ones read little") {
  constexpr size_t kSize = 70'003;
  const std::vector<Hash> leaves = Leaves(kSize);
  const absl::Span<const Hash> span = absl::MakeSpan(leaves);
  uint64_t read = 0, reads = 0;
  Prover prover([&](uint64_t first, absl::Span<Hash> out) {
    read += out.size();
    ++reads;
    std::copy_n(leaves.begin() + static_cast<ptrdiff_t>(first), out.size(), out.begin());
    return absl::OkStatus();
  });
  CHECK(*prover.Root(kSize) == DefinedRoot(span));
  CHECK(read == kSize);
  CHECK(reads < 10);
  for (const uint64_t index : {0, 1023, 1024, 5000, 65535, 65536, 69'999, 70'002}) {
    read = 0;
    absl::StatusOr<std::vector<Hash>> proof = prover.Inclusion(index, kSize);
    REQUIRE(proof.ok());
    CHECK(VerifyInclusion(leaves[index], index, kSize, *proof, DefinedRoot(span)).ok());
    CHECK(read <= 3072);
  }
  for (const uint64_t old_size : {1, 1024, 1025, 4096, 65536, 65537, 69'000, 70'002}) {
    absl::StatusOr<std::vector<Hash>> proof = prover.Consistency(old_size, kSize);
    REQUIRE(proof.ok());
    CHECK(*proof == DefinedSubproof(old_size, span, true));
  }
}

TEST_CASE("a leaf is proved for no place but its own, least of all for one behind the end of the tree") {
  constexpr size_t kSmall = 20;
  const std::vector<Hash> leaves = Leaves(kSmall);
  for (size_t size = 1; size <= kSmall; ++size) {
    const Hash root = DefinedRoot(absl::MakeSpan(leaves).first(size));
    Prover prover = ProverOver(leaves);
    for (size_t index = 0; index < size; ++index) {
      const std::vector<Hash> proof = prover.Inclusion(index, size).value();
      for (size_t place = 0; place < 2 * kSmall; ++place) {
        INFO("leaf " << index << " of " << size << " at " << place);
        REQUIRE(VerifyInclusion(leaves[index], place, size, proof, root).ok() == (place == index));
      }
      REQUIRE_FALSE(VerifyInclusion(leaves[index], UINT64_MAX, size, proof, root).ok());
    }
  }
}

// Everything fits but the number of hashes.
TEST_CASE("proofs are as long as the numbers say, also where the hashes fit") {
  const std::vector<Hash> leaves = Leaves(4);
  const Hash left = NodeHash(leaves[0], leaves[1]);
  const Hash first_three = NodeHash(left, leaves[2]);
  const Hash all = NodeHash(left, NodeHash(leaves[2], leaves[3]));
  const Hash other = LeafHash("another");
  // The root as its own leaf, and one leaf under a root of two.
  CHECK_FALSE(VerifyInclusion(left, 0, 2, {}, left).ok());
  CHECK_FALSE(VerifyInclusion(leaves[1], 0, 1, std::vector<Hash>{leaves[0]}, left).ok());
  // The tree of two said to be one of three.
  CHECK_FALSE(VerifyConsistency(1, leaves[0], 3, left, std::vector<Hash>{leaves[1]}).ok());
  // Both trees under one more node.
  const std::vector<Hash> proof = {leaves[2], leaves[3], left};
  CHECK(VerifyConsistency(3, first_three, 4, all, proof).ok());
  std::vector<Hash> longer = proof;
  longer.push_back(other);
  CHECK_FALSE(VerifyConsistency(3, NodeHash(other, first_three), 4, NodeHash(other, all), longer).ok());
  // None where there has to be one.
  CHECK_FALSE(VerifyConsistency(3, first_three, 4, all, {}).ok());
  CHECK_FALSE(VerifyConsistency(2, left, 4, left, {}).ok());
}

TEST_CASE("the largest tree that there can be is proved, and one of a leaf more is not") {
  const std::vector<Hash> leaves = Leaves(64);
  const auto left_of = [&](size_t siblings) {
    Hash root = leaves[0];
    for (size_t i = 1; i <= siblings; ++i) root = NodeHash(root, leaves[i]);
    return root;
  };
  const auto siblings = [&](size_t count) { return absl::MakeSpan(leaves).subspan(1, count); };
  CHECK(VerifyInclusion(leaves[0], 0, kMaxTreeSize, siblings(62), left_of(62)).ok());
  CHECK_FALSE(VerifyInclusion(leaves[0], 0, kMaxTreeSize + 1, siblings(63), left_of(63)).ok());
  CHECK(VerifyConsistency(1, leaves[0], kMaxTreeSize, left_of(62), siblings(62)).ok());
  CHECK_FALSE(VerifyConsistency(1, leaves[0], kMaxTreeSize + 1, left_of(63), siblings(63)).ok());
}

TEST_CASE("numbers that no tree can have are refused") {
  const std::vector<Hash> leaves = Leaves(8);
  Prover prover = ProverOver(leaves);
  CHECK(absl::IsInvalidArgument(prover.Root(kMaxTreeSize + 1).status()));
  CHECK(absl::IsInvalidArgument(prover.Inclusion(8, 8).status()));
  CHECK(absl::IsInvalidArgument(prover.Inclusion(0, 0).status()));
  CHECK(absl::IsInvalidArgument(prover.Inclusion(0, kMaxTreeSize + 1).status()));
  CHECK(absl::IsInvalidArgument(prover.Consistency(9, 8).status()));
  CHECK(absl::IsInvalidArgument(prover.Consistency(1, kMaxTreeSize + 1).status()));
  CHECK_FALSE(prover.Inclusion(0, 9).ok());  // the leaf cannot be read
  CHECK_FALSE(VerifyInclusion(leaves[0], 0, 0, {}, Sha256({})).ok());
  CHECK_FALSE(VerifyInclusion(leaves[0], UINT64_MAX, UINT64_MAX, {}, Sha256({})).ok());
  CHECK_FALSE(VerifyInclusion(leaves[0], 0, UINT64_MAX, std::vector<Hash>(64), Sha256({})).ok());
  CHECK_FALSE(VerifyConsistency(2, leaves[0], 1, leaves[0], {}).ok());
  CHECK_FALSE(VerifyConsistency(1, leaves[0], UINT64_MAX, leaves[0], std::vector<Hash>(64)).ok());
  CHECK_FALSE(VerifyConsistency(0, leaves[0], 5, leaves[0], {}).ok());
}

}  // namespace sallyport::recorder
